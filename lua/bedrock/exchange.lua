--- One call from its parameters to the reply: marshalled, signed, sent,
-- answered, and tried again where that may help.
--
--     params -> request -> [ message -> attempt -> reply ]* -> receive
--
-- Straight-line code that runs inside a task and waits through the host.

local core = require "bedrock.core"
local lazy = require "bedrock.lazy"
local marshal = require "bedrock.service.marshal"
local signing = require "bedrock.signing"

local adaptive = lazy "bedrock.adaptive"
local recovery = lazy "bedrock.recovery"

local exchange = {}

-- Who asks, as a function that completes the message; or nil, err.
local function authorize(client, call, message)
  local place = call.plan.endpoint
  local identity, err = client.identity:get(place.url, call.deadlines)
  call.identity = identity
  if not identity then return nil, err end
  if identity.token then
    signing.bearer(message, identity.token)
    return true
  end
  call.clock_offset = client.clock_offset
  return signing.sigv4(message, client.signer, identity,
    { region = place.signing_region, service = place.signing_service },
    client.host:now() + client.clock_offset)
end

local function add_sdk_headers(call, headers, attempt)
  headers["amz-sdk-invocation-id"] = call.id
  headers["amz-sdk-request"] = ("attempt=%d; max=%d"):format(attempt,
    call.plan.max_attempts)
  headers["user-agent"] = call.plan.user_agent
end

-- Sign and send.  A tail call: while it waits, nobody but the host holds the
-- message, and a host that has sent it need not.
local function send(client, call, attempt)
  local message = signing.message(call.request, call.plan.place)
  add_sdk_headers(call, message.headers, attempt)
  message.proxy, message.ca_bundle = call.plan.proxy, call.plan.ca_bundle
  message.http_version, message.fresh = call.plan.http_version, call.fresh
  call.stage = nil
  local ok, err = authorize(client, call, message)
  if not ok then return nil, err end
  call.stage = "request"
  return client.host:send(message, call.deadlines)
end

-- Try once.  A reply of success goes to call.receive, whose results are ours;
-- nil, err (and the reply's headers, if there was one) otherwise.
local function try(client, call, attempt)
  local reply, err = send(client, call, attempt)
  if not reply then
    err.stage = call.stage or err.stage
    return nil, err
  end
  if reply.status < 200 or reply.status > 299 then
    return nil, recovery.service_error(client, call, reply), reply.headers
  end
  local result
  result, err = call.receive(reply, call.sent)
  if result == nil then return nil, err, reply.headers end
  return result
end

local function finish(call, err, attempts)
  err.attempts = attempts
  err.operation = call.operation.name
  return nil, err
end

local function note(client, call, outcome, fields)
  if not client.options.log then return end
  fields = fields or {}
  fields.operation, fields.attempt = call.operation.name, call.sent
  fields.invocation_id = call.id
  client.log("debug", "attempt " .. outcome, fields)
end

local function note_failure(client, call, err, delay)
  note(client, call, "failed", { error = tostring(err), code = err.code,
    status = err.status, request_id = err.request_id, delay = delay,
    stale = err.stale })
end

local function attempts(client, call)
  local attempt, paced = 1, call.plan.retry_mode == "adaptive"
  while true do
    if paced then
      local allowed, refusal = adaptive.wait(client, call)
      if not allowed then return finish(call, refusal, call.sent) end
    end
    call.sent = call.sent + 1
    local result, err, headers = try(client, call, attempt)
    if paced then adaptive.note(client, err) end
    if result ~= nil then
      client.quota:give_back(call.cost)
      note(client, call, "succeeded")
      return result
    end
    local delay
    delay, attempt = recovery.next(client, call, err, headers, attempt)
    note_failure(client, call, err, delay)
    if not delay then return finish(call, err, call.sent) end
    if delay > 0 then client.host:sleep(delay) end
  end
end

-- Calls without a limit of their own have the plan's in common.
local function deadlines_of(host, plan)
  local total = plan.total_timeout
  if total then
    return { connect = plan.connect_timeout, idle = plan.idle_timeout,
      total = host:clock() + total, total_seconds = total }
  end
  plan.deadlines = plan.deadlines
    or { connect = plan.connect_timeout, idle = plan.idle_timeout }
  return plan.deadlines
end

--- Do a call.
-- @param client see client.lua: host, identity, signer, quota, log, ...
-- @param operation row of the model
-- @param params the user's parameters
-- @param receive function(reply, attempts) -> result, or nil, err: takes a
--   reply of status 2xx; what it returns is returned
-- @return result; or nil, err with operation and attempts filled in
function exchange.run(client, operation, params, receive)
  local call = { operation = operation, receive = receive,
    id = core.bytes.uuid4(), clock_offset = 0, sent = 0,
    request = nil, plan = nil, deadlines = nil, identity = nil,
    stage = nil } -- nil: room for them
  local err
  call.request, err = marshal.request(operation, params, client.marshalling)
  if not call.request then return finish(call, err, 0) end
  call.plan, err = client:plan()
  if not call.plan then return finish(call, err, 0) end
  call.deadlines = deadlines_of(client.host, call.plan)
  return attempts(client, call)
end

return exchange
