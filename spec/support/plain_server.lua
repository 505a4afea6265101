-- A plain HTTP server for specs, in a process of its own (Lua 5.4, cqueues):
-- replays recorded stream bodies, cut into pieces of random size.
--
--   lua5.4 spec/support/plain_server.lua SEED FILE...
--
-- prints its port, serves /model/N/... with the N-th file, and ends when its
-- standard input does.

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local files = { table.unpack(arg, 2) }
math.randomseed(tonumber(arg[1]))

local function body_of(n)
  local file = assert(io.open(files[n], "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

local function read_request(connection)
  local target = (connection:read "*l" or ""):match "^%u+ (%S+)"
  local length = 0
  while target do
    local line = connection:read "*l"
    if not line or line == "\r" or line == "" then break end
    length = tonumber(line:lower():match "^content%-length: *(%d+)") or length
  end
  if length > 0 then connection:read(length) end
  return target
end

local function answer(connection, bytes)
  connection:write("HTTP/1.1 200 OK\r\n",
    "Content-Type: application/vnd.amazon.eventstream\r\n",
    "x-amzn-RequestId: plain\r\nTransfer-Encoding: chunked\r\n\r\n")
  local at = 1
  while at <= #bytes do
    local size = math.random(1, math.random(2) == 1 and 8 or 700)
    local piece = bytes:sub(at, at + size - 1)
    connection:write(("%x\r\n"):format(#piece), piece, "\r\n")
    if math.random(4) == 1 then connection:flush() end
    at = at + size
  end
  connection:write "0\r\n\r\n"
  connection:flush()
end

local function serve(connection)
  connection:setmode("b", "bf")
  connection:settimeout(20)
  while true do
    local target = read_request(connection)
    if not target then break end
    answer(connection, body_of(tonumber(target:match "^/model/(%d+)/")))
  end
  connection:close()
end

local loop = cqueues.new()
local listener = assert(socket.listen { host = "127.0.0.1", port = 0,
  nodelay = true })
listener:listen()
print((select(3, listener:localname())))
io.stdout:flush()

loop:wrap(function()
  for connection in listener:clients { nodelay = true } do
    loop:wrap(function() pcall(serve, connection) end)
  end
end)
loop:wrap(function()
  socket.fdopen(0):read "*a" -- ends with our parent
  os.exit(0)
end)
assert(loop:loop())
