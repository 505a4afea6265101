--- The rows of the table (bench/table.lua): what is run, and what is read
-- from its figures.
--
-- A row: its name; `unit`; `trial`, a name of rows.trials; `value(figures)`,
-- the number that a client's figures give; `goal`, and `there`, what the
-- floor was on the machine that the goals were written for (DESIGN); `more`
-- where more is better; `above` where the goal is what may come on top of the
-- floor.  `floor(round)` where the floor is not libcurl's own figure: round
-- holds all figures by trial and client.

local rows = {}

local SIZE = os.getenv "BENCH_SIZE" or "full"

local function pick(full, quick, smoke)
  return SIZE == "full" and full or SIZE == "quick" and quick or smoke
end

local STREAM = ("delta.whole.16384.%d"):format(pick(100, 10, 1))
local FINE = ("delta.events.1.%d"):format(pick(100, 10, 1))
local INVOKE = ("invoke.whole.16384.%d"):format(pick(100, 10, 1))
local SLOW = ("tiny.drip.%d.%d"):format(pick(50, 50, 5), pick(67, 7, 2))
local TINY = "tiny.whole.16384.1"

rows.rounds = tonumber(os.getenv "ROUNDS") or pick(5, 3, 1)

local function both(trials, name, trial)
  for _, over in ipairs { "http", "https" } do
    local copy = { over = over }
    for key, value in pairs(trial) do copy[key] = value end
    trials[#trials + 1] = { name = name .. " " .. over, trial = copy }
  end
end

--- List of { name =, trial = }.
rows.trials = {}

local function add(name, trial)
  rows.trials[#rows.trials + 1] = { name = name, trial = trial }
end

both(rows.trials, "stream", { mode = "stream", model = STREAM })
both(rows.trials, "fine", { mode = "stream", model = FINE })
add("invoke", { mode = "stream", model = INVOKE, over = "http",
  only = { ours = true, floor = true } })
add("decode", { mode = "decode", over = "http", only = { ours = true } })
add("start http", { mode = "start", model = TINY, over = "http" })
add("start bundle", { mode = "start", model = TINY, over = "bundle" })
both(rows.trials, "first", { mode = "first", model = TINY,
  count = pick(2000, 300, 5) })
both(rows.trials, "unary", { mode = "unary", count = pick(3000, 300, 5) })
add("history", { mode = "history", over = "http", count = 100 })
add("marshal", { mode = "marshal", over = "http", count = 100,
  only = { ours = true } })
add("image", { mode = "image", over = "http",
  count = pick(5000000, 5000000, 60000) })
add("framing", { micro = "framing @delta.bin 16384" })
add("framing 64 KiB", { micro = "framing @size65536.bin 16384" })
add("framing 1 MiB", { micro = "framing @size1048576.bin 16384" })
add("sign", { micro = "sign" })
both(rows.trials, "slow", { mode = "slow", model = SLOW,
  count = pick(1000, 200, 3) })

-- Peers are far: the quick table has each once, and over https their streams
-- and starts alone; a check that all of it runs has each of their modes once.
local function skip_peer(trial, round)
  if SIZE == "full" or trial.micro then return SIZE == "quick" and round > 1 end
  if SIZE == "smoke" then return trial.over ~= "http" end
  return round > 1 or (trial.over == "https" and trial.mode ~= "stream")
end

--- Is a trial left out in this round?  Slow streams take ten seconds of mostly
-- silence.
function rows.skip(trial, client, round)
  if round > 1 and trial.mode == "slow" then return true end
  return (client == "sdk" or client == "boto") and skip_peer(trial, round)
end

-- Readers of figures.
local function scaled(key, factor)
  return function(figures)
    return figures[key] and figures[key] * factor
  end
end

local function per_event(figures)
  return figures.events and figures.cpu / figures.events * 1e6
end

local function per_byte(figures) -- ns per message -> GB/s
  return figures.bytes and figures.bytes > 0
    and figures.bytes / figures.ours or nil
end

local function crc_speed(round, trial)
  local figures = round[trial].ours
  return figures.crc and figures.bytes / figures.crc
end

-- libcurl, and lua-cjson for the text of each event.
local function with_json(trial)
  return function(round)
    local curl, json = per_event(round[trial].floor), round.decode.ours.cjson
    return curl and json and curl + json * 1e6
  end
end

local MICRO = 1e6

rows.rows = {
  { "stream, 16 KiB chunks, http", "µs/event", trial = "stream http",
    value = per_event, floor = with_json "stream http", goal = 1.5,
    there = 0.94 },
  { "stream, 16 KiB chunks, https", "µs/event", trial = "stream https",
    value = per_event, floor = with_json "stream https", goal = 1.7,
    there = 1.09 },
  { "stream, an event a chunk, http", "µs/event", trial = "fine http",
    value = per_event, floor = with_json "fine http", goal = 1.5,
    there = 0.97 },
  { "stream, an event a chunk, https", "µs/event", trial = "fine https",
    value = per_event, floor = with_json "fine https", goal = 1.7,
    there = 1.11 },
  { "invoke stream, http", "µs/event", trial = "invoke", value = per_event,
    floor = with_json "invoke" },
  { "JSON of an event, in memory", "µs/event", trial = "decode",
    value = scaled("ours", MICRO),
    floor = function(round) return scaled("cjson", MICRO)(round.decode.ours)
    end },
  { "framing, both CRCs", "ns/event", trial = "framing",
    value = scaled("ours", 1), goal = 100, there = 26, -- libdeflate's
    floor = function(round) return round.framing.ours.crc end },
  { "framing, 64 KiB messages", "GB/s", trial = "framing 64 KiB",
    value = per_byte, goal = 8, there = 14, more = true,
    floor = function(round) return crc_speed(round, "framing 64 KiB") end },
  { "framing, 1 MiB messages", "GB/s", trial = "framing 1 MiB",
    value = per_byte, goal = 8, there = 14, more = true,
    floor = function(round) return crc_speed(round, "framing 1 MiB") end },
  { "start to first event, http", "ms", trial = "start http",
    value = scaled("first", 1), goal = 12, there = 8 },
  { "start to first event, https", "ms", trial = "start bundle",
    value = scaled("first", 1), goal = 44, there = 36 },
  { "the same, CPU, http", "ms", trial = "start http",
    value = scaled("cpu", 1), goal = 12, there = 8 },
  { "the same, CPU, https", "ms", trial = "start bundle",
    value = scaled("cpu", 1), goal = 44, there = 36 },
  { "first event, kept connection, http", "µs", trial = "first http",
    value = scaled("latency", MICRO), goal = 35, there = 30, above = true },
  { "first event, kept connection, https", "µs", trial = "first https",
    value = scaled("latency", MICRO), goal = 35, there = 83, above = true },
  { "converse, one connection, http", "/s", trial = "unary http",
    value = scaled("rate", 1), goal = 20000, there = 32000, more = true },
  { "converse, one connection, https", "/s", trial = "unary https",
    value = scaled("rate", 1), more = true },
  { "the same, CPU, http", "µs", trial = "unary http",
    value = scaled("cpu", MICRO), goal = 50, there = 31 },
  { "converse, 100 messages, CPU", "µs", trial = "history",
    value = scaled("cpu", MICRO) },
  { "marshalling 100 messages", "µs", trial = "marshal",
    value = scaled("cpu", MICRO),
    floor = function(round) return scaled("cjson", MICRO)(round.marshal.ours)
    end },
  { "image of 5 MB, CPU", "ms", trial = "image", value = scaled("cpu", 1e3) },
  { "image of 5 MB, memory : body", "", trial = "image", goal = 3,
    value = function(f) return f.grown and f.grown / f.body end },
  { "signature, key derived", "µs", trial = "sign", goal = 6, there = 5.5,
    value = scaled("derived", 1e-3),
    floor = function(round)
      return scaled("floor_derived", 1e-3)(round.sign.ours)
    end },
  { "signature, key cached", "µs", trial = "sign", goal = 4, there = 2.7,
    value = scaled("cached", 1e-3),
    floor = function(round)
      return scaled("floor_cached", 1e-3)(round.sign.ours)
    end },
  { "slow streams, http", "µs/event", trial = "slow http",
    value = scaled("cpu", MICRO), goal = 12, there = 8.7 },
  { "slow streams, https", "µs/event", trial = "slow https",
    value = scaled("cpu", MICRO), goal = 26, there = 23 },
  { "memory per slow stream, http", "KiB", trial = "slow http",
    value = scaled("kib", 1), goal = 24, there = 16 },
  { "memory per slow stream, https", "KiB", trial = "slow https",
    value = scaled("kib", 1), goal = 85, there = 72 },
  { "peak memory, one stream, http", "MB", trial = "stream http",
    value = scaled("rss", 1024e-6), goal = 13, there = 10 },
  { "peak memory, one stream, https", "MB", trial = "stream https",
    value = scaled("rss", 1024e-6) },
}

return rows
