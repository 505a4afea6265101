-- libcurl and lua-cjson put together by hand, as one does without a library:
-- frames are cut in Lua, nothing is signed and no checksum is looked at.  The
-- command line and the modes are those of bench/floor.c: start, stream, unary.

local mode, endpoint, model, count, ca = arg[1], arg[2], arg[3], arg[4], arg[5]
count = tonumber(count)

local cjson = require "cjson"
local host = require "bedrock.host.curl".default()
local byte, sub = string.byte, string.sub

local function send(id, operation)
  local body = cjson.encode { messages = {
    { role = "user", content = { { text = "Hello" } } } } }
  local headers = { ["content-type"] = "application/json" }
  return assert(host:send({ method = "POST", headers = headers, body = body,
    url = ("%s/model/%s/%s"):format(endpoint, id, operation),
    ca_bundle = ca }, {}))
end

-- The events of a stream, with the function that is called for each.
local function events(reply, use)
  local rest = ""
  for bytes in reply.read, reply do
    rest = rest .. bytes
    local at = 1
    while #rest - at >= 15 do
      local a, b, c, d, _, _, e, f = byte(rest, at, at + 7)
      local size = ((a * 256 + b) * 256 + c) * 256 + d
      if #rest - at + 1 < size then break end
      use(cjson.decode(sub(rest, at + 12 + e * 256 + f, at + size - 5)))
      at = at + size
    end
    rest = sub(rest, at)
  end
end

local modes = {}

function modes.start()
  local seen
  events(send(model, "converse-stream"), function()
    if seen then return end
    seen = true
    print "first"
    io.flush()
  end)
end

function modes.stream()
  local n, used, began = 0, os.clock(), host:clock()
  events(send(model, "converse-stream"), function(event)
    if event.p then n = n + 1 end
  end)
  print(("events=%d cpu=%.9f wall=%.6f"):format(n, os.clock() - used,
    host:clock() - began))
end

local function whole(reply)
  local pieces = {}
  for bytes in reply.read, reply do pieces[#pieces + 1] = bytes end
  return cjson.decode(table.concat(pieces))
end

function modes.unary()
  whole(send(model, "converse"))
  local used, began = os.clock(), host:clock()
  for _ = 1, count do whole(send(model, "converse")) end
  print(("rate=%.1f cpu=%.9f"):format(count / (host:clock() - began),
    (os.clock() - used) / count))
end

assert(modes[mode], "unknown mode")()
