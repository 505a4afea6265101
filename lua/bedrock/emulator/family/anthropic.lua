-- Anthropic's Messages API, as InvokeModel speaks it to Claude models.
local answer = require "bedrock.emulator.answer"
local json = require "bedrock.emulator.json"

local anthropic = {}

local get, quote, yield = json.get, json.quote, coroutine.yield

local STOP = { end_turn = "end_turn", tool_use = "tool_use",
  max_tokens = "max_tokens", stop_sequence = "stop_sequence" }

local function malformed(what)
  return nil, "ValidationException", "Malformed input request: " .. what
    .. ", please reformat your input and try again."
end

-- The blocks of a content, which may be anything.
local function blocks(content)
  return ipairs(type(content) == "table" and content or {})
end

local function result_text(content)
  if type(content) == "string" then return content end
  local out = {}
  for _, part in blocks(content) do
    out[#out + 1] = get(part, "text", "string")
  end
  return table.concat(out, " ")
end

local function read_content(self, content)
  if type(content) == "string" then
    self.text = content
    return
  end
  local texts = {}
  for _, part in blocks(content) do
    local kind = get(part, "type", "string")
    if kind == "text" then
      texts[#texts + 1] = get(part, "text", "string")
    elseif kind == "tool_result" then
      self.results[#self.results + 1] = { id = part.tool_use_id,
        text = result_text(part.content) }
    end
  end
  self.text = table.concat(texts, "\n")
end

local function read_tools(self, request)
  for _, tool in ipairs(get(request, "tools", "table") or {}) do
    if get(tool, "name", "string") then
      self.tools[#self.tools + 1] = { name = tool.name,
        schema = tool.input_schema }
    end
  end
  local choice = get(request, "tool_choice", "table")
  if choice and choice.type == "any" then self.force = "any" end
  if choice and choice.type == "tool" then self.force = choice.name end
end

--- Prompt of a request, or the refusal Bedrock gives.
function anthropic.read(request, text)
  if get(request, "prompt", "string") then -- the older Text Completions
    return { text = request.prompt, tools = {}, size = #text,
      max_tokens = get(request, "max_tokens_to_sample", "number") }
  end
  local messages = get(request, "messages", "table")
  local last = messages and messages[#messages]
  if type(last) ~= "table" then
    return malformed("#: required key [messages] not found")
  elseif request.stream ~= nil then
    return malformed("#: extraneous key [stream] is not permitted")
  elseif not get(request, "max_tokens", "number") then
    return malformed("#: required key [max_tokens] not found")
  elseif request.max_tokens < 1 then
    return malformed("#/max_tokens: the value is not greater or equal to 1")
  end
  local self = { tools = {}, results = {}, text = "", size = #text,
    max_tokens = request.max_tokens,
    stops = get(request, "stop_sequences", "table") }
  read_content(self, last.content)
  read_tools(self, request)
  local thinking = get(request, "thinking", "table")
  self.thinking = thinking ~= nil and thinking.type ~= "disabled"
  return self
end

local UNARY = {
  text = function(block) return { type = "text", text = block.text } end,
  cited = function(block) return { type = "text", text = block.text } end,
  tool = function(block)
    local whole = block.input ~= "" and not block.cut
    return { type = "tool_use", id = block.id, name = block.name,
      input = json.raw(whole and block.input or "{}") }
  end,
  reasoning = function(block)
    return { type = "thinking", thinking = block.text,
      signature = block.signature }
  end,
  redacted = function(block)
    return { type = "redacted_thinking", data = block.data }
  end,
}

local function message(self, model, content, reason, out)
  return { id = "msg_bdrk_emulator", type = "message", role = "assistant",
    model = model, content = content, stop_reason = reason or json.null,
    stop_sequence = reason and self.stop_sequence or json.null,
    usage = { input_tokens = self.input_tokens, output_tokens = out } }
end

--- Body of an InvokeModel reply.
function anthropic.body(self, model)
  local content = json.list()
  for _, block in ipairs(self.blocks) do
    local render = UNARY[block.kind]
    if render then content[#content + 1] = render(block) end
  end
  return json.encode(message(self, model, content,
    STOP[self.stop_reason] or self.stop_reason, self.output_tokens))
end

local function delta(index, kind, member, text)
  return '{"type":"content_block_delta","index":' .. index
    .. ',"delta":{"type":"' .. kind .. '","' .. member .. '":'
    .. quote(text) .. "}}"
end

local function words(block, index, kind, member)
  for word in answer.words(block.text) do
    yield(delta(index, kind, member, word))
  end
end

local DELTAS = {
  text = function(block, i) words(block, i, "text_delta", "text") end,
  cited = function(block, i) words(block, i, "text_delta", "text") end,
  tool = function(block, i)
    if block.input == "" then return end
    for piece in answer.fragments(block.input) do
      yield(delta(i, "input_json_delta", "partial_json", piece))
    end
  end,
  reasoning = function(block, i)
    words(block, i, "thinking_delta", "thinking")
    yield(delta(i, "signature_delta", "signature", block.signature))
  end,
  redacted = function() end,
}

-- What content_block_start shows: the block, empty.
local function opening(block)
  local start = UNARY[block.kind](block)
  if start.text then start.text = "" end
  if start.input then start.input = {} end
  if start.thinking then start.thinking, start.signature = "", "" end
  return start
end

--- Yields the chunks of a streamed reply; `metrics` closes the last one.
function anthropic.chunks(self, model, metrics)
  yield(json.encode { type = "message_start",
    message = message(self, model, json.list(), nil, 1) })
  local index = 0
  for _, block in ipairs(self.blocks) do
    if UNARY[block.kind] then
      yield(json.encode { type = "content_block_start", index = index,
        content_block = opening(block) })
      DELTAS[block.kind](block, index)
      yield('{"type":"content_block_stop","index":' .. index .. "}")
      index = index + 1
    end
  end
  yield(json.encode { type = "message_delta",
    delta = { stop_reason = STOP[self.stop_reason] or self.stop_reason,
      stop_sequence = self.stop_sequence or json.null },
    usage = { output_tokens = self.output_tokens } })
  yield(json.encode { type = "message_stop",
    ["amazon-bedrock-invocationMetrics"] = metrics })
end

return anthropic
