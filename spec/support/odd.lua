--- The server that misbehaves (odd_server.lua), and clients of it, for specs.

local bedrock = require "bedrock"
local curl = require "bedrock.curl"
local curl_host = require "bedrock.host.curl"
local process = require "bedrock.emulator.process"

local odd = {}

local Odd = {}
Odd.__index = Odd

local function libraries()
  -- The server needs Lua 5.4 and the library built for it, whatever runs us.
  return "env LUA_PATH='lua/?.lua;lua/?/init.lua;;' "
    .. "LUA_CPATH='build/5.4/?.so;;' "
end

--- Start it.
-- @param files list of paths that `cut` and `bytes` know by their numbers
function odd.start(files)
  local quoted = {}
  for i, name in ipairs(files or {}) do quoted[i] = ("'%s'"):format(name) end
  local started = process.start(libraries() .. (os.getenv "BEDROCK_LUA54"
    or "lua5.4") .. " spec/support/odd_server.lua "
    .. table.concat(quoted, " "))
  local port = tonumber(started.line)
  if not port then
    started:stop()
    error("the odd server did not start: " .. tostring(started.line))
  end
  return setmetatable({ process = started, port = port,
    url = "http://127.0.0.1:" .. port }, Odd)
end

function Odd:stop() self.process:stop() end

--- A client of a server, with connections of its own, that tries once.
function odd.client_of(url, options)
  local given = { region = "us-east-1", endpoint_url = url, env = {},
    host = curl_host.new(), max_attempts = 1,
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  return bedrock.new(given)
end

--- The same of this one.
function Odd:client(options)
  return odd.client_of(self.url, options)
end

--- Parameters that make it do `what`.
function odd.ask(what, text)
  return { modelId = what,
    messages = { { role = "user", content = { { text = text or "x" } } } } }
end

--- Bytes that its last flood has written, its open connections, and how many
-- requests it left without a word.
function Odd:state()
  local multi = curl.multi()
  local transfer = multi:start { method = "GET", url = self.url .. "/state",
    headers = {} }
  local pieces = {}
  while true do
    local bytes = transfer:read()
    if bytes == nil then break end
    if bytes then pieces[#pieces + 1] = bytes else multi:wait(1) end
  end
  transfer:close()
  multi:close()
  local written, open, dropped = table.concat(pieces):match
    "(%d+) (%d+) (%d+)"
  return tonumber(written), tonumber(open) - 1, tonumber(dropped)
end

--- Look at `check` until it holds, five seconds at most.
function odd.eventually(check)
  local deadline = curl.monotonic() + 5
  while not check() do
    if curl.monotonic() > deadline then return false end
    os.execute "sleep 0.02"
  end
  return true
end

return odd
