--- When to try again, and after how long: AWS's "standard" mode in its form
-- of 2026 (notes of the AWS SDKs, "retry behavior"; v2.1).
--
-- Policy only: no clock, no randomness, no waiting of its own.  The rate of
-- "adaptive" mode is rate.lua's, how many retries a client has is quota.lua's.

local timestamp = require "bedrock.lazy" "bedrock.service.timestamp"

local retry = {}

local BASE = { transient = 0.05, throttling = 1 } -- seconds
local LONGEST = 20
local HINT_SLACK = 5 -- a server's hint may lengthen the wait by that much

--- Seconds to wait before the next attempt.
-- @param class "transient" or "throttling"
-- @param retries how many there were before this one, from 0
-- @param random function that gives a number in [0, 1): full jitter
-- @param hint seconds that the server asked for, or nil
function retry.delay(class, retries, random, hint)
  local delay = random() * math.min(BASE[class] * 2 ^ retries, LONGEST)
  if hint and hint >= 0 then
    delay = math.max(delay, math.min(hint, delay + HINT_SLACK))
  end
  return delay
end

--- What the server asked for, in seconds, or nil: `x-amz-retry-after` in
-- milliseconds, else `Retry-After` in seconds or as a date.  What makes no
-- sense, and a date that has passed, asks for nothing.
-- @param headers of the reply
-- @param now seconds since the epoch, by the server's clock
function retry.hint(headers, now)
  local amazon = headers["x-amz-retry-after"]
  if amazon then
    local milliseconds = amazon:match "^%d+$"
    return milliseconds and tonumber(milliseconds) / 1000
  end
  local after = headers["retry-after"]
  if not after then return nil end
  local seconds = after:match "^%d+$"
  if seconds then return tonumber(seconds) end
  local date = after:find "GMT$" and timestamp.parse(after)
  return date and date > now and date - now or nil
end

-- What a timeout says of another try.  The model may still be at work, and
-- would be paid twice: only reading is safe to repeat.
local function class_of_timeout(err, operation, options)
  if err.code == "ConnectTimeout" then return "transient" end
  if err.code ~= "IdleTimeout" then return nil end
  local safe = operation and operation.method == "GET"
  return (safe or options.retry_timeouts) and "transient" or nil
end

--- "transient", "throttling", or nil: may this error be tried again?
-- A timeout while a model generates is not (it would be paid twice), unless
-- `options.retry_timeouts`.
-- @param operation row of the model, or nil
function retry.class(err, options, operation)
  if err.kind == "timeout" then
    return class_of_timeout(err, operation, options)
  elseif not err.retryable then
    return nil
  elseif err.kind == "transport" then
    return "transient"
  elseif err.kind == "service" then
    return err.throttling and "throttling" or "transient"
  end
end

return retry
