-- From a path to an operation, and the order of things: read, route, verify,
-- prepare, play.
local exchange = require "bedrock.emulator.exchange"
local control = require "bedrock.emulator.control"
local json = require "bedrock.emulator.json"
local operations = require "bedrock.emulator.operations"
local scenario = require "bedrock.emulator.scenario"
local wire = require "bedrock.emulator.wire"

local router = {}

-- Method, path with {} for labels, operation, "json" if the body must be,
-- "duplex" if it is read while the reply is written.
local ROUTES = {
  { "POST", "/model/{}/converse", "Converse", "json" },
  { "POST", "/model/{}/converse-stream", "ConverseStream", "json" },
  { "POST", "/model/{}/invoke", "InvokeModel" },
  { "POST", "/model/{}/invoke-with-response-stream",
    "InvokeModelWithResponseStream" },
  { "POST", "/model/{}/invoke-with-bidirectional-stream",
    "InvokeModelWithBidirectionalStream", "duplex" },
  { "POST", "/model/{}/count-tokens", "CountTokens", "json" },
  { "POST", "/guardrail/{}/version/{}/apply", "ApplyGuardrail", "json" },
  { "POST", "/guardrail-checks/invoke", "InvokeGuardrailChecks", "json" },
  { "POST", "/async-invoke", "StartAsyncInvoke", "json" },
  { "GET", "/async-invoke", "ListAsyncInvokes" },
  { "GET", "/async-invoke/{}", "GetAsyncInvoke" },
}
for _, route in ipairs(ROUTES) do
  route.pattern = "^" .. route[2]:gsub("%-", "%%-"):gsub("{}", "([^/]*)")
    .. "$"
end

local function decode(text)
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- The raw path is matched, so that %2F stays inside its label.
local function find_route(method, path)
  for _, route in ipairs(ROUTES) do
    local labels = { path:match(route.pattern) }
    if labels[1] and route[1] == method then
      for i, label in ipairs(labels) do labels[i] = decode(label) end
      return route, labels
    end
  end
end

local function query_parameters(query)
  local out = {}
  for name, value in query:gmatch("([^&=]+)=?([^&]*)") do
    out[decode(name)] = decode(value)
  end
  return out
end

-- Model id without what surrounds its last part in an ARN.
local function model_of(label)
  return label:match("^arn:.*/([^/]+)$") or label
end

local UNKNOWN = json.encode { Version = "1.0", Output = {
  __type = "com.amazon.coral.service#UnknownOperationException" } }

local function unknown_operation(x)
  x.server.stats:routed(x.record, "unknown")
  return x:send(404, "application/json", UNKNOWN,
    { { "x-amzn-ErrorType", "UnknownOperationException" } })
end

local function verified(x)
  local who, name, message = x.server.verifier:check(x, x:now())
  if not who then
    x:refuse(name, message)
    return false
  end
  x.who = who
  return true
end

local function decoded_body(x, route)
  if route[4] ~= "json" then return {} end
  local value, problem = json.decode(x.body)
  if type(value) == "table" and x.body:find("^%s*{") then return value end
  return nil, "SerializationException",
    "Unable to parse the request body: " .. tostring(problem or "no object")
end

-- The scenario: of the model id, or what the server was told to do next.
local function choose_scenario(x)
  local found, name, message = scenario.of(x)
  x.scenario = found
  if found then
    x.record.scenario = x.scenario.name
    if x.scenario.clock_offset then
      x.clock_offset = x.clock_offset + x.scenario.clock_offset
    end
  end
  return name, message
end

local function prepared(x, route)
  local request, name, message = decoded_body(x, route)
  if request and x.model == "no-such-model" then
    name = "ValidationException"
  elseif request then
    local ok
    ok, name, message = operations[route[3]](x, request)
    if ok then return true end
  end
  x:refuse(name, message)
  return false
end

local function perform(x, route, labels)
  x.server.stats:routed(x.record, route[3])
  x.operation, x.labels = route[3], labels
  x.parameters = query_parameters(x.query)
  x.model = model_of(labels[1] or "")
  local name, message = choose_scenario(x)
  if not verified(x) then return end
  if name then return x:refuse(name, message) end
  if x.state then x.state.tries = x.state.tries + 1 end
  if not prepared(x, route) then return end
  if x.scenario and x.scenario.run then return x.scenario.run(x) end
  return x:play()
end

local function dispatch(x)
  local base, route, labels = x.server.base_path, nil, nil
  if x.path:sub(1, #base) == base then
    route, labels = find_route(x.method, x.path:sub(#base + 1))
  end
  x.streaming = route ~= nil and route[4] == "duplex"
  if not x.streaming then
    local ok, name = x:read_body()
    if not ok then return name and x:refuse(name) end
  end
  if control.serve(x) then return end
  if not route then return unknown_operation(x) end
  return perform(x, route, labels)
end

local function outcome(x)
  if x.wire.broken then return "failed" end
  if x.wire.completed then return "finished" end
  return x.wire:alive() and "failed" or "disconnected"
end

--- Answers one request of a link; never raises on a client's account.
function router.handle(link, stream)
  local x = exchange.read(link, stream)
  if not x then return wire.reject(link) end
  local ok, why = pcall(dispatch, x)
  if not ok then
    x.server:complain(("%s %s: %s"):format(x.method, x.target, why))
    if not x.wire.status then pcall(x.refuse, x, "InternalServerException") end
  end
  x.server.stats:finished(x.record, outcome(x), x.wire.status)
  x.server:note(x)
  -- A reply that was begun and not ended leaves the connection unusable.
  if x.wire:alive() then x.wire:cut() end
end

return router
