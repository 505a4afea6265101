-- Embedding models: a text in, a vector out, the same for the same text.
local json = require "bedrock.emulator.json"

local get = json.get

-- Numbers between -1 and 1 that depend on every byte of the text.
local function vector(text, size)
  local seed, out = 1, json.list()
  for i = 1, #text do seed = (seed * 31 + text:byte(i)) % 65521 end
  for i = 1, size do
    seed = (seed * 75 + 74) % 65537
    out[i] = seed / 32768 - 1
  end
  return out
end

local titan = {}

function titan.read(request, text)
  local said = get(request, "inputText", "string")
  if not said then
    return nil, "ValidationException", "Malformed input request: #: required "
      .. "key [inputText] not found, please reformat your input and try again."
  end
  return { text = said, size = #text,
    dimensions = get(request, "dimensions", "number") or 256 }
end

function titan.body(self)
  return json.encode { embedding = vector(self.prompt_text, self.dimensions),
    inputTextTokenCount = self.input_tokens }
end

local cohere = {}

function cohere.read(request, text)
  local texts = get(request, "texts", "table")
  if not texts then
    return nil, "ValidationException", "Malformed input request: #: required "
      .. "key [texts] not found, please reformat your input and try again."
  end
  return { text = tostring(texts[1]), texts = texts, size = #text }
end

function cohere.body(self)
  local rows = json.list()
  for i, text in ipairs(self.texts) do rows[i] = vector(tostring(text), 256) end
  return json.encode { embeddings = rows, id = "emulator",
    response_type = "embeddings_floats", texts = json.list(self.texts) }
end

return { titan = titan, cohere = cohere }
