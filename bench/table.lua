--- One table: ours, the floor, the peers (bench/README.md says how to read
-- it).  Run by bench/run.
package.path = "./?.lua;" .. package.path

local clients = require "bench.clients"
local rows = require "bench.rows"

local status = os.execute "test -t 2"
local is_terminal = status == true or status == 0

local function progress(...)
  if is_terminal then io.stderr:write("\r", ("%d/%d %-20s"):format(...)) end
end

-- Every client in turn, round after round: what disturbs the machine
-- disturbs all of them.
local function measure()
  local rounds = {}
  for i = 1, rows.rounds do
    local round = {}
    for _, named in ipairs(rows.trials) do
      progress(i, rows.rounds, named.name)
      round[named.name] = {}
      for _, client in ipairs(clients.names) do
        round[named.name][client] = rows.skip(named.trial, client, i) and {}
          or clients.run(client, named.trial)
      end
    end
    rounds[i] = round
  end
  progress(rows.rounds, rows.rounds, "done")
  return rounds
end

local function median(list)
  table.sort(list)
  local n = #list
  if n == 0 then return nil end
  return (list[math.ceil(n / 2)] + list[math.floor(n / 2) + 1]) / 2
end

-- A row's number for a client in a round, or nil.
local function number(row, client, round)
  if client == "floor" and row.floor then return row.floor(round) or nil end
  return row.value(round[row.trial][client]) or nil
end

local function over_rounds(rounds, f)
  local list = {}
  for _, round in ipairs(rounds) do list[#list + 1] = f(round) end
  return median(list)
end

-- How many times the cost of `b` is that of `a`, pair by pair.
local function ratio(row, rounds, a, b)
  return over_rounds(rounds, function(round)
    local x, y = number(row, a, round), number(row, b, round)
    if not x or not y then return nil end
    return row.more and y / x or x / y
  end)
end

local function shown(value)
  if not value then return "" end
  if value >= 100 then return ("%.0f"):format(value) end
  return ("%.3g"):format(value)
end

-- The goal, and what it is on a machine with the floor that was found.
local function goals(row, floor)
  if not row.goal then return "", nil end
  if row.above then
    return "floor + " .. row.goal, floor and floor + row.goal
  end
  local here = row.there and floor and row.goal * floor / row.there
  return (row.more and "≥ " or "≤ ") .. row.goal, here or row.goal
end

local function cells(row, rounds)
  local list = { ("%s, %s"):format(row[1], row[2]):gsub(", $", "") .. "" }
  local values = {}
  for _, client in ipairs(clients.names) do
    values[client] = over_rounds(rounds, function(round)
      return number(row, client, round)
    end)
    list[#list + 1] = shown(values[client])
  end
  local goal, here = goals(row, values.floor)
  list[#list + 1], list[#list + 2] = goal, shown(here)
  for _, pair in ipairs { { "ours", "floor" }, { "sdk", "ours" },
    { "boto", "ours" } } do
    list[#list + 1] = shown(ratio(row, rounds, pair[1], pair[2]))
  end
  return list
end

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""):gsub("%s*\n%s*", ", "))
end

local function machine()
  local lua = _VERSION .. (rawget(_G, "jit") and " (" .. jit.version .. ")"
    or "")
  print(("%s; %s; load %s."):format(
    output "sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | uniq -c",
    output "uname -sr", output "cut -d ' ' -f 1-3 /proc/loadavg"))
  print(("%s, host %s; %s; %s; node %s; botocore %s.  Medians of %d rounds.")
    :format(lua, os.getenv "BENCH_HOST",
      output "curl-config --version", output "openssl version",
      output "node --version",
      output((os.getenv "BENCH_PYTHON" or "python3")
        .. " -c 'import botocore; print(botocore.__version__)'"),
      rows.rounds))
end

local HEAD = { "", "ours", "libcurl", "by hand", "JS SDK", "boto3", "goal",
  "goal here", "ours : floor", "JS : ours", "boto3 : ours" }

local rounds = measure()
machine()
print ""
print("| " .. table.concat(HEAD, " | ") .. " |")
print("|" .. ("---|"):rep(#HEAD))
for _, row in ipairs(rows.rows) do
  print("| " .. table.concat(cells(row, rounds), " | ") .. " |")
end
