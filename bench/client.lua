-- lua-bedrock, measured.  The command line and the modes are those of
-- bench/floor.c:
--
--   lua bench/client.lua MODE ENDPOINT MODEL COUNT [CA-FILE]

local mode, endpoint, model, count, ca = arg[1], arg[2], arg[3], arg[4], arg[5]
count = tonumber(count)

local bedrock = require "bedrock"
local client = bedrock.new { region = "us-east-1", endpoint_url = endpoint,
  ca_bundle = ca, credentials = { access_key_id = "AKIDEXAMPLE",
    secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } }

local SMALL = "tiny.whole.16384.1"

local function request(id)
  return { modelId = id, messages = {
    { role = "user", content = { { text = "Hello" } } } } }
end

local function clock() return client.host:clock() end

-- invoke streams have another operation.
local function open(id)
  if id:find "^invoke" then
    return client:invoke { modelId = id, body = '{"max_tokens":64}' }
  end
  return client:converse_stream(request(id))
end

local function drain(stream)
  local events = 0
  for _ in stream do events = events + 1 end
  return events
end

-- A line of /proc/self/status, in KiB; 0 where there is none.
local function status(name)
  local file = io.open "/proc/self/status"
  if not file then return 0 end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match(name .. ":%s*(%d+)")) or 0
end

local modes = {}

function modes.start()
  for _ in open(model) do
    if count then
      io.write "first\n"
      io.flush()
      count = nil
    end
  end
end

function modes.stream()
  drain(open(SMALL))
  local used, began = os.clock(), clock()
  local events = drain(open(model))
  print(("events=%d cpu=%.9f wall=%.6f"):format(events, os.clock() - used,
    clock() - began))
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

function modes.first()
  drain(open(model))
  local latency, used = {}, os.clock()
  for i = 1, count do
    local began = clock()
    local stream = open(model)
    assert(stream:next())
    latency[i] = clock() - began
    drain(stream)
  end
  used = os.clock() - used
  print(("latency=%.9f cpu=%.9f"):format(median(latency), used / count))
end

function modes.unary()
  assert(client:converse(request(model)))
  local used, began = os.clock(), clock()
  for _ = 1, count do assert(client:converse(request(model))) end
  print(("rate=%.1f cpu=%.9f"):format(count / (clock() - began),
    (os.clock() - used) / count))
end

function modes.slow()
  drain(open(SMALL))
  local before, used = status "VmRSS", os.clock()
  local streams, last, gap = {}, {}, 0
  for i = 1, count do streams[i] = open(model) end
  local events, failed = 0, 0
  for stream, event, err in bedrock.each(streams) do
    if event then
      local now = clock()
      if last[stream] then gap = math.max(gap, now - last[stream]) end
      events, last[stream] = events + 1, now
    elseif err then
      failed = failed + 1
    end
  end
  print(("events=%d lost=%d cpu=%.9f kib=%.1f gap=%.3f"):format(events, failed,
    (os.clock() - used) / events, (status "VmHWM" - before) / count, gap))
end

assert(modes[mode], "unknown mode")()
