-- Families that only ever see a text and return one: Titan, Llama, Mistral,
-- Cohere.  One table of small differences each.
local answer = require "bedrock.emulator.answer"
local json = require "bedrock.emulator.json"

local get, yield = json.get, coroutine.yield

local METRICS = "amazon-bedrock-invocationMetrics"

local function text_of(self)
  local out = {}
  for _, block in ipairs(self.blocks) do
    if block.text and block.kind ~= "reasoning" then
      out[#out + 1] = block.text
    end
  end
  return table.concat(out)
end

local function missing(key)
  return nil, "ValidationException", "Malformed input request: #: required "
    .. "key [" .. key .. "] not found, please reformat your input and try "
    .. "again."
end

-- Reader of a request whose text is in `key` and whose limit is in `limit`.
local function reader(key, limit)
  return function(request, text)
    local said = get(request, key, "string")
    if not said then return missing(key) end
    return { text = said, size = #text,
      max_tokens = get(request, limit, "number") }
  end
end

-- Yields one chunk per word from `piece(text, is_last)`, metrics in the last.
local function stream(self, metrics, piece)
  local held
  for word in answer.words(text_of(self)) do
    if held then yield(json.encode(piece(held, false))) end
    held = word
  end
  local last = piece(held or "", true)
  last[METRICS] = metrics
  yield(json.encode(last))
end

local titan = {}

function titan.read(request, text)
  local said = get(request, "inputText", "string")
  if not said then return missing("inputText") end
  local config = get(request, "textGenerationConfig", "table")
  return { text = said, size = #text,
    max_tokens = get(config, "maxTokenCount", "number"),
    stops = get(config, "stopSequences", "table") }
end

local function titan_reason(self)
  return self.stop_reason == "max_tokens" and "LENGTH" or "FINISH"
end

function titan.body(self)
  return json.encode { inputTextTokenCount = self.input_tokens,
    results = json.list { { tokenCount = self.output_tokens,
      outputText = text_of(self), completionReason = titan_reason(self) } } }
end

function titan.chunks(self, _, metrics)
  stream(self, metrics, function(text, last)
    return { outputText = text, index = 0,
      totalOutputTextTokenCount = last and self.output_tokens or json.null,
      completionReason = last and titan_reason(self) or json.null,
      inputTextTokenCount = self.input_tokens }
  end)
end

local llama = { read = reader("prompt", "max_gen_len") }

local function length_or_stop(self)
  return self.stop_reason == "max_tokens" and "length" or "stop"
end

function llama.body(self)
  return json.encode { generation = text_of(self),
    prompt_token_count = self.input_tokens,
    generation_token_count = self.output_tokens,
    stop_reason = length_or_stop(self) }
end

function llama.chunks(self, _, metrics)
  local n = 0
  stream(self, metrics, function(text, last)
    n = n + 1
    return { generation = text, generation_token_count = n,
      prompt_token_count = n == 1 and self.input_tokens or json.null,
      stop_reason = last and length_or_stop(self) or json.null }
  end)
end

local mistral = { read = reader("prompt", "max_tokens") }

function mistral.body(self)
  return json.encode { outputs = json.list { { text = text_of(self),
    stop_reason = length_or_stop(self) } } }
end

function mistral.chunks(self, _, metrics)
  stream(self, metrics, function(text, last)
    return { outputs = json.list { { text = text,
      stop_reason = last and length_or_stop(self) or json.null } } }
  end)
end

local function cohere_reason(self)
  return self.stop_reason == "max_tokens" and "MAX_TOKENS" or "COMPLETE"
end

local command = { read = reader("prompt", "max_tokens") }

function command.body(self)
  return json.encode { id = "emulator", prompt = self.prompt_text,
    generations = json.list { { id = "emulator", text = text_of(self),
      finish_reason = cohere_reason(self) } } }
end

function command.chunks(self, _, metrics)
  stream(self, metrics, function(text, last)
    return { text = text, is_finished = last,
      finish_reason = last and cohere_reason(self) or nil }
  end)
end

local command_r = { read = reader("message", "max_tokens") }

function command_r.body(self)
  local text = text_of(self)
  return json.encode { response_id = "emulator", generation_id = "emulator",
    text = text, finish_reason = cohere_reason(self),
    chat_history = json.list {
      { role = "USER", message = self.prompt_text },
      { role = "CHATBOT", message = text } } }
end

function command_r.chunks(self, _, metrics)
  stream(self, metrics, function(text, last)
    return { event_type = last and "stream-end" or "text-generation",
      text = text, is_finished = last,
      finish_reason = last and cohere_reason(self) or nil }
  end)
end

return { titan = titan, llama = llama, mistral = mistral, command = command,
  command_r = command_r }
