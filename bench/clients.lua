--- The clients that are measured: a name, and the command line of a trial.
--
-- A trial is { mode =, model =, count =, over = "http" | "https" | "bundle" }
-- or, for what happens in memory alone, { micro = "framing FILE SIZE" }.
-- bench/run sets the environment that is read here.

local clients = {}

local folder = os.getenv "BENCH_FOLDER"
local programs = os.getenv "BENCH_PROGRAMS"

local PLACES = {
  http = { os.getenv "BENCH_HTTP" },
  https = { os.getenv "BENCH_HTTPS", folder .. "/ca.pem" },
  bundle = { os.getenv "BENCH_HTTPS", folder .. "/bundle.pem" },
}

local function arguments(trial)
  if trial.micro then return trial.micro:gsub("@", folder .. "/") end
  local url, ca = PLACES[trial.over][1], PLACES[trial.over][2]
  return table.concat({ trial.mode, url, trial.model or "answer.json.0.1",
    trial.count or 1, ca }, " ")
end

-- Each is given the trial, and returns what runs it; nil: it cannot.
local COMMANDS = {}

function COMMANDS.ours(trial)
  if trial.micro then return programs .. "/micro" end
  if os.getenv "BENCH_HOST" ~= "nginx" then return "lua bench/client.lua" end
  if trial.mode ~= "start" then return "lua5.4 bench/peers/nginx.lua" end
end

local FLOOR = { start = true, stream = true, first = true, unary = true,
  slow = true }

function COMMANDS.floor(trial)
  return FLOOR[trial.mode] and programs .. "/floor"
end

function COMMANDS.byhand(trial)
  return FLOOR[trial.mode] and "lua bench/peers/byhand.lua"
end

function COMMANDS.sdk()
  local node = os.getenv "BENCH_NODE"
  return node and ("env -C %s node $PWD/bench/peers/sdk.mjs"):format(node)
end

function COMMANDS.boto()
  local python = os.getenv "BENCH_PYTHON"
  return python and python .. " bench/peers/boto.py"
end

--- In the order in which they are run and shown.
clients.names = { "ours", "floor", "byhand", "sdk", "boto" }

--- The command of a client for a trial, without its arguments; nil: none.
function clients.command(name, trial)
  if trial.only and not trial.only[name] then return nil end
  return COMMANDS[name](trial) or nil
end

--- Run a trial.
-- @return table of its figures by name; empty where this client has none
function clients.run(name, trial)
  local figures = {}
  local command = clients.command(name, trial)
  if not command then return figures end
  local pipe = assert(io.popen(("%s/measure %s %s 2>>%s/log"):format(programs,
    command, arguments(trial), folder)))
  for key, value in pipe:read "*a":gmatch "([%w_]+)=([%d.e+-]+)" do
    figures[key] = figures[key] or tonumber(value) -- its own before measure's
  end
  pipe:close()
  return figures
end

return clients
