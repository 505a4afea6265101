-- One accepted connection: TLS, HTTP/1.1 or HTTP/2, and its life.
--
-- lua-http reads requests; the loop here replaces its server's, because the
-- emulator must know at once when a client leaves (streams wait on
-- link.gone), and must be able to end a connection in rude ways.
--
--   link.gone    signalled when the client is found to have left (link.lost)
--   link.wake    signalled when a reply wants the connection to end:
--                link.closing (politely) or link.abort (at once)
local cqueues = require "cqueues"
local condition = require "cqueues.condition"
local errno = require "cqueues.errno"
local common = require "http.connection_common"
local h1_connection = require "http.h1_connection"
local h2_connection = require "http.h2_connection"

local connection = {}

-- Until the first request begins, TLS included.
local SETUP_TIMEOUT = 60
-- Between two requests.
local KEEP_ALIVE = 75
-- Requests that a client may send ahead over HTTP/1.1.
local MOST_PIPELINED = 16
-- How long replies may take to notice that their client is gone.
local LAST_WORDS = 5
-- How long a client may take to end its side of a connection that we end.
local FAREWELL = 0.5
-- Longest header line; X-Amzn-Bedrock-Request-Metadata alone may hold 8,500.
local LONGEST_LINE = 65536
-- HTTP/2: SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE.
local H2_SETTINGS = { [0x3] = 1000, [0x4] = 1048576 }

-- lua-http shuts the reading side after a request with Connection: close, and
-- then a client that leaves could not be seen; and its shutdown of a stream
-- whose request broke off never ends.  Here all it may do is ask us to close.
local function close_ourselves(link)
  function link.conn.shutdown(_, direction)
    if direction ~= "r" then
      link.closing = true
      link.wake:signal()
    end
    return true
  end
end

local function start_tls(link, context)
  local socket = link.socket
  local ok, why = socket:starttls(context, SETUP_TIMEOUT)
  if not ok then return nil, why end
  link.secure = true
  local ssl = socket:checktls()
  return ssl.getAlpnSelected and ssl:getAlpnSelected() or "sniff"
end

local function sniff(socket)
  local h2, why = h2_connection.socket_has_preface(socket, true,
    SETUP_TIMEOUT)
  if h2 == nil then return nil, why end
  return h2 and "h2" or "http/1.1"
end

-- Socket -> lua-http's connection, of the version the client speaks.
local function open(link, context)
  local socket = link.socket
  socket:setmode("b", "b")
  socket:onerror(common.onerror)
  socket:setmaxerrs(2 ^ 30) -- or the hundredth failed write would raise
  local protocol, why = "sniff", nil
  if context then protocol, why = start_tls(link, context) end
  if protocol == "sniff" then protocol, why = sniff(socket) end
  if not protocol then return nil, why end
  if protocol == "h2" then
    link.version = 2
    link.conn = h2_connection.new(socket, "server", H2_SETTINGS)
  else
    link.version = 1.1
    link.conn = h1_connection.new(socket, "server", 1.1)
    link.conn:setmaxline(LONGEST_LINE)
    close_ourselves(link)
  end
  return true
end

-- Runs one request in its own coroutine.
local function spawn(link, stream)
  link.active = link.active + 1
  link.server.cq:wrap(function()
    local ok, why = pcall(link.handle, link, stream)
    if not ok then link.server:complain("request: " .. tostring(why)) end
    if link.version == 2 and not link.abort then
      pcall(stream.shutdown, stream)
    end
    link.active = link.active - 1
    link.done:signal()
    link.wake:signal()
  end)
end

-- Sleeps until something happens to `thing` or to the link; false if an idle
-- client slept too long.
local function idle(link, thing)
  local began = cqueues.monotime()
  cqueues.poll(thing or link.done, link.wake, KEEP_ALIVE)
  return link.active > 0 or cqueues.monotime() - began < KEEP_ALIVE
end

-- One turn of an HTTP/1.1 connection: true to go on.
local function turn_h1(link)
  local conn = link.conn
  if conn.req_locked then -- its handler is reading; two readers would steal
    return idle(link, conn.req_cond)
  elseif conn.pipeline:length() >= MOST_PIPELINED then
    return idle(link)
  end
  local ok, _, why = conn.socket:fill(1, 0)
  if ok then
    local stream = conn:get_next_incoming_stream(0)
    if stream then spawn(link, stream) end
    return stream ~= nil
  end
  return why == errno.ETIMEDOUT and idle(link, conn.socket)
end

-- One turn of an HTTP/2 connection: true to go on.
local function turn_h2(link)
  local conn = link.conn
  local ok = conn:step(0)
  if not ok or conn.socket:eof("r") then return false end
  while conn.new_streams:length() > 0 do spawn(link, conn.new_streams:pop()) end
  return not conn.had_eagain or idle(link, conn)
end

local function serve(link)
  local turn = link.version == 2 and turn_h2 or turn_h1
  while not link.closing and not link.abort do
    if not turn(link) then break end
  end
  if not link.closing then
    link.lost = true
    link.gone:signal()
  end
end

local function await_replies(link)
  local deadline = cqueues.monotime() + LAST_WORDS
  while link.active > 0 and not link.abort do
    local left = deadline - cqueues.monotime()
    if left <= 0 then break end
    cqueues.poll(link.done, link.wake, left)
  end
end

-- The farewell of HTTP/1.1: our end of the connection first, then a moment
-- for the client's, or what it still sends would make the kernel reset the
-- connection under our last words.
local function close_h1(link)
  local socket = link.socket
  socket:flush("n", LAST_WORDS)
  socket:shutdown "w"
  local deadline = cqueues.monotime() + FAREWELL
  repeat
    local bytes = socket:xread(-65536, "b", FAREWELL)
  until not bytes or cqueues.monotime() > deadline
end

local function live(link, context)
  if not open(link, context) then return end
  serve(link)
  if link.abort then return end
  await_replies(link)
  if link.abort then return end
  if link.version == 2 then return link.conn:close() end
  if not link.lost then close_h1(link) end
end

--- Serves an accepted cqueues socket until it ends; call it in a coroutine.
-- server: has cq, stats, complain(text); context: TLS context or nil;
-- handle(link, stream) answers one request.
function connection.run(server, socket, context, handle)
  local link = {
    server = server, socket = socket, handle = handle, active = 0,
    gone = condition.new(), wake = condition.new(), done = condition.new(),
    secure = false, number = server.stats:connected(),
  }
  local ok, why = pcall(live, link, context)
  if not ok then server:complain("connection: " .. tostring(why)) end
  link.lost = true
  link.gone:signal()
  pcall(socket.close, socket)
  server.stats:disconnected()
end

return connection
