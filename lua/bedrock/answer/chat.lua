--- The chunks of chat completions, which Jamba, DeepSeek V3, Mistral's chat
-- models, gpt-oss, Qwen and others share: choices[].delta, or .message.

local fold = require "bedrock.answer.fold"
local json = require "bedrock.json"
local merge = require "bedrock.answer.merge"
local parts = require "bedrock.answer.parts"

local present = parts.present

local chat = {}

-- Strings that name something come whole, with any chunk.
local NAMES = { role = true, type = true, id = true, name = true }

local function take_call(into, call)
  local called = call["function"]
  if type(called) == "table" then
    into["function"] = fold.take(into["function"] or {}, called,
      { arguments = true })
  end
  for key, value in pairs(call) do
    if key ~= "function" and present(value) then into[key] = value end
  end
  return into
end

local function take_message(into, delta)
  local texts = {}
  for key in pairs(delta) do
    if not NAMES[key] and key ~= "tool_calls" then texts[key] = true end
  end
  local calls = delta.tool_calls
  into.calls = into.calls or {}
  if type(calls) == "table" then
    fold.take_items(into.calls, calls, take_call)
  end
  into.members = fold.take(into.members or {}, delta, texts)
  for key, value in pairs(delta) do
    if key ~= "tool_calls" and type(value) == "table" then
      into.tables = into.tables or {}
      into.tables[key] = into.tables[key] or {}
      table.insert(into.tables[key], value)
    end
  end
  return into
end

-- A member that came as a table each time, or (Mistral's content) first as
-- lists of what it thought and then as text.
local function make_tables(made, tables)
  for key, values in pairs(tables or {}) do
    local whole = merge(values)
    if type(made[key]) == "string" and whole[1] then
      whole = merge { whole, { { type = "text", text = made[key] } } }
    end
    made[key] = whole
  end
end

local function made_call(call)
  local made = parts.copy(call)
  if made["function"] then made["function"] = fold.made(made["function"]) end
  return made
end

local function made_message(folded)
  local made = fold.made(folded.members or {})
  make_tables(made, folded.tables)
  made.tool_calls = nil
  if folded.calls and folded.calls.n then
    made.tool_calls = fold.made_items(folded.calls, made_call)
  end
  made.role = made.role or "assistant"
  if made.content == nil then made.content = json.null end
  return made
end

local function take_choice(into, choice)
  for key, value in pairs(choice) do
    if (key == "delta" or key == "message") and type(value) == "table" then
      into.message = take_message(into.message or {}, value)
    elseif present(value) or into[key] == nil then
      into[key] = value
    end
  end
  return into
end

local function made_choice(folded)
  local made = parts.copy(folded)
  made.message = made_message(folded.message or {})
  return made
end

local function add(state, chunk)
  state.choices, state.top = state.choices or {}, state.top or {}
  if type(chunk.choices) == "table" then
    fold.take_items(state.choices, chunk.choices, take_choice)
  end
  for key, value in pairs(chunk) do
    if key ~= "choices" and key ~= "p" and present(value) then
      state.top[key] = value
    end
  end
end

local function response(state)
  local made = parts.copy(state.top or {})
  if made.object == "chat.completion.chunk" then
    made.object = "chat.completion"
  end
  made.choices = fold.made_items(state.choices or {}, made_choice)
  return made
end

--- A new, empty accumulator.
function chat.new()
  return fold.accumulator(add, response)
end

return chat
