-- bedrock.json against lua-cjson, decode and encode, CPU time.
--
--   lua bench/json.lua [seconds per measurement]
--
-- Prints microseconds per call, megabytes per second and the ratio to
-- lua-cjson; each figure is the median of several alternating rounds.
local core = require "bedrock.core".json
local json = require "bedrock.json"
local has_cjson, cjson = pcall(require, "cjson")
local budget = tonumber(arg and arg[1]) or 0.2
local ROUNDS = 7

-- A ConverseStream event as Bedrock sends it, padding and all.
local DELTA = '{"contentBlockIndex":0,"delta":{"text":"Hello"},' ..
  '"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"}'

local function history(turns)
  local list = {}
  for i = 1, turns do
    list[i] = {
      role = i % 2 == 1 and "user" or "assistant",
      content = { {
        text = ("Turn %d: a few sentences, as people write them.\n"):format(i)
          .. ("The quick brown fox jumps over the lazy dog. "):rep(8),
      } },
    }
  end
  return json.encode {
    messages = list,
    inferenceConfig = { maxTokens = 512, temperature = 0.5 },
  }
end

-- Rows of small objects until there are `size` bytes.
local function document(size)
  local row = '{"id":%d,"name":"row number %d","score":%.6f,' ..
    '"tags":["alpha","beta","gamma"],"active":true,"parent":null,' ..
    '"note":"caf\195\169 \\"quoted\\" \\u00e9t\\u00e9"}'
  local list, bytes = {}, 0
  while bytes < size do
    local i = #list + 1
    list[i] = row:format(i, i, i / 7)
    bytes = bytes + #list[i] + 1
  end
  return "[" .. table.concat(list, ",") .. "]"
end

-- An embedding: short decimals, or every digit a double has.
local function vector(n, format)
  local list = {}
  for i = 1, n do list[i] = format:format(math.sin(i)) end
  return '{"embedding":[' .. table.concat(list, ",") .. "]}"
end

-- CPU seconds per call.
local function time(f, argument)
  local n, spent = 1
  repeat
    n = n * 2
    local start = os.clock()
    for _ = 1, n do f(argument) end
    spent = os.clock() - start
  until spent >= budget / ROUNDS
  return spent / n
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

-- Alternating, so that both meet the same disturbances.
local function compare(ours, theirs, argument)
  local a, b = {}, {}
  for i = 1, ROUNDS do
    a[i] = time(ours, argument)
    b[i] = theirs and time(theirs, argument) or 0 / 0
  end
  return median(a), median(b)
end

local function report(name, bytes, ours, theirs)
  print(("%-30s %10.3f us %8.0f MB/s   cjson %10.3f us   x%.2f"):format(
    name, ours * 1e6, bytes / ours / 1e6, theirs * 1e6, theirs / ours))
end

local texts = {
  { "text delta", DELTA },
  { "history, 100 messages", history(100) },
  { "document, 1 MB", document(1e6) },
  { "vector, 9 digits", vector(1024, "%.9f") },
  { "vector, 17 digits", vector(1024, "%.17g") },
}

report("decode text delta, no padding", #DELTA,
  compare(core.decode_event, has_cjson and cjson.decode, DELTA))
for _, case in ipairs(texts) do
  local name, text = case[1], case[2]
  local value = assert(json.decode(text))
  report("decode " .. name, #text,
    compare(json.decode, has_cjson and cjson.decode, text))
  report("encode " .. name, #text,
    compare(json.encode, has_cjson and cjson.encode, value))
end
