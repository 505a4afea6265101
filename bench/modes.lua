--- What is measured of lua-bedrock: one function per mode.  The modes and the
-- line that each prints are those of bench/floor.c; bench/requests.lua has
-- more.  (What a process at its start must compile is measured as ours.)

local bedrock = require "bedrock"

local modes = {}

local SMALL = "tiny.whole.16384.1"

--- A small request for the model `id`.
function modes.request(id)
  return { modelId = id, messages = {
    { role = "user", content = { { text = "Hello" } } } } }
end

-- invoke streams have another operation.
local function open(run, id)
  if id:find "^invoke" then
    return run.client:invoke { modelId = id, body = '{"max_tokens":64}' }
  end
  return run.client:converse_stream(modes.request(id))
end

local function drain(stream)
  local events = 0
  for _ in stream do events = events + 1 end
  return events
end

--- A line of /proc/self/status, in KiB; 0 where there is none.
function modes.status(name)
  local file = io.open "/proc/self/status"
  if not file then return 0 end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match(name .. ":%s*(%d+)")) or 0
end

function modes.start(run)
  local stream = open(run, run.model)
  assert(stream:next())
  run.say "first"
  drain(stream)
end

function modes.stream(run)
  drain(open(run, SMALL))
  local used, began = os.clock(), run.clock()
  local events = drain(open(run, run.model))
  run.say(("events=%d cpu=%.9f wall=%.6f"):format(events, os.clock() - used,
    run.clock() - began))
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

function modes.first(run)
  drain(open(run, run.model))
  local latency, used = {}, os.clock()
  for i = 1, run.count do
    local began = run.clock()
    local stream = open(run, run.model)
    assert(stream:next())
    latency[i] = run.clock() - began
    drain(stream)
  end
  used = os.clock() - used
  run.say(("latency=%.9f cpu=%.9f"):format(median(latency), used / run.count))
end

function modes.unary(run)
  local params = modes.request(run.model)
  assert(run.client:converse(params))
  local used, began = os.clock(), run.clock()
  for _ = 1, run.count do assert(run.client:converse(params)) end
  run.say(("rate=%.1f cpu=%.9f"):format(run.count / (run.clock() - began),
    (os.clock() - used) / run.count))
end

function modes.slow(run)
  drain(open(run, SMALL))
  local before, used = modes.status "VmRSS", os.clock()
  local streams, last, gap = {}, {}, 0
  for i = 1, run.count do streams[i] = open(run, run.model) end
  local events, failed = 0, 0
  for stream, event, err in bedrock.each(streams) do
    if event then
      local now = run.clock()
      if last[stream] then gap = math.max(gap, now - last[stream]) end
      events, last[stream] = events + 1, now
    elseif err then
      failed = failed + 1
    end
  end
  run.say(("events=%d lost=%d cpu=%.9f kib=%.1f gap=%.3f"):format(events,
    failed, (os.clock() - used) / events,
    (modes.status "VmHWM" - before) / run.count, gap))
end

--- Do one.
-- @param run { mode, endpoint, model, count, ca, host (nil: libcurl's),
--   say = function(line) }
function modes.run(run)
  run.client = bedrock.new { region = "us-east-1", host = run.host,
    endpoint_url = run.endpoint, ca_bundle = run.ca, credentials = {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } }
  run.clock = function() return run.client.host:clock() end
  local mode = modes[run.mode] or require "bench.requests"[run.mode]
  assert(mode, "unknown mode")(run)
end

return modes
