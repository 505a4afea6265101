--- What is measured of lua-bedrock alone:
--
--     decode    the JSON of an event, in memory               ours= cjson=
--     history   a request of `count` messages, again and again   bytes= cpu=
--     marshal   such a request put together, nothing sent  bytes= cpu= cjson=
--     image     a request with an image of `count` bytes         body= grown=

local modes = require "bench.modes"

local requests = {}

-- CPU seconds that a repeated piece of work takes at least.
local LEAST = os.getenv "BENCH_SIZE" == "smoke" and 0.01 or 0.2

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
  local params = modes.request(run.model)
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

function requests.decode(run)
  local cjson = require "cjson"
  run.say(("ours=%.9f cjson=%.9f"):format(
    thousand(require "bedrock.core".json.decode_event),
    thousand(cjson.decode)))
end

function requests.history(run)
  local params = history(run)
  local function ask() assert(run.client:converse(params)) end
  ask()
  run.say(("bytes=%d cpu=%.9f"):format(#marshal(params), cost(ask)))
end

function requests.marshal(run)
  local params = history(run)
  local cjson, cjson_encode = pcall(require, "cjson")
  cjson_encode = cjson and cjson_encode.encode
  run.say(("bytes=%d cpu=%.9f cjson=%.9f"):format(#marshal(params),
    cost(function() marshal(params) end),
    cjson and cost(function() cjson_encode(params) end) or 0))
end

function requests.image(run)
  local params = modes.request(run.model)
  assert(run.client:converse(params))
  collectgarbage()
  local before = modes.status "VmHWM"
  params.messages[1].content[2] = { image = { format = "png",
    source = { bytes = ("\137PNG"):rep(run.count / 4) } } }
  -- LuaJIT keeps the buffer in which it made the string, and halves it when
  -- it collects: neither is the request's.
  for _ = 1, 8 do collectgarbage() end
  local used = os.clock()
  assert(run.client:converse(params))
  used = os.clock() - used
  run.say(("body=%.0f grown=%.0f cpu=%.9f"):format(run.count / 3 * 4,
    (modes.status "VmHWM" - before) * 1024, used))
end

return requests
