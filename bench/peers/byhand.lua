-- A script in Lua over this library's C parts, and nothing else of it: what is
-- asked is put together in place, signed, and read by the decoder that checks
-- it.  Nothing is looked up, limited, tried again, converted or kept.  So this
-- is what any client in Lua must cost that signs and checks.  The command line
-- and the modes are those of bench/floor.c.

local mode, endpoint, model, count, ca = arg[1], arg[2], arg[3], arg[4], arg[5]
count = tonumber(count)

local cjson = require "cjson"
local core = require "bedrock.core"
local host = require "bedrock.host.curl".default()

local KEYS = { access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
local signer, authority = core.sigv4.signer(), endpoint:match "://(.*)"

local function request(id, operation)
  local body = cjson.encode { messages = {
    { role = "user", content = { { text = "Hello" } } } } }
  local path = ("/model/%s/%s"):format(id, operation)
  local date, hash = os.date "!%Y%m%dT%H%M%SZ", core.bytes.sha256_hex(body)
  local message = { method = "POST", url = endpoint .. path, path = path,
    body = body, payload_hash = hash, ca_bundle = ca,
    headers = { host = authority, ["content-type"] = "application/json",
      ["user-agent"] = "lua-bedrock/0.1.0 lua/5.4",
      ["amz-sdk-invocation-id"] = core.bytes.uuid4(),
      ["amz-sdk-request"] = "attempt=1; max=3", ["x-amz-date"] = date,
      ["x-amz-content-sha256"] = hash, authorization = nil } }
  message.headers.authorization = assert(signer:sign(message, KEYS,
    "us-east-1", "bedrock", date))
  return message
end

local function send(id, operation)
  return assert(host:send(request(id, operation), {}))
end

-- Call `use` for each event that is whole; `bytes` as from a transfer.
local function take(decoder, bytes, use)
  local name, event = decoder:event(bytes)
  while name do
    use(event)
    name, event = decoder:event()
  end
  assert(event == nil, event)
end

-- The events of a stream, with the function that is called for each.
local function events(reply, use)
  local decoder = core.eventstream.decoder()
  for bytes in reply.read, reply do take(decoder, bytes, use) end
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
  events(send(model, "converse-stream"), function() n = n + 1 end)
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
local function drain(transfer, decoder, use)
  local bytes = transfer:read(decoder)
  while bytes do
    take(decoder, bytes, use)
    bytes = transfer:read(decoder)
  end
  return bytes == nil
end

function modes.slow()
  local multi = require "bedrock.object" "bedrock.curl".multi()
  events(send("tiny.whole.16384.1", "converse-stream"), function() end)
  local before, used = status "VmRSS", os.clock()
  local transfers, decoders, n, open = {}, {}, 0, count
  for _ = 1, count do
    local transfer = assert(multi:start(request(model, "converse-stream")))
    transfers[transfer:id()] = transfer
    decoders[transfer:id()] = core.eventstream.decoder()
    multi:wait(0)
  end
  local function use() n = n + 1 end
  while open > 0 do
    multi:wait(1)
    local id = multi:news()
    while id do
      if transfers[id] and drain(transfers[id], decoders[id], use) then
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
