--- One call from its parameters to the reply: marshalled, signed, sent,
-- answered, and tried again where that may help.
--
--     params -> request -> [ message -> attempt -> reply ]* -> receive
--
-- Straight-line code that runs inside a task and waits through the host.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local lazy = require "bedrock.lazy"
local marshal = require "bedrock.service.marshal"
local retry = require "bedrock.retry"
local signing = require "bedrock.signing"
local unmarshal = require "bedrock.service.unmarshal"

local rate = lazy "bedrock.rate"
local timestamp = lazy "bedrock.service.timestamp"

local exchange = {}

-- Bytes of an error's body that are read; AWS's are below one KiB.
local ERROR_BODY_MAX = 65536

-- A difference between the clocks that AWS's SDKs take for a wrong clock;
-- the service itself refuses at five minutes.
local SKEW = 240

-- Codes that a wrong clock can be behind (aws-sdk-js-v3, core).
local SKEW_CODES = {
  RequestTimeTooSkewed = true, RequestExpired = true,
  InvalidSignatureException = true, SignatureDoesNotMatch = true,
  AuthFailure = true, RequestInTheFuture = true,
  AccessDeniedException = true,
}

local EXPIRED_CODES = {
  ExpiredToken = true, ExpiredTokenException = true,
  TokenRefreshRequired = true,
}

--- The whole body of a reply.
-- @param max bytes at most; more is an error of kind "protocol"
-- @return string; or nil, err, what had come
function exchange.read_all(reply, max)
  local pieces, size = {}, 0
  while true do
    local bytes, err = reply:read()
    if not bytes then
      local text = table.concat(pieces)
      if err then return nil, err, text end
      return text
    end
    size = size + #bytes
    pieces[#pieces + 1] = bytes
    if size > max then
      reply:close()
      return nil, errors.new("protocol",
        ("the response is larger than %d bytes"):format(max),
        { code = "LimitExceeded" }), table.concat(pieces):sub(1, max)
    end
  end
end

-- A reply that is no success, as an error.  Its body may be cut short or
-- broken: what has come of it is better than nothing.
local function service_error(client, call, reply)
  local body, _, partial = exchange.read_all(reply, ERROR_BODY_MAX)
  local err = unmarshal.error(call.operation, reply.status, reply.headers,
    body or partial)
  err.stage = "response"
  err.retry_after = retry.hint(reply.headers,
    client.host:now() + client.clock_offset)
  return err
end

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
    return nil, service_error(client, call, reply), reply.headers
  end
  local result
  result, err = call.receive(reply, call.sent)
  if result == nil then return nil, err, reply.headers end
  return result
end

-- Was it refused because of our clock, and do we know better now?
local function mend_clock(client, call, err, headers)
  if not SKEW_CODES[err.code] or not headers or not headers.date then
    return false
  end
  local server = timestamp.parse(headers.date)
  if not server then return false end
  local offset = server - client.host:now()
  if math.abs(offset - call.clock_offset) < SKEW then return false end
  client.clock_offset = offset
  client.log("warn", "the clock differs from the service's", {
    seconds = offset, operation = call.operation.name })
  return true
end

-- Mend what one retry, not counted, can mend: each cause once a call.
local function mend(client, call, err, headers)
  if not call.mended_clock and mend_clock(client, call, err, headers) then
    call.mended_clock = true
    return true
  end
  if EXPIRED_CODES[err.code] and not call.renewed then
    call.renewed = true
    return client.identity:invalidate(call.identity)
  end
  if err.stale and not call.fresh then -- the server had let go of it first
    call.fresh = true
    return true
  end
  return false
end

local function time_left(call, host)
  local total = call.deadlines.total
  return total and total - host:clock() or math.huge
end

-- Seconds until the next attempt; nil: give up.
local function next_delay(client, call, err, attempt)
  local class = retry.class(err, client.options, call.operation)
  if not class or attempt >= call.plan.max_attempts then return nil end
  local delay = retry.delay(class, attempt - 1, client.random,
    err.retry_after)
  if delay >= time_left(call, client.host) then return nil end
  local cost = client.quota:take(class)
  if not cost then
    err.quota_exhausted = true
    return nil
  end
  call.cost = cost
  return delay
end

local function finish(call, err, attempts)
  err.attempts = attempts
  err.operation = call.operation.name
  return nil, err
end

-- Adaptive mode: wait until the rate allows another request.
local function wait_for_rate(client, call)
  if call.plan.retry_mode ~= "adaptive" then return true end
  local host = client.host
  client.limiter = client.limiter or rate.new(host:clock())
  local delay = client.limiter:take(host:clock())
  if delay >= time_left(call, host) then
    return nil, errors.new("timeout", ("total_timeout of %g s would pass "
      .. "while waiting %g s for the request rate that is allowed"):format(
      call.deadlines.total_seconds, delay), { code = "TotalTimeout",
      stage = "request" })
  end
  if delay > 0 then host:sleep(delay) end
  return true
end

local function note_rate(client, call, err)
  if call.plan.retry_mode ~= "adaptive" then return end
  client.limiter:update(client.host:clock(),
    err ~= nil and err.throttling == true)
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
  local attempt = 1
  while true do
    local allowed, refusal = wait_for_rate(client, call)
    if not allowed then return finish(call, refusal, call.sent) end
    call.sent = call.sent + 1
    local result, err, headers = try(client, call, attempt)
    note_rate(client, call, err)
    if result ~= nil then
      client.quota:give_back(call.cost)
      note(client, call, "succeeded")
      return result
    end
    local delay = 0
    if not mend(client, call, err, headers) then
      delay = next_delay(client, call, err, attempt)
      attempt = attempt + 1
    end
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
