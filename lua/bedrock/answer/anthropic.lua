--- Anthropic's Messages chunks, as `invoke` hands them out, put together to
-- the message that `invoke_model` returns.
--
--     message_start, { content_block_start, content_block_delta*,
--     content_block_stop }*, message_delta*, message_stop      (and ping)

local json = require "bedrock.json"
local parts = require "bedrock.answer.parts"

local tool_input = require "bedrock.lazy" "bedrock.answer.tool_input"

local join = parts.join

local Anthropic = {}
Anthropic.__index = Anthropic

-- Type of delta -> the member of the block that its text belongs to, and the
-- member of the delta that holds it.
local pieces = {
  text_delta = { "text", "text" },
  thinking_delta = { "thinking", "thinking" },
  signature_delta = { "signature", "signature" },
  input_json_delta = { "input", "partial_json" },
}

local function block_at(self, index)
  if type(index) ~= "number" then index = 0 end
  local block = self.blocks[index]
  if not block then
    block = { index = index, start = {}, text = {}, others = {} }
    self.blocks[index] = block
    self.list[#self.list + 1] = block
  end
  return block
end

local add = {}

function add.message_start(self, chunk)
  parts.copy(chunk.message, self.message)
end

function add.content_block_start(self, chunk)
  local block = block_at(self, chunk.index)
  parts.copy(chunk.content_block, block.start)
end

function add.content_block_delta(self, chunk)
  local block = block_at(self, chunk.index)
  local delta = chunk.delta
  if type(delta) ~= "table" then return end
  local piece = pieces[delta.type]
  if piece and type(delta[piece[2]]) == "string" then
    local text = block.text[piece[1]] or parts.text()
    block.text[piece[1]] = text
    text:add(delta[piece[2]])
  elseif delta.type == "citations_delta" then
    block.citations = block.citations or {}
    block.citations[#block.citations + 1] = delta.citation
  else
    -- A kind of tomorrow: its members grow those of the block.
    local rest = parts.copy(delta)
    rest.type = nil
    block.others[#block.others + 1] = rest
  end
end

function add.content_block_stop(self, chunk)
  block_at(self, chunk.index).stopped = true
end

-- A count that is null says nothing new.
local function count(usage, counts)
  for name, value in pairs(type(counts) == "table" and counts or {}) do
    if parts.present(value) or usage[name] == nil then usage[name] = value end
  end
  return usage
end

function add.message_delta(self, chunk)
  parts.copy(chunk.delta, self.message)
  for key, value in pairs(chunk) do
    if key == "usage" then
      -- Counts of the whole message so far: they replace, not add.
      self.message.usage = count(parts.copy(self.message.usage), value)
    elseif key ~= "type" and key ~= "delta" and key ~= "p" then
      self.message[key] = value
    end
  end
end

function add.error(self, chunk)
  self.failed = parts.copy(chunk.error)
end

--- Take one decoded chunk; chunks of unknown type are passed over.
function Anthropic:add(chunk)
  local take = add[chunk.type]
  if take then take(self, chunk) end
end

local function made_of(block)
  local made = parts.copy(block.start)
  for member, text in pairs(block.text) do
    if member ~= "input" then
      local before = type(made[member]) == "string" and made[member] or ""
      made[member] = before .. join(text)
    end
  end
  if block.citations then
    local all = {}
    for _, list in ipairs { made.citations or {}, block.citations } do
      for _, citation in ipairs(type(list) == "table" and list or {}) do
        all[#all + 1] = citation
      end
    end
    made.citations = all
  end
  if not block.others[1] then return made end
  local values = { made }
  for i, other in ipairs(block.others) do values[i + 1] = other end
  return require "bedrock.answer.merge"(values)
end

local function cut_in(self, block)
  local reason = self.message.stop_reason
  if not parts.present(reason) then return not block.stopped end
  return reason == "max_tokens" and block.last
end

-- Server tools are called with the same pieces (server_tool_use,
-- mcp_tool_use), so what matters is that pieces came or a call began.
local function decode_input(self, block, made)
  local list = block.text.input
  if not list and not tostring(made.type):find("tool_use$") then return end
  local text = join(list)
  if not list and type(made.input) == "table" and next(made.input) then
    return
  end
  local input, message = tool_input.decode(text)
  if input == nil then
    tool_input.mark(made, text, message)
    input = json.object {}
  elseif parts.blank(text) and cut_in(self, block) then
    tool_input.mark(made, text, "the answer ended before the input began")
  end
  made.input = input
end

local function by_index(a, b) return a.index < b.index end

--- The message, as far as it has come.
-- @return the message | nil, message when the model reported an error
function Anthropic:response()
  if self.failed then
    return nil, ("the model reported %s: %s"):format(
      tostring(self.failed.type), tostring(self.failed.message))
  end
  local list, content = {}, {}
  for i, block in ipairs(self.list) do list[i] = block end
  table.sort(list, by_index)
  for i, block in ipairs(list) do
    block.last = i == #list
    local made = made_of(block)
    decode_input(self, block, made)
    local text = made.type == "text" and made.text
    if not (type(text) == "string" and parts.blank(text)) then
      content[#content + 1] = made
    end
  end
  local message = parts.copy(self.message)
  message.content = content[1] and content or json.array {}
  return message
end

local anthropic = {}

function anthropic.new()
  return setmetatable({ blocks = {}, list = {}, message = {} }, Anthropic)
end

local TYPES = { message_start = true, content_block_start = true,
                content_block_delta = true, content_block_stop = true,
                message_delta = true, message_stop = true, ping = true,
                error = true }

--- Is this one of Anthropic's chunks?
function anthropic.match(chunk)
  return TYPES[chunk.type] or false
end

--- The piece of text in a chunk, or nil.
function anthropic.text(chunk)
  local from = chunk.delta
  if chunk.type == "content_block_start" then from = chunk.content_block end
  if type(from) ~= "table" then return nil end
  if from.type == "text_delta" or from.type == "text" then return from.text end
end

return anthropic
