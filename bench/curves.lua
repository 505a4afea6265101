--- Cost against size, as bench/curves.svg; the numbers on standard output.
-- Run by bench/run.
package.path = "./?.lua;" .. package.path

local clients = require "bench.clients"
local svg = require "bench.svg"

local QUICK = (os.getenv "BENCH_SIZE" or "full") ~= "full"
local ROUNDS = QUICK and 1 or 3

local function powers(base, first, last)
  local list = {}
  for exponent = first, last do list[#list + 1] = base ^ exponent end
  return list
end

local function steps(last) -- 1 2 5 10 20 50 ... last
  local list = {}
  for exponent = 0, math.floor(math.log(last) / math.log(10) + 1e-9) do
    for _, digit in ipairs { 1, 2, 5 } do
      local n = digit * 10 ^ exponent
      if n <= last then list[#list + 1] = n end
    end
  end
  return list
end

local DELTA = 191597 -- bytes of delta.bin, which holds a thousand events

-- Each: title, unit of x, the sizes, a trial for one of them, and what its
-- figures say: x (the size, unless another quantity should be linear) and y.
local CURVES = {
  { "CPU ms, stream of n events", "events", powers(10, 0, QUICK and 1 or 3),
    function(n)
      return { mode = "stream", model = ("delta.whole.16384.%d"):format(n) }
    end,
    function(n, f) return n * 1000, f.cpu * 1e3 end },
  { "CPU µs, message of n bytes", "bytes", powers(2, 7, QUICK and 14 or 24),
    function(n)
      return { mode = "stream", model = ("size%d.whole.16384.%d"):format(n,
        math.max(2, math.min(20000, 2 ^ 25 / n))) }
    end,
    function(n, f) return n, f.cpu / (f.events - 4) * 1e6 end },
  { "CPU ms, n streams at once", "streams", steps(QUICK and 20 or 2000),
    function(n)
      return { mode = "slow", model = "tiny.drip.20.10", count = n }
    end,
    function(n, f) return n, f.cpu * f.events * 1e3 end },
  { "CPU ms, a stream in n chunks", "chunks", powers(4, 0, QUICK and 3 or 8),
    function(n)
      return { mode = "stream", model = ("delta.whole.%d.4"):format(n) }
    end,
    function(n, f) return math.ceil(DELTA / n) * 4, f.cpu * 1e3 end },
  { "CPU µs, request of n messages", "messages", steps(QUICK and 20 or 1000),
    function(n) return { mode = "history", count = n } end,
    function(n, f) return n, f.cpu * 1e6 end },
}

local function measure(trial, read, n)
  trial.over = "http"
  local best
  for _ = 1, ROUNDS do -- the least disturbed one
    local figures = clients.run("ours", trial)
    if figures.cpu and (figures.events ~= 0) then
      local x, y = read(n, figures)
      if not best or y < best.y then best = { x = x, y = y } end
    end
  end
  return best
end

-- The exponent of growth: the slope of log y over log x, by least squares,
-- where x is large (the upper half of the points).
local function exponent(points)
  local from = math.floor(#points / 2) + 1
  local n, sx, sy, sxx, sxy = 0, 0, 0, 0, 0
  for i = from, #points do
    local x, y = math.log(points[i].x), math.log(points[i].y)
    n, sx, sy, sxx, sxy = n + 1, sx + x, sy + y, sxx + x * x, sxy + x * y
  end
  return (n * sxy - sx * sy) / (n * sxx - sx * sx)
end

local function by_x(a, b) return a.x < b.x end

local panels = {}
for _, curve in ipairs(CURVES) do
  local title, unit, sizes, trial, read = curve[1], curve[2], curve[3],
    curve[4], curve[5]
  local points = {}
  for _, n in ipairs(sizes) do
    points[#points + 1] = measure(trial(n), read, n)
  end
  table.sort(points, by_x)
  print(title)
  for _, point in ipairs(points) do
    print(("  %10.0f %12.3f"):format(point.x, point.y))
  end
  if #points > 3 then
    local note = ("grows as n to the power of %.2f"):format(exponent(points))
    print("  " .. note)
    panels[#panels + 1] = { title = title, unit = unit, points = points,
      note = note }
  end
end
local file = assert(io.open(QUICK and os.getenv "BENCH_FOLDER"
  .. "/curves.svg" or "bench/curves.svg", "w"))
file:write(svg.picture(panels))
file:close()
