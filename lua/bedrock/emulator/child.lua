--- The emulator as a child process, for a program's own offline tests (and
-- ours): from any Lua, on a free port, ended with its parent.
--
--     local emulator = require "bedrock.emulator.child".start()
--     local client = bedrock.new(emulator.options)
--     ...
--     emulator:stop()

local process = require "bedrock.emulator.process"

local child = {}

local Child = {}
Child.__index = Child

local KEYS = { access_key_id = "AKIDEXAMPLE",
  secret_access_key = "emulator-secret" }

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- { delay = 20, tls = true } -> --delay '20' --tls
local function arguments(options)
  local list = {}
  for name, value in pairs(options) do
    local flag = "--" .. name:gsub("_", "-")
    if value == true then
      list[#list + 1] = flag
    elseif value then
      list[#list + 1] = flag .. " " .. quote(value)
    end
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- The program lies in lua/bin of a checkout, or where PATH finds it.
local function program()
  local here = debug.getinfo(1, "S").source:match "^@(.*)/bedrock/emulator/"
  local path = here and here .. "/bin/bedrock-emulator"
  local file = path and io.open(path)
  if not file then return "bedrock-emulator" end
  file:close()
  return (os.getenv "BEDROCK_LUA54" or "lua5.4") .. " " .. quote(path)
end

--- Start it and wait until it listens.
-- @param options of the program, underscores for hyphens (`delay`, `tls`,
--   `scenario`, `bearer_token`, ...; see `bedrock-emulator --help`)
-- @return an object: `.url`, `.pid`, `.options` (for `bedrock.new`), `:stop()`;
--   or nil and what it said
function child.start(options)
  local chosen = { port = 0, access_key = KEYS.access_key_id,
    secret_key = KEYS.secret_access_key, with_stdin = true }
  for name, value in pairs(options or {}) do chosen[name] = value end
  local started = process.start(program() .. " " .. arguments(chosen))
  local line = started.line or ""
  local url, pid = line:match "listening on (%S+) pid=(%d+)"
  if not url then
    started:stop()
    return nil, started.line or "the emulator did not start in ten seconds"
  end
  return setmetatable({ process = started, url = url, pid = tonumber(pid),
    ca_file = line:match "ca=(%S+)",
    options = { endpoint_url = url, region = "us-east-1", credentials = {
      access_key_id = chosen.access_key,
      secret_access_key = chosen.secret_key } },
  }, Child)
end

--- End it; again and again is fine.
function Child:stop()
  self.process:stop()
end

return child
