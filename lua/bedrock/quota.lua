--- How many retries a client has.
--
-- It has 500 tokens.  A retry takes 14 (transient failure) or 5 (throttling);
-- a success gives back what its last retry took, or 1.  No tokens: no retry,
-- so that a service in trouble is not made busier.

local quota = {}

local CAPACITY = 500
local COST = { transient = 14, throttling = 5 }

local Quota = {}
Quota.__index = Quota

--- The tokens of one client, shared by all its calls.
function quota.new()
  return setmetatable({ tokens = CAPACITY }, Quota)
end

--- Take the tokens of one retry; their number, or nil if there are too few.
function Quota:take(class)
  local cost = COST[class]
  if self.tokens < cost then return nil end
  self.tokens = self.tokens - cost
  return cost
end

--- A call succeeded; `cost` is what its last retry took, nil if it had none.
function Quota:give_back(cost)
  self.tokens = math.min(CAPACITY, self.tokens + (cost or 1))
end

return quota
