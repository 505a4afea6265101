-- Amazon Nova's own messages, which are Converse's with other limits.
local converse = require "bedrock.emulator.converse"
local json = require "bedrock.emulator.json"
local prompt = require "bedrock.emulator.prompt"

local nova = {}

local get, yield = json.get, coroutine.yield

--- Prompt of a request, or the refusal.
function nova.read(request, text)
  local self, name, message = prompt.read(request, text)
  if not self then return nil, name, message end
  local limits = get(request, "inferenceConfig", "table")
  self.max_tokens = get(limits, "max_new_tokens", "number") or self.max_tokens
  return self
end

local function usage(self)
  return { inputTokens = self.input_tokens, outputTokens = self.output_tokens,
    totalTokens = self.input_tokens + self.output_tokens,
    cacheReadInputTokenCount = 0, cacheWriteInputTokenCount = 0 }
end

--- Body of an InvokeModel reply.
function nova.body(self)
  return json.encode { output = json.raw(converse.output(self)),
    stopReason = self.stop_reason, usage = usage(self) }
end

-- An event of Converse, in Nova's envelope and without the padding, which
-- belongs to the frame around it.
local function wrap(kind, payload)
  local bare = payload:gsub(',"p":"%w*"', ""):gsub('"p":"%w*",', "")
  return '{"' .. kind .. '":' .. bare .. "}"
end

--- Yields the chunks of a streamed reply; `metrics` closes the last one.
function nova.chunks(self, _, metrics)
  for kind, payload in converse.events(self) do
    if kind ~= "metadata" then yield(wrap(kind, payload)) end
  end
  yield(json.encode { metadata = { usage = usage(self), metrics = {},
    trace = {} }, ["amazon-bedrock-invocationMetrics"] = metrics })
end

return nova
