-- The nginx host under load: what 200 slow streams do to an ordinary request
-- of the same worker, what the gateway adds to the first event, and how soon
-- the far side is left once a browser has gone.
--
--   lua5.4 bench/nginx.lua [streams]        (after make and make LUA=luajit)
--
-- Everything runs on this machine: emulator, nginx with one worker, and one
-- process each for the streams and for what is measured.
package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = "./build/5.4/?.so;" .. package.cpath

local cqueues = require "cqueues"
local support = require "spec.support.nginx"

local STREAMS = tonumber(arg[1]) or 200
local PINGS, FIRSTS, LEAVERS = 1000, 200, 50
local WORDS, DELAY = 300, 50 -- each stream: 20 events a second, 15 s

local CONF = [[
  lua_need_request_body on;
  lua_check_client_abort on;
  server {
    listen 127.0.0.1:@RUN@ backlog=1024;
    location /ping { return 200 pong; }
    location /chat {
      content_by_lua_block { require("gateway").chat() }
    }
  }
]]

local MAIN = [[
env AWS_ENDPOINT_URL_BEDROCK_RUNTIME=@URL@;
env AWS_ACCESS_KEY_ID=AKIDEXAMPLE;
env AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
env AWS_REGION=us-east-1;
]]

local function emulator(delay)
  local name = os.tmpname()
  local pipe = assert(io.popen(("lua5.4 lua/bin/bedrock-emulator "
    .. "--with-stdin --delay %d >%s"):format(delay, name), "w"))
  local url
  repeat
    cqueues.sleep(0.02)
    for line in io.lines(name) do url = line:match "http://%S+" end
  until url
  os.remove(name)
  return url, pipe
end

local function gateway(url)
  local port = support.port()
  return support.start { main = MAIN, values = { RUN = port, URL = url },
    http = CONF }, port
end

local function question(text)
  return ('{"messages":[{"role":"user","content":[{"text":"%s"}]}]}')
    :format(text)
end

local function quantile(list, q)
  table.sort(list)
  return list[math.max(1, math.ceil(#list * q))] * 1000
end

local function report(name, list)
  print(("%-34s median %6.2f ms   p99 %6.2f ms   worst %6.2f ms"):format(name,
    quantile(list, 0.5), quantile(list, 0.99), quantile(list, 1)))
end

-- Ordinary requests, one after another on one kept connection.
local function ping(port)
  local sock = require "cqueues.socket".connect("127.0.0.1", port)
  sock:setmode("bn", "bn")
  local times = {}
  for i = 1, PINGS do
    local start = cqueues.monotime()
    sock:xwrite "GET /ping HTTP/1.1\r\nhost: a\r\n\r\n"
    sock:flush()
    local text = ""
    repeat text = text .. sock:xread(-4096) until text:find "pong"
    times[i] = cqueues.monotime() - start
    cqueues.sleep(0.002)
  end
  sock:close()
  return times
end

-- In a process of its own: n streams at once; says how many events came.
local STREAMER = [[
  package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
  local support, queue = require "spec.support.nginx", require "cqueues".new()
  local events, ended = 0, 0
  for _ = 1, %d do
    queue:wrap(function()
      local sock = support.request(%d, "POST", "/chat", %q)
      sock:settimeout(60)
      local rest = ""
      while true do
        local text = sock:xread(-65536)
        if not text then break end
        for _ in text:gmatch "event: text" do events = events + 1 end
        if text:find "event: done" then ended = ended + 1 end
      end
      sock:close()
    end)
  end
  assert(queue:loop())
  print(("  (%%d streams ended well, %%d events)"):format(ended, events))
]]

local function streamer(port)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(STREAMER:format(STREAMS, port, question("Count to " .. WORDS)))
  file:close()
  return assert(io.popen("lua5.4 " .. name)), name
end

local function concurrency()
  local url, pipe = emulator(DELAY)
  local server, port = gateway(url)
  ping(port)
  report("ordinary request, alone", ping(port))
  local process, name = streamer(port)
  cqueues.sleep(3)
  report(("beside %d streams"):format(STREAMS), ping(port))
  io.write(process:read "a")
  process:close()
  os.remove(name)
  server:stop()
  pipe:close()
end

-- Time to the first event on warm connections, in turns.
local function first_event()
  local url, pipe = emulator(0)
  local server, port = gateway(url)
  local client = require "bedrock".new { region = "us-east-1",
    endpoint_url = url, env = {}, credentials = {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } }
  local function direct()
    local start = cqueues.monotime()
    local stream = client:converse_stream { modelId = "m",
      messages = { { role = "user", content = { { text = "hello" } } } } }
    local event
    repeat event = assert(stream:next()) until event.contentBlockDelta
    local time = cqueues.monotime() - start
    repeat event = stream:next() until not event
    return time
  end
  local body = question "hello"
  local function through()
    local start = cqueues.monotime()
    local sock = support.request(port, "POST", "/chat", body)
    local text = ""
    repeat text = text .. assert(sock:xread(-65536))
    until text:find "event: text"
    local time = cqueues.monotime() - start
    repeat until not sock:xread(-65536)
    sock:close()
    return time
  end
  local one, other = {}, {}
  for i = -20, FIRSTS do
    local a, b = direct(), through()
    if i > 0 then one[i], other[i] = a, b end
  end
  report("first event, direct (libcurl)", one)
  report("first event, through the gateway", other)
  server:stop()
  pipe:close()
end

-- From a browser's going to the emulator's seeing the gateway go.
local function leaving()
  local url, pipe = emulator(DELAY)
  local server, port = gateway(url)
  local far = tonumber(url:match ":(%d+)")
  local times = {}
  for i = 1, LEAVERS do
    local sock = support.request(port, "POST", "/chat", question "Count to 99")
    repeat until assert(sock:xread(-65536)):find "event: text"
    local start = cqueues.monotime()
    sock:close()
    repeat
      cqueues.sleep(0.001)
    until support.ask(far, "GET", "/stats"):find '"active":0'
    times[i] = cqueues.monotime() - start
    support.ask(far, "POST", "/reset")
  end
  report("a browser leaves", times)
  server:stop()
  pipe:close()
end

first_event()
leaving()
concurrency()
