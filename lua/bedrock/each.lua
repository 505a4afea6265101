--- Several streams read as one: `bedrock.each`.
--
--     for stream, event, err in bedrock.each { s1, s2 } do
--       if event then ... else ... end -- the stream's end, or err
--     end
--
-- Events come as they arrive, in turn where several streams have some.  At
-- its end a stream comes once more, without an event.  Turns of conversations
-- are streams too.

local crowd = require "bedrock.crowd"
local errors = require "bedrock.errors"
local task = require "bedrock.task"

local each = {}

local Each = { __name = "bedrock.each" }
local methods = {}

--- One more stream.
-- @return the same object
function methods:add(stream)
  if type(stream) ~= "table" or not stream.step or not stream.waits then
    error("expected a stream, got " .. type(stream), 2)
  end
  if not self.known[stream] then
    self.known[stream] = true
    self.open = self.open + 1
    self.crowd:add(stream)
  end
  return self
end

-- stream, event, err | false: all have to wait | nil: all are over
local function advance(self)
  local queue = self.crowd
  while true do
    local member = queue:take()
    if not member then
      if self.open > 0 then return false end
      return nil
    end
    local stream = member.what
    local event, err = stream:step()
    if event then
      if stream.hungry and stream.dry then
        queue:rest(member)
      else
        queue:ready(member)
      end
      return stream, event
    elseif event == false then
      queue:park(member)
    else
      queue:leave(member)
      self.open = self.open - 1
      return stream, nil, err
    end
  end
end

--- What comes next, from any of the streams.
-- @param timeout seconds to wait for it at most, or nil
-- @return stream, event; stream, nil, err at the stream's end (err is nil at
--   a clean one); nil when all are over; nil, nil, err after the timeout
--   (code "WaitTimeout"), and the streams go on
function methods:next(timeout)
  local limit = timeout and self.crowd:clock() + timeout
  while true do
    local stream, event, err = advance(self)
    if stream ~= false then return stream, event, err end
    if limit and self.crowd:clock() >= limit then
      stream, event, err = self:poll()
      if stream ~= false then return stream, event, err end
      return nil, nil, errors.new("timeout", ("no event within %g s")
        :format(timeout), { code = "WaitTimeout", retryable = true,
        seconds = timeout })
    end
    self.crowd:wait(limit)
  end
end

--- What is there already; never waits.
-- @return as `next`; false when nothing is there yet
function methods:poll()
  local stream, event, err = advance(self)
  if stream ~= false then return stream, event, err end
  self.crowd:glance()
  return advance(self)
end

--- Close all the streams.
function methods:close()
  for member in pairs(self.crowd.members) do
    self.crowd:leave(member)
    member.what:close()
  end
  self.crowd, self.open = crowd.new(), 0
end

Each.__index = methods
Each.__close = methods.close

--- Serves `for stream, event, err in each do`.
function Each:__call()
  if task.stuck then
    for _, group in ipairs(self.crowd.list) do task.iterate(group.host) end
  end
  local stream, event, err = advance(self)
  if stream ~= false then return stream, event, err end
  return self:next()
end

function Each:__tostring()
  return ("bedrock.each: %d streams open"):format(self.open)
end

-- The streams in a list.  A method's call at the end of a constructor leaves
-- further values there, nil among them: what `for` is served with.
local function streams_in(list)
  local places, streams = {}, {}
  for place in pairs(list) do
    if type(place) == "number" then places[#places + 1] = place end
  end
  table.sort(places)
  for i, place in ipairs(places) do streams[i] = list[place] end
  return streams
end

--- @param list streams, or turns of conversations
-- @return an object that serves `for`; Lua 5.4 closes the streams with it
--   when the loop is left
function each.new(list)
  if type(list) ~= "table" or list.step then
    error("expected a list of streams, got "
      .. (type(list) == "table" and "one" or type(list)), 3)
  end
  local self = setmetatable({ crowd = crowd.new(), known = {}, open = 0 },
    Each)
  for i, stream in ipairs(streams_in(list)) do
    local fine, why = pcall(self.add, self, stream)
    if not fine then error(("streams[%d]: %s"):format(i, why), 3) end
  end
  return self
end

return each
