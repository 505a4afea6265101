-- bedrock.pace: the rate that a service takes is found, and kept to.
local pace = require "bedrock.pace"

-- Sends `n` calls, each again until it gets through, to a service that
-- answers `accepts(now, number of the call)`; calls take a tenth of a second.
-- Seconds it took, and how many calls were refused.
local function simulate(n, accepts)
  local now, one = 0, pace.new(0)
  local flying, through, refused, sent = {}, 0, 0, 0
  while through < n do
    while #flying < 64 and n - through > #flying do
      if one:take(now) > 0 then break end
      sent = sent + 1
      flying[#flying + 1] = { at = now, fine = accepts(now, sent) }
    end
    now = now + 0.01
    while flying[1] and flying[1].at + 0.1 <= now do
      local call = table.remove(flying, 1)
      if call.fine then
        through = through + 1
        one:accepted(now, call.at)
      else
        refused = refused + 1
        one:throttled(now, call.at)
      end
    end
    assert(now < 1000, "it never ends")
  end
  return now, refused
end

-- A service that takes `rate` calls a second, and a few at once.
local function limited(rate)
  local room = math.max(2, rate / 20)
  local left, last = room, 0
  return function(now)
    left, last = math.min(room, left + (now - last) * rate), now
    if left < 1 then return false end
    left = left - 1
    return true
  end
end

describe("a pace", function()
  it("limits nothing while nothing is refused", function()
    local took, refused = simulate(1000, function() return true end)
    assert.equal(0, refused)
    assert.is_true(took < 1000 / 64 * 0.1 + 0.5)
  end)

  it("finds the rate that is taken", function()
    for _, rate in ipairs { 0.5, 2, 10, 50, 200 } do
      local n = math.max(20, rate * 10)
      local took, refused = simulate(n, limited(rate))
      assert.is_true(took < 2 * n / rate, rate .. " a second: " .. took)
      -- The first look comes after the first answers: 64 at once.
      assert.is_true(refused < n + 128, rate .. ": " .. refused)
    end
  end)

  it("does not slow down for what its rate does not change", function()
    for _, every in ipairs { 2, 3, 10 } do
      local took = simulate(3000, function(_, number)
        return number % every ~= 0
      end)
      local ideal = 3000 * every / (every - 1) / 64 * 0.1
      assert.is_true(took < 2 * ideal + 1, every .. ": " .. took)
    end
  end)

  it("finds a rate that changes", function()
    local slow, fast = limited(5), limited(200)
    local took = simulate(1000, function(now)
      return (now < 10 and slow or fast)(now)
    end)
    assert.is_true(took < 10 + 2 * 950 / 200 + 5, took)
  end)

  it("leaves the service alone for as long as it asks", function()
    local one = pace.new(0)
    assert.equal(0, one:take(0))
    one:throttled(1, 0, 3)
    assert.equal(2, one:take(2))
    assert.equal(0, one:take(4))
    one:throttled(5, 4, 1e9) -- nobody waits that long
    assert.is_true(one:take(5) <= 20)
  end)
end)
