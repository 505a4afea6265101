--- Many calls at once: `client:map`.
--
--     for index, response, err in client:map(list, { concurrency = 64 }) do
--
--     list --> [ at most `concurrency` tasks ] --> index, response, err
--                 ^          | throttled
--                 +-- pace <-+
--
-- What the service refuses because there is too much of it is no failure of
-- the item: all of them go slower (pace.lua), and the item is sent again.
-- Only when nothing got through for `patience` seconds is it handed out, and
-- what was not sent yet with it.  Other failures are retried as in any call.

local crowd = require "bedrock.crowd"
local errors = require "bedrock.errors"
local nearest = require "bedrock.nearest"
local pace = require "bedrock.pace"
local task = require "bedrock.task"

local map = {}

local Map = { __name = "bedrock.map" }
local methods = {}

-- A call under way, for the crowd.
local Item = {}
Item.__index = Item

function Item:step() return self.task:step() end
function Item:waits() return self.host, self.task.deadline, self.task.source end

-- The whole answer of an operation that streams.
local function call(client, name, params)
  local response, err = client:call(name, params)
  if type(response) == "table" and response.response then
    return response:response()
  end
  return response, err
end

local function start(self, item)
  item.sent = self.host:clock()
  item.task = task.new(call, self.client, self.operation, item.params)
  self.crowd:add(item)
  self.running = self.running + 1
end

-- The next item, where the concurrency allows one: those that were refused
-- come first.
local function next_item(self)
  if self.running >= self.concurrency then return nil end
  local again = table.remove(self.again, 1)
  if again or self.exhausted then return again end
  local params = self.source(self.sent + 1)
  if params == nil then
    self.exhausted = true
    return nil
  end
  self.sent = self.sent + 1
  return setmetatable({ index = self.sent, params = params, host = self.host,
    tries = 0 }, Item)
end

-- Start what may be started; `self.held` is an item that waits for the pace.
local function start_more(self)
  while true do
    local item = self.held or next_item(self)
    self.held = item
    if not item then return end
    if self.given_up then
      self.held = nil
      self.over[#self.over + 1] = { item, nil, self.given_up() }
    else
      local now = self.host:clock()
      local delay = self.pace:take(now)
      self.due = delay > 0 and now + delay or nil
      if self.due then return end
      self.held = nil
      start(self, item)
    end
  end
end

-- The service refused all for too long.
local function give_up(self, err, now)
  self.given_up = function()
    return errors.new("service", ("not sent: the service has throttled every "
      .. "call for %d s (%s)"):format(math.floor(now - self.through),
      err.message), {
      code = err.code, retryable = true, throttling = true, attempts = 0,
      operation = self.operation })
  end
end

local function settle(self, item, response, err)
  local now = self.host:clock()
  item.tries = item.tries + (err and err.attempts or 0)
  if not (err and err.throttling) then
    self.pace:accepted(now, item.sent)
    self.through = now
  else
    self.pace:throttled(now, item.sent, err.retry_after)
    if now - self.through < self.patience then
      self.again[#self.again + 1] = item
      return
    end
    give_up(self, err, now)
  end
  if err then err.attempts, err.quota_exhausted = item.tries, nil end
  self.over[#self.over + 1] = { item, response, err }
end

-- Go on with what can; false when all have to wait, or nothing is left.
local function step(self)
  start_more(self)
  local member = self.crowd:take()
  if not member then return false end
  local item = member.what
  if not item:step() then
    self.crowd:park(member)
    return true
  end
  self.crowd:leave(member)
  self.running = self.running - 1
  settle(self, item, item.task:result())
  return true
end

-- The result to hand out next, if it is there.
local function take(self)
  local first = self.over[1]
  while first do
    table.remove(self.over, 1)
    self.done = self.done + 1
    self.results[self.ordered and first[1].index or self.done] = first
    if self.progress then self.progress(self.done, self.total) end
    first = self.over[1]
  end
  local result = self.results[self.handed + 1]
  if not result then return nil end
  self.handed = self.handed + 1
  self.results[self.handed] = nil
  return result[1].index, result[2], result[3]
end

-- index, response, err | false: all have to wait | nil: the end
local function advance(self)
  while true do
    local index, response, err = take(self)
    if index then return index, response, err end
    if self.closed then return nil end
    if not step(self) and not self.over[1] then
      local more = self.running > 0 or self.held
      return more and false
    end
  end
end

--- The next result.
-- @return index, response; index, nil, err; nil at the end
function methods:next()
  while true do
    local index, response, err = advance(self)
    if index ~= false then return index, response, err end
    self.crowd:wait(self.due)
  end
end

--- The next result that is there already; never waits.
-- @return as `next`; false when there is none yet
function methods:poll()
  local index, response, err = advance(self)
  if index ~= false then return index, response, err end
  self.crowd:glance()
  return advance(self)
end

--- Give up what is under way; nothing more is sent.
function methods:close()
  self.closed = true
  for member in pairs(self.crowd.members) do
    self.crowd:leave(member)
    member.what.task:close()
  end
  self.running, self.held, self.over, self.results = 0, nil, {}, {}
end

Map.__index = methods
Map.__close = methods.close

--- Serves `for index, response, err in map do`.
function Map:__call()
  task.iterate(self.host)
  return self:next()
end

function Map:__tostring()
  return ("bedrock.map: %d under way, %d done"):format(self.running,
    self.done)
end

local OPTIONS = { operation = "string", concurrency = "number",
  ordered = "boolean", progress = "function", patience = "number" }
local NAMES = { "operation", "concurrency", "ordered", "progress",
  "patience" }

local function check(options)
  for name, value in pairs(options) do
    local wanted = OPTIONS[name]
    if not wanted then
      local near = nearest.find(tostring(name), NAMES)
      error(("unknown option %q%s"):format(tostring(name),
        near and (", did you mean %q?"):format(near) or ""), 3)
    elseif type(value) ~= wanted then
      error(("option %s: expected a %s, got %s"):format(name, wanted,
        type(value)), 3)
    end
  end
  if (options.concurrency or 1) < 1 then
    error("option concurrency: expected 1 or more", 3)
  end
end

-- The same client, but refusals are ours to deal with: they cost no retry.
local function patient(client)
  local quota = client.quota
  local own = { take = function(_, class)
    return class ~= "throttling" and quota:take(class) or nil
  end, give_back = function(_, cost) quota:give_back(cost) end }
  return setmetatable({ quota = own }, { __index = client })
end

-- function(index) -> the parameters of an item, nil after the last
local function source_of(list)
  if type(list) == "function" then return list end
  if type(list) ~= "table" then
    error("expected a list of parameters, got " .. type(list), 3)
  end
  return function(index) return list[index] end
end

--- @param client see client.lua
-- @param operation the operation's name in the model
-- @param list the parameters of each call: a list, or a function(index) that
--   gives nil after the last one
-- @param options table:
--   operation    not looked at here
--   concurrency  calls under way at most (16)
--   ordered      true: results come in the order of the list, and not as they
--                finish
--   progress     function(done, total) called as each item finishes
--   patience     seconds without a call that got through, after which the
--                service's refusals are handed out (60)
-- @return an object that serves `for`; Lua 5.4 closes it when the loop is
--   left
function map.new(client, operation, list, options)
  check(options)
  local now = client.host:clock()
  return setmetatable({
    client = patient(client), host = client.host, operation = operation,
    source = source_of(list), total = type(list) == "table" and #list or nil,
    concurrency = options.concurrency or 16, ordered = options.ordered,
    progress = options.progress, patience = options.patience or 60,
    pace = pace.new(now), through = now, crowd = crowd.new(client.host),
    running = 0, sent = 0, done = 0, handed = 0, again = {}, over = {},
    results = {},
  }, Map)
end

return map
