--- A whole answer out of the events of ConverseStream.
--
--     events --> here --> { blocks } --> content.lua --> Converse's answer
--                           deltas: blocks.lua
--
-- Blocks are found by their `contentBlockIndex`, never by "the current one":
-- text blocks have no contentBlockStart, blocks may interleave, and a
-- contentBlockStop may be missing.  The result has the shape that `Converse`
-- returns and may go back into `messages` as it is.

local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local parts = require "bedrock.answer.parts"

local blocks = lazy "bedrock.answer.blocks"
local content = lazy "bedrock.answer.content"

local next, type = next, type
local null = json.null

local Converse = {}
Converse.__index = Converse

local function block_at(self, index)
  -- A gateway that leaves out zeros means the first block.
  if type(index) ~= "number" then index = 0 end
  local block = self.blocks[index]
  if not block then
    block = { index = index }
    self.blocks[index] = block
    self.list[#self.list + 1] = block
  end
  return block
end

local function add_delta(self, event)
  local delta = event.delta
  if type(delta) ~= "table" then return end
  local block = self.blocks[event.contentBlockIndex]
    or block_at(self, event.contentBlockIndex)
  for kind, value in next, delta do
    if kind == "text" and type(value) == "string" then
      block.text = block.text or parts.text()
      block.text:add(value) -- as nearly all are: without a detour
    elseif value ~= null then
      blocks.add_delta(block, kind, value)
    end
  end
  self.growing, self.index = block.text, block.index
end

local function add_start(self, event)
  if type(event) ~= "table" then return end
  local block = block_at(self, event.contentBlockIndex)
  if type(event.start) == "table" then blocks.add_start(block, event.start) end
end

-- A message has a role and content; what else a service of tomorrow says at
-- its start is told of the answer, so that the message may go back.
local function add_message(self, event)
  local start = parts.copy(event)
  self.role = parts.present(start.role) and start.role or self.role
  start.role = nil
  parts.copy(start, self.rest)
end

--- Take one event.  Events that the model of the service does not know are
-- passed over; they never fail.
-- @param event an event table as the stream hands it out
-- @param text what the decoder found in it: `contentBlockDelta.delta.text`, a
--   string; nil where nobody looked
function Converse:add(event, text)
  self.built = false
  local e = event.contentBlockDelta
  if text then
    -- Nearly every event continues the text that the one before it did; a
    -- delta is a union, so there is nothing beside the text.
    local growing = self.growing
    if growing and self.index == e.contentBlockIndex then
      return growing:add(text)
    end
  end
  if type(e) == "table" then
    add_delta(self, e)
  elseif event.contentBlockStart then
    add_start(self, event.contentBlockStart)
  elseif event.contentBlockStop then
    local stop = parts.copy(event.contentBlockStop)
    block_at(self, stop.contentBlockIndex).stopped = true
  elseif event.messageStart then
    add_message(self, event.messageStart)
  elseif event.messageStop then
    parts.copy(event.messageStop, self.rest)
  elseif event.metadata then
    parts.copy(event.metadata, self.rest)
  end
end

--- What arrived so far, in the shape of `response`.  Never fails.
-- @return a table; `stopReason`, `usage` and `metrics` are there once they
--   came.  A tool input that is still coming is `{}`; see
--   `answer.incomplete`.
function Converse:partial()
  local response = parts.copy(self.rest)
  response.output = { message = { role = self.role or "assistant",
                                  content = content.of(self) } }
  return response
end

--- The answer in the shape that `Converse` returns: `output.message`,
-- `stopReason`, `usage`, `metrics`, and whatever else messageStop and
-- metadata brought (`trace`, `performanceConfig`, `serviceTier`,
-- `additionalModelResponseFields`, members of tomorrow).
-- @return the same table each time until another event is added
function Converse:response()
  self.built = self.built or self:partial()
  return self.built
end

local converse = {}

local function text_of(event)
  local delta = event.contentBlockDelta
  delta = type(delta) == "table" and delta.delta
  local text = type(delta) == "table" and delta.text
  if type(text) == "string" and text ~= "" then return text end
  return nil
end

--- The piece of text in an event, or nil.
function Converse:text(event) -- luacheck: no self
  return text_of(event)
end

--- A new, empty accumulator for the events of ConverseStream.
-- @param joined join neighbouring text blocks (Nova's native stream)
function converse.new(joined)
  return setmetatable({
    blocks = {}, list = {}, rest = {}, joined = joined, built = false,
    role = nil, growing = nil, index = nil, -- nil: room for them
  }, Converse)
end

--- The piece of text in an event, or nil.  Empty pieces give nil too.
converse.text = text_of

return converse
