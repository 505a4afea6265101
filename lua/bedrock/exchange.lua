--- One call from its parameters to the reply: marshalled, signed, sent,
-- answered, and tried again where that may help.
--
--     params -> call -> [ message -> attempt -> reply ]* -> receive
--
-- `run` is straight-line code that may wait, inside a task, through the host.
-- A first attempt that has nothing to wait for but its reply can be begun
-- without it (`begin`): most streams never need a task.

local core = require "bedrock.core"
local lazy = require "bedrock.lazy"
local marshal = require "bedrock.service.marshal"
local signing = require "bedrock.signing"

local adaptive = lazy "bedrock.adaptive"
local recovery = lazy "bedrock.recovery"

local exchange = {}

-- Say in the message who asks; or nil, err.
local function authorize(call, message, identity)
  local client = call.client
  call.identity = identity
  if identity.token then
    signing.bearer(message, identity.token)
    return true
  end
  call.clock_offset = client.clock_offset
  local place = call.plan.endpoint
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

-- The message of an attempt, signed; or nil, err.
local function sign(call, attempt, identity)
  local plan = call.plan
  local message = signing.message(call.request, plan.place)
  add_sdk_headers(call, message.headers, attempt)
  message.proxy, message.ca_bundle = plan.proxy, plan.ca_bundle
  message.http_version, message.fresh = plan.http_version, call.fresh
  local ok, err = authorize(call, message, identity)
  if not ok then return nil, err end
  call.stage = "request"
  return message
end

-- Sign and send.  A tail call: while it waits, nobody but the host holds the
-- message, and a host that has sent it need not.
local function send(call, attempt)
  local client = call.client
  call.stage = nil
  local identity, err = client.identity:get(call.plan.endpoint.url,
    call.deadlines)
  if not identity then return nil, err end
  local message
  message, err = sign(call, attempt, identity)
  if not message then return nil, err end
  return client.host:send(message, call.deadlines)
end

--- Does the head of a reply say that it went well?
function exchange.is_success(reply)
  return reply.status >= 200 and reply.status <= 299
end

-- What an attempt came to.  A reply of success goes to `receive`, whose results
-- are ours; nil, err (and the reply's headers, if there was one) otherwise.
local function judge(call, receive, reply, err)
  if not reply then
    err.stage = call.stage or err.stage
    return nil, err
  end
  if not exchange.is_success(reply) then
    return nil, recovery.service_error(call.client, call, reply), reply.headers
  end
  local result
  result, err = receive(reply, call.sent)
  if result == nil then return nil, err, reply.headers end
  return result
end

local function finish(call, err, attempts)
  err.attempts = attempts
  err.operation = call.operation.name
  return nil, err
end

local function note(call, outcome, fields)
  local client = call.client
  if not client.options.log then return end
  fields = fields or {}
  fields.operation, fields.attempt = call.operation.name, call.sent
  fields.invocation_id = call.id
  client.log("debug", "attempt " .. outcome, fields)
end

local function note_failure(call, err, delay)
  note(call, "failed", { error = tostring(err), code = err.code,
    status = err.status, request_id = err.request_id, delay = delay,
    stale = err.stale })
end

--- An attempt succeeded: the reply that `begin` gave was accepted.
function exchange.succeed(call)
  call.client.quota:give_back(call.cost)
  note(call, "succeeded")
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

--- A call, put together.  Nothing is sent.
-- @param client see client.lua: host, identity, signer, quota, log, ...
-- @param operation row of the model
-- @param params the user's parameters
-- @return call; or nil, err
function exchange.new(client, operation, params)
  local call = { client = client, operation = operation,
    id = core.bytes.uuid4(), clock_offset = 0, sent = 0,
    request = nil, plan = nil, deadlines = nil, identity = nil,
    stage = nil } -- nil: room for them
  local err
  call.request, err = marshal.request(operation, params, client.marshalling)
  if not call.request then return finish(call, err, 0) end
  call.plan, err = client:plan()
  if not call.plan then return finish(call, err, 0) end
  call.deadlines = deadlines_of(client.host, call.plan)
  return call
end

--- Send it where that takes no waiting: who asks is known, and the host can.
-- @return the reply, whose head is to come (`reply:head()`): one that is
--   accepted goes to `succeed`, whatever else comes of it to `go_on`; nil: all
--   is left to `run`
function exchange.begin(call)
  local client, plan = call.client, call.plan
  if not client.host.begin or plan.retry_mode == "adaptive" then return nil end
  local identity = client.identity:at_hand(plan.endpoint.url)
  local message = identity and sign(call, 1, identity)
  local reply = message and client.host:begin(message, call.deadlines)
  if reply then call.sent = 1 end
  return reply
end

-- One attempt: what it came to, as `judge` gives it.  A refusal by our own
-- pace (and true behind it) is final.
local function try(call, receive, attempt)
  local paced = call.plan.retry_mode == "adaptive"
  if paced then
    local allowed, refusal = adaptive.wait(call.client, call)
    if not allowed then return nil, refusal, nil, true end
  end
  call.sent = call.sent + 1
  local result, err, headers = judge(call, receive, send(call, attempt))
  if paced then adaptive.note(call.client, err) end
  return result, err, headers
end

-- Once the first attempt has come to this, and others until one succeeds.
local function retried(call, receive, result, err, headers, final)
  local attempt = 1
  while result == nil do
    local delay
    if final then return finish(call, err, call.sent) end
    delay, attempt = recovery.next(call.client, call, err, headers, attempt)
    note_failure(call, err, delay)
    if not delay then return finish(call, err, call.sent) end
    if delay > 0 then call.client.host:sleep(delay) end
    result, err, headers, final = try(call, receive, attempt)
  end
  exchange.succeed(call)
  return result
end

--- Do the call; may wait.
-- @param receive function(reply, attempts) -> result, or nil, err: takes a
--   reply of status 2xx; what it returns is returned
-- @return result; or nil, err with operation and attempts filled in
function exchange.run(call, receive)
  return retried(call, receive, try(call, receive, 1))
end

--- The same, where `begin` has sent the first attempt.
-- @param reply with its head; or nil, err
function exchange.go_on(call, receive, reply, err)
  return retried(call, receive, judge(call, receive, reply, err))
end

return exchange
