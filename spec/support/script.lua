--- A client without a network: its streams play what a script says.

local answer = require "bedrock.answer"
local errors = require "bedrock.errors"
local json = require "bedrock.json"

local script = {}

local Stream = {}
Stream.__index = Stream

function Stream:next()
  if self.err then return nil, self.err end
  self.at = self.at + 1
  local event = self.list[self.at]
  if errors.is(event) then
    if event.code ~= "WaitTimeout" then self.err = event end
    return nil, event
  end
  if event then self.answer:add(event) end
  return event
end

--- Nothing is ever there at the first look.
function Stream:poll()
  self.looks = self.looks + 1
  if self.looks % 2 == 1 then return false end
  return self:next()
end

function Stream:response()
  while self.list[self.at + 1] do
    local event, err = self:next()
    if not event then return nil, err end
  end
  if self.err then return nil, self.err end
  return self.answer:response()
end

function Stream:partial() return self.answer:partial() end

function Stream:close()
  self.closed = self.closed + 1
  self.err = self.err or errors.new("closed", "closed")
end

-- As it was at the call, whatever becomes of the tables.
local function copy(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, member in pairs(value) do made[key] = copy(member) end
  return setmetatable(made, getmetatable(value))
end

local Client = {}
Client.__index = Client

function Client:converse_stream(params)
  self.requests[#self.requests + 1] = copy(params)
  local round = table.remove(self.rounds, 1)
  if type(round) == "function" then round = round(params) end
  local stream = setmetatable({ list = assert(round, "no round left"), at = 0,
    looks = 0, closed = 0, answer = answer.converse() }, Stream)
  self.streams[#self.streams + 1] = stream
  return stream
end

--- A client whose next calls play these rounds: each a list of events in
-- which an error object ends it, or a function(params) that returns one.
-- `client.requests` has the parameters of each call.
function script.client(...)
  return setmetatable({ rounds = { ... }, requests = {},
    streams = {}, host = { clock = os.clock, wait = function() end } }, Client)
end

--- The events of an answer with this content.
-- Strings are text, tables toolUse blocks whose `input` is a table, or text
-- that goes out as it is.
function script.answer(content, stop)
  local events = { { messageStart = { role = "assistant" } } }
  local called = false
  for i, item in ipairs(content) do
    local at = i - 1
    if type(item) == "string" then
      for piece in item:gmatch "%S+%s*" do
        events[#events + 1] = { contentBlockDelta = {
          contentBlockIndex = at, delta = { text = piece } } }
      end
    else
      called = true
      events[#events + 1] = { contentBlockStart = { contentBlockIndex = at,
        start = { toolUse = { toolUseId = item.toolUseId, name = item.name,
                              type = item.type } } } }
      local input = item.input or ""
      if type(input) == "table" then input = json.encode(input) end
      events[#events + 1] = { contentBlockDelta = { contentBlockIndex = at,
        delta = { toolUse = { input = input } } } }
    end
    events[#events + 1] = { contentBlockStop = { contentBlockIndex = at } }
  end
  events[#events + 1] = { messageStop = {
    stopReason = stop or called and "tool_use" or "end_turn" } }
  events[#events + 1] = { metadata = { metrics = { latencyMs = 1 },
    usage = { inputTokens = 10, outputTokens = 2, totalTokens = 12 } } }
  return events
end

return script
