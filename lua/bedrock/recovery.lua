--- After an attempt that failed: what can be mended, how long to wait before
-- the next one, or that there is none.

local body = require "bedrock.body"
local lazy = require "bedrock.lazy"
local retry = require "bedrock.retry"
local unmarshal = require "bedrock.service.unmarshal"

local timestamp = lazy "bedrock.service.timestamp"

local recovery = {}

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

--- A reply that is no success, as an error.  Its body may be cut short or
-- broken: what has come of it is better than nothing.
function recovery.service_error(client, call, reply)
  local text, _, partial = body.read_all(reply, ERROR_BODY_MAX)
  local err = unmarshal.error(call.operation, reply.status, reply.headers,
    text or partial)
  err.stage = "response"
  err.retry_after = retry.hint(reply.headers,
    client.host:now() + client.clock_offset)
  return err
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

--- Seconds until the call's total_timeout.
function recovery.time_left(call, host)
  local total = call.deadlines.total
  return total and total - host:clock() or math.huge
end

-- Seconds until the next attempt; nil: give up.
local function next_delay(client, call, err, attempt)
  local class = retry.class(err, client.options, call.operation)
  if not class or attempt >= call.plan.max_attempts then return nil end
  local delay = retry.delay(class, attempt - 1, client.random,
    err.retry_after)
  if delay >= recovery.time_left(call, client.host) then return nil end
  local cost = client.quota:take(class)
  if not cost then
    err.quota_exhausted = true
    return nil
  end
  call.cost = cost
  return delay
end

--- What follows a failure.
-- @param call of exchange.lua; what was mended is noted in it
-- @param headers of the reply, if there was one
-- @param attempt its number; a retry that mends is not counted
-- @return seconds until the next attempt, its number; nil: give up
function recovery.next(client, call, err, headers, attempt)
  if mend(client, call, err, headers) then return 0, attempt end
  return next_delay(client, call, err, attempt), attempt + 1
end

return recovery
