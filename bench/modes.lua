--- What is measured of lua-bedrock: one function per mode.  The modes and the
-- line that each prints are those of bench/floor.c, and four of our own:
--
--     decode    the JSON of an event, in memory               ours= cjson=
--     history   a request of `count` messages, again and again   bytes= cpu=
--     marshal   such a request put together, nothing sent  bytes= cpu= cjson=
--     image     a request with an image of `count` bytes         body= grown=

local bedrock = require "bedrock"

local modes = {}

local SMALL = "tiny.whole.16384.1"
-- CPU seconds that a repeated piece of work takes at least.
local LEAST = os.getenv "BENCH_SIZE" == "smoke" and 0.01 or 0.2

local function request(id)
  return { modelId = id, messages = {
    { role = "user", content = { { text = "Hello" } } } } }
end

-- invoke streams have another operation.
local function open(run, id)
  if id:find "^invoke" then
    return run.client:invoke { modelId = id, body = '{"max_tokens":64}' }
  end
  return run.client:converse_stream(request(id))
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
  local params = request(run.model)
  assert(run.client:converse(params))
  local used, began = os.clock(), run.clock()
  for _ = 1, run.count do assert(run.client:converse(params)) end
  run.say(("rate=%.1f cpu=%.9f"):format(run.count / (run.clock() - began),
    (os.clock() - used) / run.count))
end

function modes.slow(run)
  drain(open(run, SMALL))
  local before, used = status "VmRSS", os.clock()
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
    (status "VmHWM" - before) / run.count, gap))
end

local TOOL = { toolSpec = { name = "weather",
  description = "The weather of a place on a day, as it was measured there.",
  inputSchema = { json = { type = "object", properties = {
    place = { type = "string", description = "The name of a town" },
    day = { type = "string", description = "As 2026-01-15" } },
    required = { "place" } } } } }

-- Every fourth message asks for a tool, the one after it answers.
local function message(i)
  local role = i % 2 == 1 and "user" or "assistant"
  local id = ("tooluse_%06d"):format(i - i % 4)
  if i % 4 == 0 then
    return { role = role, content = { { text = "Let me look." },
      { toolUse = { toolUseId = id, name = "weather",
        input = { place = "Antwerp", day = "2026-01-15" } } } } }
  elseif i % 4 == 1 and i > 1 then
    return { role = role, content = { { toolResult = { toolUseId = id,
      content = { { json = { sky = "clear", wind = 12.5 } } } } } } }
  end
  return { role = role, content = { {
    text = ("Turn %d: a few sentences, as people write them. "):format(i)
      .. ("The quick brown fox jumps over the lazy dog. "):rep(8) } } }
end

local function history(run)
  local params = request(run.model)
  for i = 1, run.count do params.messages[i] = message(i) end
  params.toolConfig = { tools = { TOOL } }
  return params
end

-- CPU seconds of a call of `work`.
local function cost(work)
  local used, n = os.clock(), 0
  while os.clock() - used < LEAST do
    work()
    n = n + 1
  end
  return (os.clock() - used) / n
end

-- What a request of `params` holds once it is put together.
local function marshal(params)
  local shapes = require "bedrock.service.shapes"
  return assert(require "bedrock.service.marshal".request(
    shapes.bedrock():operation "Converse", params, { validate = true,
      uuid = function() return "" end })).body
end

local DELTA = '{"contentBlockIndex":0,"delta":{"text":" pieces"},'
  .. '"p":"abcdefghijklmnopqrstuvwxyzABCDEFG"}'

local function thousand(f)
  return cost(function()
    for _ = 1, 1000 do f(DELTA) end
  end) / 1000
end

function modes.decode(run)
  local cjson = require "cjson"
  run.say(("ours=%.9f cjson=%.9f"):format(
    thousand(require "bedrock.core".json.decode_event),
    thousand(cjson.decode)))
end

function modes.history(run)
  local params = history(run)
  local function ask() assert(run.client:converse(params)) end
  ask()
  run.say(("bytes=%d cpu=%.9f"):format(#marshal(params), cost(ask)))
end

function modes.marshal(run)
  local params = history(run)
  local cjson, cjson_encode = pcall(require, "cjson")
  cjson_encode = cjson and cjson_encode.encode
  run.say(("bytes=%d cpu=%.9f cjson=%.9f"):format(#marshal(params),
    cost(function() marshal(params) end),
    cjson and cost(function() cjson_encode(params) end) or 0))
end

function modes.image(run)
  local params = request(run.model)
  assert(run.client:converse(params))
  collectgarbage()
  local before, used = status "VmHWM", os.clock()
  params.messages[1].content[2] = { image = { format = "png",
    source = { bytes = ("\137PNG"):rep(run.count / 4) } } }
  assert(run.client:converse(params))
  used = os.clock() - used
  run.say(("body=%.0f grown=%.0f cpu=%.9f"):format(run.count / 3 * 4,
    (status "VmHWM" - before) * 1024, used))
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
  assert(modes[run.mode], "unknown mode")(run)
end

return modes
