--- A whole answer out of the events of ConverseStream.
--
-- Blocks are found by their `contentBlockIndex`, never by "the current one":
-- text blocks have no contentBlockStart, blocks may interleave, and a
-- contentBlockStop may be missing.  The result has the shape that `Converse`
-- returns and may go back into `messages` as it is.
--
-- | arrives as                          | becomes                            |
-- |-------------------------------------|------------------------------------|
-- | delta.text                          | text (not when blank)              |
-- | delta.text, delta.citation          | citationsContent                   |
-- | start.toolUse, delta.toolUse.input  | toolUse, input decoded             |
-- | start.toolResult, delta.toolResult  | toolResult, content appended       |
-- | delta.reasoningContent text, signature | reasoningContent.reasoningText  |
-- | delta.reasoningContent.redactedContent | reasoningContent.redactedContent |
-- | any other start and deltas          | a block of that name, merged       |
--
-- A start that names what deltas bring (a mock's `reasoningContent = {}`) is
-- taken as one of them: kept as it is, it would be a block without content.

local json = require "bedrock.json"
local parts = require "bedrock.answer.parts"

local push, join, blank = parts.push, parts.join, parts.blank
local next, type = next, type
local null = json.null

local Converse = {}
Converse.__index = Converse

-- Reasons that mean "cut off here": a tool without any input text may
-- then have had one coming.
local CUT = { max_tokens = true, model_context_window_exceeded = true }

local function append(block, name, piece)
  local list = block[name]
  if not list then
    list = { n = 0 }
    block[name] = list
  end
  push(list, piece)
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
      push(last.text, text)
    elseif type(text) == "string" and next(piece, next(piece)) == nil then
      local list = { n = 0 }
      push(list, text)
      block.results[#block.results + 1] = { text = list }
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
    if kind == "text" and block.text and type(value) == "string" then
      push(block.text, value) -- as nearly all are: without a detour
    elseif value ~= null then
      local add = deltas[kind]
      if not add or add(block, value) == false then keep(block, kind, value) end
    end
  end
  self.text_block = block.text and block
end

local function add_start(self, event)
  if type(event) ~= "table" then return end
  local block = block_at(self, event.contentBlockIndex)
  if type(event.start) ~= "table" then return end
  for kind, value in pairs(event.start) do
    if kind == "toolUse" and type(value) == "table" then
      block.use = parts.copy(value)
      if value.input ~= nil then deltas.toolUse(block, value) end
    elseif kind == "toolResult" and type(value) == "table" then
      block.result = parts.copy(value)
      if value.content ~= nil then deltas.toolResult(block, value.content) end
    elseif value ~= null then
      local add = deltas[kind]
      if not add or add(block, value) == false then keep(block, kind, value) end
    end
  end
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
  self.built = nil
  local e = event.contentBlockDelta
  if text then
    -- Nearly every event continues the text that the one before it did; a
    -- delta is a union, so there is nothing beside the text.
    local block = self.text_block
    if block and block.index == e.contentBlockIndex then
      return push(block.text, text)
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

-- Is this block the one that the answer was cut in?
local function cut_in(self, block)
  if self.rest.stopReason == nil then return not block.stopped end
  if not CUT[self.rest.stopReason] then return false end
  for _, other in ipairs(self.list) do
    if other.index > block.index then return false end
  end
  return true
end

local function tool_use(self, block)
  local use = parts.copy(block.use or {})
  local made = { toolUse = use }
  if block.decoded and not block.input then
    use.input = block.decoded
    return made
  end
  local text = join(block.input)
  local input, message = parts.input(text)
  if input == nil then
    parts.mark(made, text, message)
  elseif blank(text) and cut_in(self, block) then
    parts.mark(made, text, "the answer ended before the input began")
  end
  use.input = input == nil and json.object {} or input
  return made
end

local function tool_result(block)
  local result = parts.copy(block.result or {})
  local content = {}
  for i, piece in ipairs(block.results or {}) do
    content[i] = piece.text and { text = join(piece.text) } or piece.value
  end
  result.content = content[1] and content or json.array {}
  return { toolResult = result }
end

local function reasoning_text(block)
  local made = { text = join(block.reasoning) }
  if block.signature then made.signature = join(block.signature) end
  return { reasoningContent = { reasoningText = made } }
end

local function cited(block)
  local text = join(block.text)
  return { citationsContent = {
    content = text ~= "" and { { text = text } } or nil,
    citations = block.citations,
  } }
end

-- Append what `block` has become to `content`.
local function build(self, block, content)
  local function put(made) content[#content + 1] = made end
  if block.use or block.input or block.decoded then
    put(tool_use(self, block))
  end
  if block.result or block.results then put(tool_result(block)) end
  -- What a model thought of nothing is no block, as blank text is none.
  local redacted = join(block.redacted)
  if block.signature or not blank(join(block.reasoning)) then
    put(reasoning_text(block))
  end
  if redacted ~= "" then
    put { reasoningContent = { redactedContent = redacted } }
  end
  if block.citations then
    put(cited(block))
  elseif block.text then
    put { text = join(block.text) }
  end
  for _, kind in ipairs(block.order or {}) do
    put { [kind] = parts.merge(block.others[kind]) }
  end
end

-- The table that holds the text of a block which a neighbour may continue.
local function holder(made)
  if type(made.text) == "string" then return made, "text" end
  local reasoned = made.reasoningContent
  if reasoned and reasoned.reasoningText then
    return reasoned.reasoningText, "reasoning"
  end
end

-- Nova's native stream gives each piece of text a block of its own, where
-- its whole answer has one: join neighbours of one kind.
local function join_neighbours(content)
  local joined, run = {}, nil
  local function finish()
    if run then run.holder.text = join(run.pieces) end
    run = nil
  end
  for _, made in ipairs(content) do
    local from, kind = holder(made)
    if not (run and run.kind == kind) or run.holder.signature then
      finish()
      joined[#joined + 1] = made
      run = kind and { holder = from, kind = kind, pieces = { n = 0 } }
    else
      run.holder.signature = from.signature
    end
    if run then push(run.pieces, from.text) end
  end
  finish()
  return joined
end

local function by_index(a, b) return a.index < b.index end

local function content_of(self)
  local list = {}
  for i, block in ipairs(self.list) do list[i] = block end
  table.sort(list, by_index)
  local all, content = {}, {}
  for _, block in ipairs(list) do build(self, block, all) end
  if self.joined then all = join_neighbours(all) end
  for _, made in ipairs(all) do
    local text = made.text
    if type(text) ~= "string" or not blank(text) then
      content[#content + 1] = made
    end
  end
  return content[1] and content or json.array {}
end

--- What arrived so far, in the shape of `response`.  Never fails.
-- @return a table; `stopReason`, `usage` and `metrics` are there once they
--   came.  A tool input that is still coming is `{}`; see
--   `answer.incomplete`.
function Converse:partial()
  local response = parts.copy(self.rest)
  response.output = { message = { role = self.role or "assistant",
                                  content = content_of(self) } }
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
  return setmetatable({ blocks = {}, list = {}, rest = {}, joined = joined },
                      Converse)
end

--- The piece of text in an event, or nil.  Empty pieces give nil too.
converse.text = text_of

return converse
