-- libcurl and lua-cjson put together by hand, as one does without a library:
-- frames are cut in Lua, nothing is signed and no checksum is looked at.  The
-- command line and the modes are those of bench/floor.c.

local mode, endpoint, model, count, ca = arg[1], arg[2], arg[3], arg[4], arg[5]
count = tonumber(count)

local cjson = require "cjson"
local host = require "bedrock.host.curl".default()
local byte, sub = string.byte, string.sub

local function request(id, operation)
  local body = cjson.encode { messages = {
    { role = "user", content = { { text = "Hello" } } } } }
  local headers = { ["content-type"] = "application/json" }
  return { method = "POST", headers = headers, body = body,
    url = ("%s/model/%s/%s"):format(endpoint, id, operation),
    ca_bundle = ca }
end

local function send(id, operation)
  return assert(host:send(request(id, operation), {}))
end

-- Call `use` for each event that is whole in `text`; what is left.
local function cut(text, use)
  local at = 1
  while #text - at >= 15 do
    local a, b, c, d, _, _, e, f = byte(text, at, at + 7)
    local size = ((a * 256 + b) * 256 + c) * 256 + d
    if #text - at + 1 < size then break end
    use(cjson.decode(sub(text, at + 12 + e * 256 + f, at + size - 5)))
    at = at + size
  end
  return sub(text, at)
end

-- The events of a stream, with the function that is called for each.
local function events(reply, use)
  local rest = ""
  for bytes in reply.read, reply do rest = cut(rest .. bytes, use) end
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

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

function modes.first()
  local latency, began, seen = {}, nil, nil
  local function note()
    if seen then return end
    seen = true
    latency[#latency + 1] = host:clock() - began
  end
  local used = os.clock()
  for _ = 0, count do
    began, seen = host:clock(), false
    events(send(model, "converse-stream"), note)
  end
  print(("latency=%.9f cpu=%.9f"):format(median(latency),
    (os.clock() - used) / count))
end

local function status(name)
  local file = assert(io.open "/proc/self/status")
  local text = file:read "*a"
  file:close()
  return tonumber(text:match(name .. ":%s*(%d+)"))
end

-- Read what a transfer has; is that all of it?
local function drain(transfer, rests, id, use)
  local bytes = transfer:read()
  while bytes do
    rests[id] = cut(rests[id] .. bytes, use)
    bytes = transfer:read()
  end
  return bytes == nil
end

function modes.slow()
  local multi = require "bedrock.object" "bedrock.curl".multi()
  events(send("tiny.whole.16384.1", "converse-stream"), function() end)
  local before, used = status "VmRSS", os.clock()
  local transfers, rests, n, open = {}, {}, 0, count
  for _ = 1, count do
    local transfer = assert(multi:start(request(model, "converse-stream")))
    transfers[transfer:id()], rests[transfer:id()] = transfer, ""
    multi:wait(0)
  end
  local function use() n = n + 1 end
  while open > 0 do
    multi:wait(1)
    local id = multi:news()
    while id do
      if transfers[id] and drain(transfers[id], rests, id, use) then
        transfers[id]:close()
        transfers[id], open = nil, open - 1
      end
      id = multi:news()
    end
  end
  print(("events=%d lost=0 cpu=%.9f kib=%.1f"):format(n,
    (os.clock() - used) / n, (status "VmHWM" - before) / count))
end

assert(modes[mode], "unknown mode")()
