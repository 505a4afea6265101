--- How fast many calls may go, where the service says when it is too fast.
--
-- Unlike rate.lua, which is AWS's "adaptive" mode call by call, this knows
-- that there is more to send: it looks for the rate that is taken.  Nothing
-- is limited before the first throttling.  Then, several times a second, the
-- rate falls with the share of calls that were refused, or grows when none
-- was.  A service that refuses as many when it is asked less often does not
-- mind the rate: it is taken back.
--
-- Policy only: the clock is an argument, whoever calls does the waiting.

local pace = {}

local ROUND = 0.25 -- seconds between two looks, where few are enough
local ENOUGH = 20 -- calls that are enough for a look
local FEW = 5 -- likewise, when all were refused
local GROWTH = 1.2
local MOST = 0.5
local NO_LESS = 0.7 -- a share of the one before that is not less yet
local DOUBT = 16 -- looks without a change, at most
local LEAST = 0.2 -- calls a second
local LATE = 0.05 -- seconds that who asks late may make up for
local KEPT = 16 -- calls that got through, whose times are kept
local LONGEST = 20 -- seconds that the service may have us wait

local Pace = {}
Pace.__index = Pace

--- @param now monotonic seconds
function pace.new(now)
  return setmetatable({ rate = nil, free_at = now, since = now, changed = now,
    taken = 0, refused = 0, through = {}, at = 0, doubt = 1, ignored = 0,
  }, Pace)
end

--- May the next call go?  If so, it is counted.
-- @return 0; or the seconds to wait, after which to ask again
function Pace:take(now)
  if now < self.free_at then return self.free_at - now end
  if self.rate then
    self.free_at = math.max(self.free_at, now - LATE) + 1 / self.rate
  end
  return 0
end

-- Calls a second that got through of late, or nil.
local function measured(self, now)
  local oldest = self.through[self.at % KEPT + 1]
  if not oldest then return nil end
  return KEPT / math.max(now - oldest, 0.05)
end

-- Slower by the share of calls that were refused; where most were, as fast
-- as they got through.
local function slow_down(self, now, rate, share)
  self.before = { rate = rate, share = share, taken = self.taken }
  local through = share > MOST and measured(self, now)
  rate = rate * (1 - share / 2)
  return through and math.min(rate, through) or rate
end

-- Did it not help to slow down?  A few that got through tell nothing.
local function in_vain(self, before, share)
  return before and share > before.share * NO_LESS
    and math.min(self.taken, before.taken) >= FEW
end

-- The rate for the calls to come, after a share of some was refused.
local function next_rate(self, now, rate, share)
  local before = self.before
  self.before = nil
  if share == 0 then
    self.doubt = 1
    return self.rate and rate * GROWTH
  elseif in_vain(self, before, share) then
    self.doubt = math.min(self.doubt * 2, DOUBT)
    self.ignored = self.doubt
    return before.rate
  elseif self.ignored > 0 then
    self.ignored = self.ignored - 1
    return rate * GROWTH
  end
  return slow_down(self, now, rate, share)
end

-- A look at what became of the calls since the last one.
local function look(self, now)
  local calls = self.taken + self.refused
  local rate = next_rate(self, now,
    self.rate or calls / math.max(now - self.since, 0.01),
    self.refused / calls)
  if rate then rate = math.max(rate, LEAST) end
  if rate ~= self.rate then self.rate, self.changed = rate, now end
  self.since, self.taken, self.refused = now, 0, 0
end

local function count(self, now, sent, name)
  if sent < self.changed then return end -- says nothing of today's rate
  self[name] = self[name] + 1
  local clear = self.refused == 0 or self.taken == 0 and self.refused >= FEW
  if self.taken + self.refused >= ENOUGH
      or clear and now - self.since >= ROUND then
    look(self, now)
  end
end

--- A call got through.
-- @param sent when it was sent
function Pace:accepted(now, sent)
  self.through[self.at % KEPT + 1] = now
  self.at = self.at + 1
  count(self, now, sent, "taken")
end

--- A call was refused.
-- @param hint seconds that the service wants to be left alone, or nil
function Pace:throttled(now, sent, hint)
  if hint then
    self.free_at = math.max(self.free_at, now + math.min(hint, LONGEST))
  end
  count(self, now, sent, "refused")
end

return pace
