--- What comes of a content block of ConverseStream, and is kept until the
-- whole is asked for; all but its text, which converse.lua takes.
--
-- | arrives as                             | is kept as                      |
-- |----------------------------------------|---------------------------------|
-- | start.toolUse, delta.toolUse.input     | use, input (or decoded)         |
-- | start.toolResult, delta.toolResult     | result, results                 |
-- | delta.reasoningContent text, signature | reasoning, signature            |
-- | delta.reasoningContent.redactedContent | redacted                        |
-- | delta.citation                         | citations                       |
-- | any other start and deltas             | others, in the order of `order` |
--
-- A start that names what deltas bring (a mock's `reasoningContent = {}`) is
-- taken as one of them: kept as it is, it would be a block without content.

local json = require "bedrock.json"
local parts = require "bedrock.answer.parts"

local null = json.null

local blocks = {}

local function append(block, name, piece)
  local text = block[name] or parts.text()
  block[name] = text
  text:add(piece)
end

local function keep(block, kind, value)
  local others = block.others
  if not others then
    others, block.order = {}, {}
    block.others = others
  end
  if not others[kind] then
    others[kind] = {}
    block.order[#block.order + 1] = kind
  end
  others[kind][#others[kind] + 1] = value
end

-- Kind of delta -> what to do with one.  Each checks the type it needs and
-- leaves what is shaped otherwise to `keep`.
local deltas = {}

-- Of a start: what a delta brings is converse.lua's.
function deltas.text(block, text)
  if type(text) ~= "string" then return false end
  append(block, "text", text)
end

function deltas.toolUse(block, delta)
  local input = type(delta) == "table" and delta.input
  -- Pieces that come after the stop belong to nothing; appended they would
  -- spoil an input that was whole.
  if block.stopped then return end
  if type(input) == "string" then
    append(block, "input", input)
  elseif type(input) == "table" and input ~= null then
    block.decoded = input
  else
    return false
  end
end

function deltas.toolResult(block, results)
  if type(results) ~= "table" then return false end
  block.results = block.results or {}
  -- An update continues the text that the update before it ended with.
  local last = block.results[#block.results]
  for i, piece in ipairs(results) do
    local text = type(piece) == "table" and piece.text
    if i == 1 and type(text) == "string" and last and last.text then
      last.text:add(text)
    elseif type(text) == "string" and next(piece, next(piece)) == nil then
      local growing = parts.text()
      growing:add(text)
      block.results[#block.results + 1] = { text = growing }
    else
      block.results[#block.results + 1] = { value = piece }
    end
  end
end

local reasoning = { text = "reasoning", signature = "signature",
                    redactedContent = "redacted" }

function deltas.reasoningContent(block, delta)
  if type(delta) ~= "table" then return false end
  for kind, value in pairs(delta) do
    if reasoning[kind] and type(value) == "string" then
      append(block, reasoning[kind], value)
    elseif value ~= null then
      keep(block, "reasoningContent", { [kind] = value })
    end
  end
end

function deltas.citation(block, citation)
  if type(citation) ~= "table" then return false end
  block.citations = block.citations or {}
  block.citations[#block.citations + 1] = parts.copy(citation)
end

--- Take a delta that is no null.
-- @param block what is kept of its block
-- @param kind the delta's member: "toolUse", ...
function blocks.add_delta(block, kind, value)
  local add = deltas[kind]
  if not add or add(block, value) == false then keep(block, kind, value) end
end

--- Take what contentBlockStart says.
-- @param start a table
function blocks.add_start(block, start)
  for kind, value in pairs(start) do
    if kind == "toolUse" and type(value) == "table" then
      block.use = parts.copy(value)
      if value.input ~= nil then deltas.toolUse(block, value) end
    elseif kind == "toolResult" and type(value) == "table" then
      block.result = parts.copy(value)
      if value.content ~= nil then deltas.toolResult(block, value.content) end
    elseif value ~= null then
      blocks.add_delta(block, kind, value)
    end
  end
end

return blocks
