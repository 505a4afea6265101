-- A server for specs that misbehaves to order, in a process of its own (Lua
-- 5.4, cqueues).
--
--   lua5.4 spec/support/odd_server.lua [FILE...]
--
-- prints its port and ends when its standard input does.  The model id in
-- the path says what to do, words divided by dots:
--
--   cut.F.N.HOW     file F as an event stream in a body of known length (all
--                   of it: head and body), only N bytes of that, then the
--                   end: HOW is fin or rst
--   loose.HOW       chunks of InvokeModel in a body that ends with the
--                   connection, the last one too if HOW is whole
--   flood.N         N events as fast as they are taken
--   hold            the head, then nothing
--   mute            reads the request, answers nothing
--   deaf            reads nothing of the body
--   sip.N           reads N bytes of the body each 50 ms, then answers
--   pause.MS        answers after MS milliseconds
--   tick.MS.N       N events, MS milliseconds before each
--   bye             answers, and closes the connection that was to be kept
--   lapse           closes a connection that was kept without a word, and
--                   answers on a new one
--   falter          begins an answer, and closes after the first event
--   drop            closes every connection without a word
--   spill           answers, and leaves rubbish on the kept connection
--   head / errors   a head / an error's body without an end
--   bytes.F         file F, one byte per chunk and packet
--
-- It speaks no TLS: a handshake meets silence, or, if the first argument is
-- the word alert, a fatal alert.  As a proxy it refuses tunnels to
-- "refuse...", and ends others.
--
-- GET /state gives "N M L": bytes written by the last flood, connections that
-- are open, and requests that were left without a word.

local cqueues = require "cqueues"
local socket = require "cqueues.socket"
local linger = require "bedrock.emulator.linger"
local core = require "bedrock.core"

local written, open, dropped = 0, 0, 0
local STREAM = "content-type: application/vnd.amazon.eventstream\r\n"

local function event(name, payload)
  return core.eventstream.encode({ { ":message-type", "event" },
    { ":event-type", name }, { ":content-type", "application/json" } },
    payload)
end

local FIRST = event("messageStart", '{"role":"assistant"}')
local LAST = event("messageStop", '{"stopReason":"end_turn"}')
local UNARY = '{"output":{"message":{"role":"assistant","content":[]}},'
  .. '"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,'
  .. '"totalTokens":2},"metrics":{"latencyMs":1}}'

local function chunk(json)
  return event("chunk", ('{"bytes":"%s"}'):format(
    core.bytes.base64_encode(json)))
end

local CHUNK = chunk '{"type":"content_block_delta"}'
local LAST_CHUNK = chunk('{"type":"message_stop",'
  .. '"amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}')

local function delta(i)
  return event("contentBlockDelta",
    ('{"contentBlockIndex":0,"delta":{"text":"%d %s"}}'):format(i,
    ("x"):rep(1000)))
end

local function head(length, extra)
  return ("HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n"):format(
    extra or "", length)
end

local function file_bytes(n)
  local file = assert(io.open(arg[tonumber(n)], "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

local function whole_answer()
  return head(#FIRST + #LAST, STREAM) .. FIRST .. LAST
end

local function read_body(x)
  if x.length > 0 then x.connection:read(x.length) end
  x.length = 0
end

local function wait_for_end(x)
  x.connection:settimeout(60)
  x.connection:read(1)
  return "close"
end

local play = {}

function play.cut(x, file, n, how)
  read_body(x)
  local body = file_bytes(file)
  x.connection:write(((head(#body, STREAM) .. body):sub(1, tonumber(n))))
  x.connection:flush()
  if how == "rst" then linger.reset_on_close(x.connection) end
  return "close"
end

function play.loose(x, how)
  read_body(x)
  x.connection:write("HTTP/1.1 200 OK\r\n", STREAM, "\r\n", CHUNK,
    how == "whole" and LAST_CHUNK or "")
  x.connection:flush()
  return "close"
end

function play.flood(x, n)
  read_body(x)
  local length = #FIRST + #LAST
  for i = 1, n do length = length + #delta(i) end
  x.connection:write(head(length, STREAM), FIRST)
  written = 0
  for i = 1, n do
    local bytes = delta(i)
    if not x.connection:write(bytes) then return "close" end
    written = written + #bytes
  end
  x.connection:write(LAST)
  x.connection:flush()
end

function play.hold(x)
  read_body(x)
  x.connection:write(head(1000, STREAM))
  x.connection:flush()
  return wait_for_end(x)
end

function play.mute(x)
  read_body(x)
  return wait_for_end(x)
end

function play.deaf()
  cqueues.sleep(20)
  return "close"
end

function play.sip(x, n)
  local due = tonumber(n)
  while x.length > 0 do
    local bytes = x.connection:read(-65536)
    if not bytes then return "close" end
    x.length, due = x.length - #bytes, due - #bytes
    if due <= 0 then
      due = due + tonumber(n)
      cqueues.sleep(0.05)
    end
  end
  x.connection:write(whole_answer())
  x.connection:flush()
end

function play.pause(x, milliseconds)
  read_body(x)
  cqueues.sleep(milliseconds / 1000)
  x.connection:write(whole_answer())
  x.connection:flush()
end

function play.tick(x, milliseconds, n)
  read_body(x)
  local length = #FIRST + #LAST
  for i = 1, n do length = length + #delta(i) end
  x.connection:write(head(length, STREAM), FIRST)
  x.connection:flush()
  for i = 1, n do
    cqueues.sleep(milliseconds / 1000)
    x.connection:write(delta(i))
    x.connection:flush()
  end
  x.connection:write(LAST)
  x.connection:flush()
end

local function unary(x)
  read_body(x)
  x.connection:write(head(#UNARY, "content-type: application/json\r\n"),
    UNARY)
  x.connection:flush()
end

play.plain = unary

function play.bye(x)
  unary(x)
  return "close"
end

function play.drop(x)
  read_body(x)
  dropped = dropped + 1
  return "close"
end

function play.falter(x)
  x.connection:write(head(#FIRST + #LAST, STREAM), FIRST)
  x.connection:flush()
  return play.drop(x)
end

function play.lapse(x)
  if x.turn > 1 then return play.drop(x) end
  return unary(x)
end

function play.spill(x)
  read_body(x)
  x.connection:write(head(#UNARY, "content-type: application/json\r\n"),
    UNARY, "rubbish that nobody asked for\r\n")
  x.connection:flush()
end

function play.head(x)
  read_body(x)
  x.connection:write "HTTP/1.1 200 OK\r\n"
  for i = 1, 1e6 do
    if not x.connection:write(("x-%d: %s\r\n"):format(i, ("y"):rep(1000))) then
      break
    end
  end
  return "close"
end

function play.errors(x)
  read_body(x)
  x.connection:write "HTTP/1.1 500 No\r\ncontent-length: 9999999999\r\n\r\n"
  while x.connection:write(("y"):rep(65536)) do cqueues.sleep(0) end
  return "close"
end

function play.bytes(x, file)
  read_body(x)
  x.connection:write("HTTP/1.1 200 OK\r\n", STREAM,
    "transfer-encoding: chunked\r\n\r\n")
  for byte in file_bytes(file):gmatch "." do
    x.connection:write("1\r\n", byte, "\r\n")
    x.connection:flush()
  end
  x.connection:write "0\r\n\r\n"
  x.connection:flush()
end

local function state(x)
  local text = ("%d %d %d"):format(written, open, dropped)
  x.connection:write(head(#text, "connection: close\r\n"), text)
  x.connection:flush()
  return "close"
end

-- TLS, which we do not speak: silence, or a fatal alert (handshake failure).
local function refuse_tls(connection)
  if arg[1] ~= "alert" then return cqueues.sleep(20) end
  connection:write "\21\3\3\0\2\2\40"
  connection:flush()
end

local function read_head(connection)
  local first = connection:read(1)
  if first == "\22" then return refuse_tls(connection) end
  if not first then return nil end
  local target = (connection:read "*l" or ""):match "^%u+ (%S+)"
  local length = 0
  while target do
    local line = connection:read "*l"
    if not line or line == "\r" or line == "" then break end
    length = tonumber(line:lower():match "^content%-length: *(%d+)") or length
  end
  return target and { connection = connection, target = target,
    length = length }
end

-- As a proxy it refuses, or agrees and is no TLS server.
local function tunnel(x)
  x.connection:write(x.target:find "^refuse" and "HTTP/1.1 407 No\r\n"
    or "HTTP/1.1 200 Connected\r\n", "\r\n")
  x.connection:flush()
  return "close"
end

local function serve(connection)
  connection:setmode("b", "bf")
  connection:settimeout(60)
  for turn = 1, math.huge do
    local x = read_head(connection)
    if not x then break end
    x.turn = turn
    local words = {}
    local model = x.target:match "^/model/([^/]+)/" or ""
    for word in model:gmatch "[^.]+" do words[#words + 1] = word end
    local run = x.target == "/state" and state or play[words[1]] or unary
    if x.target:find "^[^/]+:%d+$" then run = tunnel end
    if run(x, table.unpack(words, 2)) == "close" then break end
  end
end

local loop = cqueues.new()
local listener = assert(socket.listen { host = "127.0.0.1", port = 0 })
listener:listen()
print((select(3, listener:localname())))
io.stdout:flush()

loop:wrap(function()
  for connection in listener:clients() do
    loop:wrap(function()
      open = open + 1
      connection:onerror(function(_, _, why) return why end)
      pcall(serve, connection)
      open = open - 1
      connection:close()
    end)
  end
end)
loop:wrap(function()
  socket.fdopen(0):read "*a" -- ends with our parent
  os.exit(0)
end)
assert(loop:loop())
