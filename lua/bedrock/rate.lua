--- How often a client may ask: the cubic rate limiter of AWS's "adaptive"
-- retry mode.
--
-- Nothing is limited before the first throttling.  Then the rate drops to a
-- share of what was measured, and climbs again along a cubic curve: fast,
-- flat near the rate that was too much, and fast again beyond it.
--
-- Policy only: the clock is an argument, whoever calls does the waiting.
-- Source: the AWS SDKs' client-side rate limiting (smithy-typescript,
-- DefaultRateLimiter), whose constants these are.

local rate = {}

local BETA = 0.7 -- share of the rate that a throttling leaves
local SCALE = 0.4 -- steepness of the curve
local SMOOTH = 0.8 -- weight of the latest bucket in the measured rate
local BUCKET = 0.5 -- seconds over which the rate is measured
local LEAST_FILL = 0.5 -- tokens a second
local LEAST_CAPACITY = 1

local Limiter = {}
Limiter.__index = Limiter

--- A limiter that does not limit yet.
-- @param now monotonic seconds
function rate.new(now)
  return setmetatable({
    enabled = false, tokens = 0, capacity = LEAST_CAPACITY,
    fill_rate = LEAST_FILL, max_rate = 0, window = 0, throttled_at = now,
    measured = 0, requests = 0,
    bucket = math.floor(now / BUCKET) * BUCKET,
  }, Limiter)
end

local function refill(self, now)
  if self.filled_at then
    self.tokens = math.min(self.capacity,
      self.tokens + (now - self.filled_at) * self.fill_rate)
  end
  self.filled_at = now
end

--- Take the token of one request.
-- @return seconds to wait before it may be sent.  The token is taken now, so
--   that requests which wait together are sent one after another.
function Limiter:take(now)
  if not self.enabled then return 0 end
  refill(self, now)
  local missing = 1 - self.tokens
  self.tokens = self.tokens - 1
  return missing > 0 and missing / self.fill_rate or 0
end

local function measure(self, now)
  local bucket = math.floor(now / BUCKET) * BUCKET
  self.requests = self.requests + 1
  if bucket <= self.bucket then return end
  local current = self.requests / (bucket - self.bucket)
  self.measured = current * SMOOTH + self.measured * (1 - SMOOTH)
  self.requests, self.bucket = 0, bucket
end

--- Where the curve is: `now - throttled_at - window` is 0 at its flat part.
function Limiter:curve(now)
  self.window = (self.max_rate * (1 - BETA) / SCALE) ^ (1 / 3)
  local x = now - self.throttled_at - self.window
  return SCALE * x * x * x + self.max_rate
end

local function slow_down(self, now)
  local limit = self.measured
  if self.enabled then limit = math.min(limit, self.fill_rate) end
  self.max_rate, self.throttled_at, self.enabled = limit, now, true
  return limit * BETA
end

--- A reply came.
-- @param throttled did it say that we ask too often?
function Limiter:update(now, throttled)
  measure(self, now)
  local wanted
  if throttled then
    wanted = slow_down(self, now)
  else
    wanted = self:curve(now)
  end
  wanted = math.min(wanted, 2 * self.measured)
  refill(self, now)
  self.fill_rate = math.max(wanted, LEAST_FILL)
  self.capacity = math.max(wanted, LEAST_CAPACITY)
  self.tokens = math.min(self.tokens, self.capacity)
end

return rate
