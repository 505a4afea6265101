-- Writes the answers that bench/server.c serves.
--
--   lua bench/corpus.lua FOLDER
--
-- The texts come from a fixed seed, so that two runs measure the same bytes.

local core = require "bedrock.core"
local json = require "bedrock.json"

local folder = assert(arg[1], "a folder")

-- Lehmer's generator (Park and Miller): the same numbers under every Lua.
local state = 20260115
local function random(n)
  state = state * 48271 % 2147483647
  return state % n + 1
end

local function write(name, bytes)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(bytes)
  file:close()
end

local LETTERS =
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

local WORDS = {}
for word in ([[the of and a model answers in small pieces which a client puts
  together again as they come one after another while nobody waits for the
  whole of it because every word counts and padding hides its length]])
  :gmatch "%a+" do
  WORDS[#WORDS + 1] = " " .. word
end

local function event(name, payload)
  payload.p = LETTERS:sub(1, 3 + random(59))
  return assert(core.eventstream.encode({
    { ":event-type", name }, { ":content-type", "application/json" },
    { ":message-type", "event" },
  }, assert(json.encode(payload, { sorted = true }))))
end

local function delta(text)
  return event("contentBlockDelta",
    { contentBlockIndex = 0, delta = { text = text } })
end

local function repeated(n, make)
  local list = {}
  for i = 1, n do list[i] = make(i) end
  return table.concat(list)
end

local START = event("messageStart", { role = "assistant" })
local STOP = event("contentBlockStop", { contentBlockIndex = 0 })
  .. event("messageStop", { stopReason = "end_turn" })
  .. event("metadata", { metrics = { latencyMs = 1200 }, usage = {
    inputTokens = 25, outputTokens = 1000, totalTokens = 1025 } })

local function stream(name, messages)
  write(name .. ".start", START)
  write(name .. ".bin", messages)
  write(name .. ".stop", STOP)
end

local function word() return WORDS[random(#WORDS)] end

stream("delta", repeated(1000, function() return delta(word()) end))
stream("tiny", repeated(3, function() return delta(word()) end))

-- Chunks of a model's own stream, as Claude's.
write("invoke.bin", repeated(1000, function()
  local chunk = json.encode({ type = "content_block_delta", index = 0,
    delta = { type = "text_delta", text = word() } }, { sorted = true })
  return event("chunk", { bytes = json.base64(chunk) })
end))

-- One message of about that many bytes.
for exponent = 0, 17 do
  local size = 128 * 2 ^ exponent
  local text = ("The quick brown fox jumps over it. "):rep(
    math.ceil(size / 35)):sub(1, size)
  stream(("size%d"):format(size), delta(text))
end

write("answer.json", assert(json.encode({
  output = { message = { role = "assistant",
    content = { { text = "Forty-two, as far as anybody knows." } } } },
  stopReason = "end_turn", metrics = { latencyMs = 812 },
  usage = { inputTokens = 25, outputTokens = 12, totalTokens = 37 },
}, { sorted = true })))
