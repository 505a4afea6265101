-- What the emulated model says: a prompt in, blocks of an answer out.
--
-- Deterministic, and known to nobody but this file: the operations read
-- requests into a prompt and render the answer in their own shapes.
--
-- prompt: text (last user text), results (tool results in the last user
-- message: list of { id, text }), tools, force (see tools.lua), max_tokens,
-- stops (stop sequences), thinking (true: reason first), sees (what images
-- and the like came along, in words), size (characters of the whole request).
--
-- answer: blocks, stop_reason (Converse's word), stop_sequence, input_tokens,
-- output_tokens.  Blocks: { kind = "text", text }, { kind = "tool", id, name,
-- input = JSON text }, { kind = "reasoning", text, signature },
-- { kind = "redacted", data = bytes }, { kind = "cited", text, citations }.
local tools = require "bedrock.emulator.tools"

local answer = {}

-- First pattern that matches the lower-cased text wins.
local PREPARED = {
  { "what is lua", "Lua is a small, fast language made to live inside other "
    .. "programs. It was born in Rio de Janeiro in 1993, its name is "
    .. "Portuguese for moon, and it is at home in games, editors, web "
    .. "servers and microcontrollers. Its one data structure, the table, is "
    .. "array, map, object and module at once." },
  { "why does lua .*one", "Because Lua grew out of a language for engineers "
    .. "who were no programmers, and they count from one, as everybody does "
    .. "who has not been taught otherwise." },
  { "sky blue", "Sunlight holds all colours. Air scatters the short waves "
    .. "most, so blue reaches us from everywhere and red only straight from "
    .. "the sun." },
  { "what is amazon bedrock", "Amazon Bedrock is an AWS service that serves "
    .. "foundation models of several makers behind one API. This is only its "
    .. "local emulator, which never thinks, but signs, streams and fails like "
    .. "the real one." },
  { "haiku", "Bytes fall like spring rain,\neach frame sealed by a "
    .. "checksum.\nThe stream finds the sea." },
  { "^hello", "Hello! How can I help you today?" },
  { "^hi%f[%A]", "Hi there! How can I help you today?" },
}

local LONGEST_COUNT = 100000

local function count_to(n)
  local words = {}
  for i = 1, math.min(n, LONGEST_COUNT) do words[i] = ("%d"):format(i) end
  return table.concat(words, " ")
end

-- "Say: text" is repeated byte by byte, "Count to n" makes an answer of n
-- words; then the prepared answers; then an echo.
local function reply_to(text)
  local lower = text:lower()
  local said = lower:match("^%s*say:%s?()")
  if said then return text:sub(said) end
  local n = lower:match("count to (%d+)")
  if n then return count_to(tonumber(n)) end
  for _, entry in ipairs(PREPARED) do
    if lower:find(entry[1]) then return entry[2] end
  end
  if not text:find("%S") then return "I have nothing to answer." end
  local quoted = #text > 200 and text:sub(1, 200):gsub("[\128-\255]+$", "")
    .. "..." or text
  return 'You said: "' .. quoted .. '" I am a local emulator, so that is all '
    .. "I can say about it."
end

--- Pieces of a text as a model would stream them: word by word, the blank in
-- front of the word belonging to it.  Their concatenation is the text.
function answer.words(text)
  local at = 1
  return function()
    if at > #text then return nil end
    local _, last = text:find("^%s*%S+", at)
    if not last or not text:find("%S", last + 1) then last = #text end
    local piece = text:sub(at, last)
    at = last + 1
    return piece
  end
end

--- Pieces of a tool's input: an empty one first, as Bedrock sends it, then
-- seven characters each, never a part of one.
function answer.fragments(input)
  local at = 0
  return function()
    if at == 0 then
      at = 1
      return ""
    elseif at > #input then
      return nil
    end
    local first, last = at, at
    for _ = 1, 7 do
      if at > #input then break end
      _, last = input:find("^.[\128-\191]*", at)
      at = last + 1
    end
    return input:sub(first, last)
  end
end

local function count(iterator)
  local n = 0
  for _ in iterator do n = n + 1 end
  return n
end

-- First n pieces of a text.
local function first_words(text, n)
  local at, out = 0, {}
  for piece in answer.words(text) do
    if at == n then break end
    at = at + 1
    out[at] = piece
  end
  return table.concat(out)
end

-- Ends the answer where the first stop sequence would appear.
local function stop_at_sequence(self, block, stops)
  for _, stop in ipairs(stops) do
    local at = type(stop) == "string" and stop ~= ""
      and block.text:find(stop, 1, true)
    if at then
      block.text = block.text:sub(1, at - 1)
      self.stop_reason, self.stop_sequence = "stop_sequence", stop
      return
    end
  end
end

-- A model stops in the middle of whatever it is writing, a tool's JSON too.
local function spend(self, budget)
  local used = 0
  for i, block in ipairs(self.blocks) do
    local cost = block.kind == "tool" and count(answer.fragments(block.input))
      or count(answer.words(block.text or ""))
    if budget and used + cost > budget then
      local left = budget - used
      if block.kind == "tool" then
        block.input = block.input:sub(1, left * 7):gsub("[\128-\255]+$", "")
        block.cut = true
      else
        block.text = first_words(block.text or "", left)
      end
      for k = #self.blocks, i + 1, -1 do self.blocks[k] = nil end
      self.stop_reason, self.stop_sequence = "max_tokens", nil
      return budget
    end
    used = used + cost
  end
  return used
end

local made = 0

local function tool_id()
  made = made + 1
  return ("tooluse_emulator%014d"):format(made)
end

local function tool_blocks(calls)
  local names, blocks = {}, {}
  for i, call in ipairs(calls) do
    names[i] = call.name
    blocks[i + 1] = { kind = "tool", id = tool_id(), name = call.name,
      input = call.input }
  end
  blocks[1] = { kind = "text",
    text = "I will use " .. table.concat(names, ", ") .. "." }
  return blocks
end

local function result_text(results)
  local out = {}
  for i, result in ipairs(results) do
    out[i] = "The tool answered: " .. result.text
  end
  return table.concat(out, "\n")
end

-- Calls that tool results ask for (see tools.lua).
local function further_calls(prompt)
  local asked = {}
  for _, result in ipairs(prompt.results) do
    asked[#asked + 1] = result.text:match "next: (.*)"
  end
  return asked[1] and tools.calls { tools = prompt.tools or {},
    text = table.concat(asked, " ") } or {}
end

local function content(prompt)
  if prompt.results and prompt.results[1] then
    local further = further_calls(prompt)
    if further[1] then return tool_blocks(further), "tool_use" end
    return { { kind = "text", text = result_text(prompt.results) } }
  end
  local calls = prompt.tools and tools.calls(prompt) or {}
  if calls[1] then return tool_blocks(calls), "tool_use" end
  local text = reply_to(prompt.text)
  if prompt.sees and prompt.sees[1] then
    text = "I see " .. table.concat(prompt.sees, ", ") .. ". " .. text
  end
  return { { kind = "text", text = text } }
end

--- Reasoning block as a thinking model puts in front of its answer.
function answer.reasoning(text)
  return { kind = "reasoning", text = "The user says: " .. text
    .. " I should answer briefly.", signature = "RW11bGF0ZWRTaWduYXR1cmU=" }
end

--- Answer to a prompt.
function answer.make(prompt)
  local blocks, why = content(prompt)
  local self = { blocks = blocks, stop_reason = why or "end_turn" }
  if prompt.thinking then
    table.insert(blocks, 1, answer.reasoning(prompt.text))
  end
  if prompt.stops and not why then
    stop_at_sequence(self, blocks[#blocks], prompt.stops)
  end
  self.input_tokens = math.ceil(prompt.size / 4)
  local limit = prompt.max_tokens
  self.output_tokens = spend(self, limit and math.max(0, math.floor(limit)))
  return self
end

return answer
