--- Starts the local emulator for a spec, whatever Lua the spec runs on.
--
--   local emulator = require "spec.support.emulator"
--   local server
--   setup(function() server = assert(emulator.start { "--delay", "5" }) end)
--   teardown(function() server:stop() end)
--
-- The child reads our end of a pipe on its standard input and ends with it:
-- no process is left behind, however the spec ends.
local cjson = require "cjson"

local emulator = {}

--- What the emulator accepts when nothing else is said.
emulator.access_key = "AKIDEXAMPLE"
emulator.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
emulator.bearer_token = "bedrock-api-key-emulator"

-- The emulator itself needs Lua 5.4 with lua-http.
local INTERPRETER = os.getenv "BEDROCK_EMULATOR_LUA" or "lua5.4"

-- If it should ever hang, timeout(1) ends it for us, two seconds after stop()
-- asked it to or a quarter of an hour after its start.
local GUARD = "t=$(command -v timeout) && "
  .. 'exec "$t" --foreground -k 2 900 %s; exec %s'

local ROOT = debug.getinfo(1, "S").source:match("^@(.*)spec/support/[^/]*$")
  or "./"

local methods = {}
local server_mt = { __index = methods }

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function make_fifo()
  local path = os.tmpname()
  os.remove(path)
  os.execute("mkfifo " .. quote(path))
  return path
end

--- Starts an emulator and waits until it listens.
-- arguments: list of the program's options (see `bedrock-emulator --help`).
-- @return server with url, port, pid, ca (path of a PEM file, with --tls) |
-- nil, message
function emulator.start(arguments)
  local fifo, words = make_fifo(), {}
  for i, word in ipairs(arguments or {}) do words[i] = quote(word) end
  local program = ("%s %s --with-stdin %s"):format(INTERPRETER,
    quote(ROOT .. "lua/bin/bedrock-emulator"), table.concat(words, " "))
  local input = io.popen(("exec >%s; echo $$; "):format(quote(fifo))
    .. GUARD:format(program, program), "w")
  local output = io.open(fifo, "r") -- opens when the child does
  local guard, line = output:read "*l", output:read "*l"
  os.remove(fifo)
  local url = line and line:match("^listening on (%S+)")
  if not url then
    output:close()
    input:close()
    return nil, "the emulator did not start"
  end
  return setmetatable({ url = url, port = tonumber(url:match(":(%d+)")),
    pid = line:match("pid=(%d+)"), ca = line:match("ca=(%S+)"),
    guard = guard, input = input, output = output }, server_mt)
end

--- Ends the emulator; harmless when repeated.
function methods:stop()
  if not self.input then return end
  os.execute("kill " .. self.guard .. " 2>/dev/null")
  self.input:close()
  self.output:close()
  self.input = nil
end

-- One request in a process of its own, so that no spec's event loop waits
-- for it; every certificate is trusted.
local FETCH = [[
local socket = require "cqueues.socket"
local method, scheme, host, port, path = table.unpack(arg)
local client = socket.connect(host, tonumber(port))
client:setmode("b", "b")
if scheme == "https" then
  local context = require("openssl.ssl.context").new("TLS", false)
  context:setVerify(require("openssl.ssl.context").VERIFY_NONE)
  assert(client:starttls(context, 10))
end
client:write(method, " ", path, " HTTP/1.1\r\nHost: x\r\n",
  "Connection: close\r\n\r\n")
client:flush()
local length
for line in client:lines "*L" do
  length = tonumber(line:match "^Content%-Length: (%d+)") or length
  if line == "\r\n" then break end
end
io.write(client:read(length))
]]

--- Asks one of the emulator's own end points, e.g. "POST",
-- "/next?scenario=throttle": the decoded answer.
function methods:ask(method, path)
  local scheme, host, port = self.url:match("^(%a+)://([^/]*):(%d+)")
  local script = os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(FETCH)
  file:close()
  local pipe = io.popen(("%s %s %s %s %s %s %s"):format(
    INTERPRETER, quote(script), method, scheme, quote(host), port,
    quote(path)), "r")
  local text = pipe:read "*a"
  pipe:close()
  os.remove(script)
  return cjson.decode(text)
end

--- What the emulator saw so far (GET /stats).
function methods:stats()
  return self:ask("GET", "/stats")
end

--- Forgets what it saw, and the states of its scenarios.
function methods:reset()
  return self:ask("POST", "/reset")
end

--- Asks for the statistics until `wanted(stats)` is true, at most `tries`
-- (20) times, some 50 ms apart: the statistics | nil, the last ones.
function methods:await(wanted, tries)
  local stats
  for _ = 1, tries or 20 do
    stats = self:stats()
    if wanted(stats) then return stats end
  end
  return nil, stats
end

return emulator
