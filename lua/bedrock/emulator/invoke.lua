-- InvokeModel and InvokeModelWithResponseStream: which family a model id
-- belongs to, and the envelope that all families share.
local answer = require "bedrock.emulator.answer"
local base64 = require "bedrock.emulator.base64"
local converse = require "bedrock.emulator.converse"
local json = require "bedrock.emulator.json"

local anthropic = require "bedrock.emulator.family.anthropic"
local embed = require "bedrock.emulator.family.embed"
local nova = require "bedrock.emulator.family.nova"
local plain = require "bedrock.emulator.family.plain"

local invoke = {}

-- First pattern found in the model id wins; what no pattern knows (the
-- emulator's own models among them) speaks Anthropic's.
local FAMILIES = {
  { "anthropic%.", anthropic },
  { "amazon%.nova", nova },
  { "amazon%.titan%-embed", embed.titan },
  { "amazon%.titan", plain.titan },
  { "cohere%.embed", embed.cohere },
  { "cohere%.command%-r", plain.command_r },
  { "cohere%.command", plain.command },
  { "meta%.llama", plain.llama },
  { "mistral%.", plain.mistral },
}

local function family_of(model)
  for _, entry in ipairs(FAMILIES) do
    if model:find(entry[1]) then return entry[2] end
  end
  return anthropic
end

--- Answer of a model to an InvokeModel body.
-- @return answer | nil, exception name, message
function invoke.answer(model, text)
  local request = json.decode(text)
  if type(request) ~= "table" then
    return nil, "ValidationException", "Malformed input request, please "
      .. "reformat your input and try again."
  end
  local family = family_of(model)
  local prompt, name, message = family.read(request, text)
  if not prompt then return nil, name, message end
  local self = answer.make(prompt)
  self.family, self.model, self.prompt_text = family, model, prompt.text
  self.dimensions, self.texts = prompt.dimensions, prompt.texts
  return self
end

--- Body of an InvokeModel reply.
function invoke.body(self)
  return self.family.body(self, self.model)
end

--- The counts that Bedrock adds to whatever the model said.
function invoke.metrics(self)
  return { inputTokenCount = self.input_tokens,
    outputTokenCount = self.output_tokens,
    invocationLatency = 20 + self.output_tokens, firstByteLatency = 20 }
end

--- Iterator over the events of a streamed reply: "chunk", payload; nil if
-- the family cannot stream.
function invoke.events(self)
  if not self.family.chunks then return nil end
  local chunks = coroutine.wrap(function()
    self.family.chunks(self, self.model, invoke.metrics(self))
  end)
  return function()
    local chunk = chunks()
    if not chunk then return nil end
    return "chunk", '{"bytes":"' .. base64.encode(chunk) .. '","p":"'
      .. converse.padding() .. '"}'
  end
end

return invoke
