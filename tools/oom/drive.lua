--- Runs one scenario again and again, and each time another request for
-- memory fails, until one run meets no failure.
--
--     lua tools/oom/drive.lua spec/oom/NAME.lua      (see tools/oom/run)
--
-- A scenario file returns a function (and how far it is from one request to
-- the next that fails, 1 if not given); that returns true when all went well
-- and `nil, err` when the library said that memory ran out.  What it may
-- raise is Lua's own "not enough memory", or the same of the library; all
-- else is a bug that the missing memory has brought to light.

local failalloc = require "failalloc"

local script = assert(arg[1], "a scenario")
local scenario, stride = dofile(script)

-- Seconds that no scenario takes unless it waits for what will not come: far
-- below the limits that it sets itself, far above what a busy machine needs.
local WAITED = 10

local function describe(...)
  local list = {}
  for i = 1, select("#", ...) do list[i] = tostring((select(i, ...))) end
  return table.concat(list, ", ")
end

-- Did that run end cleanly?
local function clean(failed, raised_nothing, result, err)
  if not raised_nothing then
    local words = tostring(result)
    return failed and (words:find "not enough memory"
      or words:find "out of memory") ~= nil
  end
  if result then return true end
  return failed and err ~= nil
end

-- Each way in which it went wrong, once, with the first request that did it.
local known, bad = {}, false

local function report(n, sticky, what)
  if known[what] then return end
  known[what], bad = true, true
  print(("request %d%s failed, and then: %s"):format(n,
    sticky and " and all after it" or "", what))
  io.stdout:flush()
end

local function attempt(n, sticky)
  collectgarbage()
  local began = os.time()
  failalloc.arm(n, sticky)
  local raised_nothing, result, err = pcall(scenario)
  local _, failed = failalloc.disarm()
  if not clean(failed, raised_nothing, result, err) then
    report(n, sticky, describe(raised_nothing, result, err))
  elseif os.time() - began > WAITED then
    report(n, sticky, "it waited; " .. describe(raised_nothing, result, err))
  end
  return failed
end

-- What it does once, at its first use, is not the subject.
assert(scenario(), script .. " fails with all the memory it wants")

-- Is the shim really in front of the allocator?
failalloc.arm(1, true)
pcall(string.rep, "x", 1e6)
assert(select(2, failalloc.disarm()), "no allocation fails: not preloaded")

for _, sticky in ipairs { false, true } do
  local n, failed = 1 - (stride or 1), true
  while failed do
    n = n + (stride or 1)
    failed = attempt(n, sticky)
    assert(scenario(), script .. " fails after a failure")
  end
  print(("%s: %d requests%s"):format(script, n - 1,
    sticky and ", each the last that is served" or ", each failing once"))
end

os.exit(bad and 1 or 0, true)
