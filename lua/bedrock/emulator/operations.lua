-- The operations of the service: a request in, a prepared reply out.
--
-- Each takes the exchange and the decoded body, prepares exchange.reply, and
-- returns true, or nil, exception name, message.
local answer = require "bedrock.emulator.answer"
local base64 = require "bedrock.emulator.base64"
local converse = require "bedrock.emulator.converse"
local duplex = require "bedrock.emulator.duplex"
local guardrail = require "bedrock.emulator.guardrail"
local invoke = require "bedrock.emulator.invoke"
local json = require "bedrock.emulator.json"
local prompt = require "bedrock.emulator.prompt"

local operations = {}

local get = json.get

-- The guardrail of a Converse request stops the answer at once.
local function guard(self, request, said)
  local config = get(request, "guardrailConfig", "table")
  if not config or not guardrail.blocks(said) then return end
  self.blocks = { { kind = "text", text = guardrail.BLOCKED } }
  self.stop_reason = "guardrail_intervened"
  if config.trace and config.trace ~= "disabled" then
    local id = tostring(config.guardrailIdentifier)
    self.trace = { guardrail = { inputAssessment = {
      [id] = guardrail.assess(said) } } }
  end
end

local function converse_answer(x, request)
  local said, name, message = prompt.read(request, x.body)
  if not said then return nil, name, message end
  local self = answer.make(said)
  self.cached = said.cached
  guard(self, request, said.text)
  converse.dress(self, request)
  if x.scenario and x.scenario.answer then x.scenario.answer(self, x) end
  return self
end

function operations.Converse(x, request)
  local self, name, message = converse_answer(x, request)
  if not self then return nil, name, message end
  x:prepare(converse.body(self))
  return true
end

function operations.ConverseStream(x, request)
  local self, name, message = converse_answer(x, request)
  if not self then return nil, name, message end
  x:prepare_stream(converse.events(self))
  return true
end

-- Headers that InvokeModel's request and reply have in common.
local ECHOED = { "X-Amzn-Bedrock-PerformanceConfig-Latency",
  "X-Amzn-Bedrock-Service-Tier" }

local function invoke_fields(x, out)
  for _, name in ipairs(ECHOED) do
    local value = x:header(name:lower())
    if value then out[#out + 1] = { name, value } end
  end
  return out
end

local function invoke_answer(x)
  local self, name, message = invoke.answer(x.model, x.body)
  if not self then return nil, name, message end
  if x.scenario and x.scenario.answer then x.scenario.answer(self, x) end
  return self
end

function operations.InvokeModel(x)
  local self, name, message = invoke_answer(x)
  if not self then return nil, name, message end
  local metrics = invoke.metrics(self)
  x:prepare(invoke.body(self), invoke_fields(x, {
    { "X-Amzn-Bedrock-Invocation-Latency",
      ("%d"):format(metrics.invocationLatency) },
    { "X-Amzn-Bedrock-Input-Token-Count",
      ("%d"):format(metrics.inputTokenCount) },
    { "X-Amzn-Bedrock-Output-Token-Count",
      ("%d"):format(metrics.outputTokenCount) },
  }))
  local accept = x:header("accept")
  if accept and accept:find("^application/json") then
    x.reply.content_type = accept
  end
  return true
end

function operations.InvokeModelWithResponseStream(x)
  local self, name, message = invoke_answer(x)
  if not self then return nil, name, message end
  local events = invoke.events(self)
  if not events then
    return nil, "ValidationException", "The model is unsupported for "
      .. "streaming."
  end
  x:prepare_stream(events, invoke_fields(x, {
    { "X-Amzn-Bedrock-Content-Type",
      x:header("x-amzn-bedrock-accept") or "application/json" },
  }))
  return true
end

function operations.InvokeModelWithBidirectionalStream(x)
  if x.version ~= 2 then
    return nil, "ValidationException", "This operation needs HTTP/2."
  elseif x.who.kind ~= "sigv4" then
    return nil, "AccessDeniedException",
      "API keys cannot be used with this operation."
  end
  x:prepare_stream(duplex.events(x))
  x.reply.play = duplex.play
  return true
end

function operations.CountTokens(x, request)
  local input = get(request, "input", "table") or {}
  local talk, raw = get(input, "converse", "table"),
    get(input, "invokeModel", "table")
  if (talk ~= nil) == (raw ~= nil) then
    return nil, "ValidationException",
      "The input must set exactly one of: invokeModel, converse"
  end
  local text = talk and x.body
    or base64.decode(get(raw, "body", "string") or "?")
  if not text then
    return nil, "SerializationException", "input.invokeModel.body is not base64"
  elseif talk then
    local ok, name, message = prompt.read(talk, text)
    if not ok then return nil, name, message end
  end
  x:prepare(json.encode { inputTokens = math.ceil(#text / 4) })
  return true
end

-- What makes a body is a reply; what does not is a refusal.
local function reply(x, body, name, message)
  if not body then return nil, name, message end
  x:prepare(body)
  return true
end

function operations.ApplyGuardrail(x, request)
  return reply(x, guardrail.apply(request))
end

function operations.InvokeGuardrailChecks(x, request)
  return reply(x, guardrail.checks(request))
end

function operations.StartAsyncInvoke(x, request)
  return reply(x, x.server.async:start(request, x.body,
    x.who.region or "us-east-1", x:now()))
end

function operations.GetAsyncInvoke(x)
  return reply(x, x.server.async:get(x.labels[1], x:now()))
end

function operations.ListAsyncInvokes(x)
  return reply(x, x.server.async:list(x.parameters))
end

return operations
