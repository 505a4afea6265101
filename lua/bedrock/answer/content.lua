--- The content of a message, out of what converse.lua kept of its blocks.
--
-- | kept of a block              | becomes                          |
-- |------------------------------|----------------------------------|
-- | text                         | text (not when blank)            |
-- | text, citations              | citationsContent                 |
-- | use, input                   | toolUse, input decoded           |
-- | result, results              | toolResult, content appended     |
-- | reasoning, signature         | reasoningContent.reasoningText   |
-- | redacted                     | reasoningContent.redactedContent |
-- | others                       | a block of that name, merged     |

local json = require "bedrock.json"
local merge = require "bedrock.answer.merge"
local parts = require "bedrock.answer.parts"
local tool_input = require "bedrock.answer.tool_input"

local join, blank = parts.join, parts.blank

local content = {}

-- Reasons that mean "cut off here": a tool without any input text may
-- then have had one coming.
local CUT = { max_tokens = true, model_context_window_exceeded = true }

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
  local input, message = tool_input.decode(text)
  if input == nil then
    tool_input.mark(made, text, message)
  elseif blank(text) and cut_in(self, block) then
    tool_input.mark(made, text, "the answer ended before the input began")
  end
  use.input = input == nil and json.object {} or input
  return made
end

local function tool_result(block)
  local result = parts.copy(block.result or {})
  local list = {}
  for i, piece in ipairs(block.results or {}) do
    list[i] = piece.text and { text = join(piece.text) } or piece.value
  end
  result.content = list[1] and list or json.array {}
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

-- Append what `block` has become to `list`.
local function build(self, block, list)
  local function put(made) list[#list + 1] = made end
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
    put { [kind] = merge(block.others[kind]) }
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
local function join_neighbours(list)
  local joined, run = {}, nil
  local function finish()
    if run then run.holder.text = join(run.text) end
    run = nil
  end
  for _, made in ipairs(list) do
    local from, kind = holder(made)
    if not (run and run.kind == kind) or run.holder.signature then
      finish()
      joined[#joined + 1] = made
      run = kind and { holder = from, kind = kind, text = parts.text() }
    else
      run.holder.signature = from.signature
    end
    if run then run.text:add(from.text) end
  end
  finish()
  return joined
end

local function by_index(a, b) return a.index < b.index end

--- The blocks of a message, in their order.
-- @param self the accumulator (converse.lua): `list` of what was kept of each
--   block (blocks.lua), `rest`, and `joined`: neighbouring texts are one
-- @return a list, marked as one where it is empty
function content.of(self)
  local list = {}
  for i, block in ipairs(self.list) do list[i] = block end
  table.sort(list, by_index)
  local all, kept = {}, {}
  for _, block in ipairs(list) do build(self, block, all) end
  if self.joined then all = join_neighbours(all) end
  for _, made in ipairs(all) do
    local text = made.text
    if type(text) ~= "string" or not blank(text) then
      kept[#kept + 1] = made
    end
  end
  return kept[1] and kept or json.array {}
end

return content
