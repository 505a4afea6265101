--- The chunk families of InvokeModelWithResponseStream, one row each.
--
-- The service hands the model's own JSON through, so each maker has its own
-- chunks.  A row says how a chunk of the family looks (`match`), what it
-- adds to the text (`text`), and makes an accumulator (`new`) whose result
-- has the shape that `invoke_model` returns for the family.  A family is
-- known by its chunks and not by the model's id: an id may be an ARN of an
-- inference profile that tells nothing.

local anthropic = require "bedrock.answer.anthropic"
local converse = require "bedrock.answer.converse"
local json = require "bedrock.json"
local merge = require "bedrock.answer.merge"
local parts = require "bedrock.answer.parts"

local push, join, present = parts.push, parts.join, parts.present

-- The key under which growing texts wait as lists of pieces.
local TEXT = {}

-- Take one of the chunks that are cut-up copies of the whole: strings named
-- in `texts` grow, of any other member the last one that is not null counts.
local function fold(into, chunk, texts)
  for key, value in pairs(chunk) do
    if texts[key] and type(value) == "string" then
      into[TEXT] = into[TEXT] or {}
      into[TEXT][key] = into[TEXT][key] or { n = 0 }
      push(into[TEXT][key], value)
    elseif present(value) or into[key] == nil then
      if key ~= "p" then into[key] = value end
    end
  end
  return into
end

local function unfold(folded)
  local made = {}
  for key, value in pairs(folded) do
    if key ~= TEXT then made[key] = value end
  end
  for key, list in pairs(folded[TEXT] or {}) do made[key] = join(list) end
  return made
end

-- An accumulator out of two functions over one state.
local function accumulator(add, response)
  return function()
    local state = {}
    return {
      state = state,
      add = function(_, chunk) add(state, chunk) end,
      response = function() return response(state) end,
    }
  end
end

-- Flat chunks: the answer is one object with one growing text.
local function flat(member)
  local texts = { [member] = true }
  return accumulator(function(state, chunk) fold(state, chunk, texts) end,
                     unfold)
end

-- Fold the items of a list, each by its `index` or its place.
local function fold_items(items, list, fold_one)
  for place, item in ipairs(list) do
    if type(item) == "table" then
      local at = type(item.index) == "number" and item.index + 1 or place
      items.n = math.max(items.n or 0, at)
      items[at] = fold_one(items[at] or {}, item)
    end
  end
end

local function unfold_items(items, unfold_one)
  local list = {}
  for at = 1, items.n or 0 do
    if items[at] then list[#list + 1] = unfold_one(items[at]) end
  end
  return list[1] and list or json.array {}
end

-- Chunks with a list of flat items: outputs = { { text = } }.
local function listed(name)
  local texts = { text = true }
  return accumulator(function(state, chunk)
    state.items = state.items or {}
    state.top = state.top or {}
    for key, value in pairs(chunk) do
      if key == name and type(value) == "table" then
        fold_items(state.items, value, function(into, item)
          return fold(into, item, texts)
        end)
      elseif present(value) and key ~= "p" then
        state.top[key] = value
      end
    end
  end, function(state)
    local made = parts.copy(state.top or {})
    made[name] = unfold_items(state.items or {}, unfold)
    return made
  end)
end

local function first(list)
  local item = type(list) == "table" and list[1]
  return type(item) == "table" and item or {}
end

local function listed_text(name)
  return function(chunk)
    local item = first(chunk[name])
    -- Alternatives beside the first answer are not part of its text.
    if parts.present(item.index) and item.index ~= 0 then return nil end
    return item.text
  end
end

-- Then the chat completions that Jamba, DeepSeek V3, Mistral's chat models,
-- gpt-oss, Qwen and others share: choices[].delta, or .message.
-- Strings that name something come whole, with any chunk.
local NAMES = { role = true, type = true, id = true, name = true }

local function fold_call(into, call)
  local called = call["function"]
  if type(called) == "table" then
    into["function"] = fold(into["function"] or {}, called,
                            { arguments = true })
  end
  for key, value in pairs(call) do
    if key ~= "function" and present(value) then into[key] = value end
  end
  return into
end

local function fold_message(into, delta)
  local texts = {}
  for key in pairs(delta) do
    if not NAMES[key] and key ~= "tool_calls" then texts[key] = true end
  end
  local calls = delta.tool_calls
  into.calls = into.calls or {}
  if type(calls) == "table" then
    fold_items(into.calls, calls, fold_call)
  end
  into.members = fold(into.members or {}, delta, texts)
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
local function unfold_tables(made, tables)
  for key, values in pairs(tables or {}) do
    local whole = merge(values)
    if type(made[key]) == "string" and whole[1] then
      whole = merge { whole, { { type = "text", text = made[key] } } }
    end
    made[key] = whole
  end
end

local function unfold_call(call)
  local made = parts.copy(call)
  if made["function"] then made["function"] = unfold(made["function"]) end
  return made
end

local function unfold_message(folded)
  local made = unfold(folded.members or {})
  unfold_tables(made, folded.tables)
  made.tool_calls = nil
  if folded.calls and folded.calls.n then
    made.tool_calls = unfold_items(folded.calls, unfold_call)
  end
  made.role = made.role or "assistant"
  if made.content == nil then made.content = json.null end
  return made
end

local function fold_choice(into, choice)
  for key, value in pairs(choice) do
    if (key == "delta" or key == "message") and type(value) == "table" then
      into.message = fold_message(into.message or {}, value)
    elseif present(value) or into[key] == nil then
      into[key] = value
    end
  end
  return into
end

local function unfold_choice(folded)
  local made = parts.copy(folded)
  made.message = unfold_message(folded.message or {})
  return made
end

local chat = accumulator(function(state, chunk)
  state.choices, state.top = state.choices or {}, state.top or {}
  if type(chunk.choices) == "table" then
    fold_items(state.choices, chunk.choices, fold_choice)
  end
  for key, value in pairs(chunk) do
    if key ~= "choices" and key ~= "p" and present(value) then
      state.top[key] = value
    end
  end
end, function(state)
  local made = parts.copy(state.top or {})
  if made.object == "chat.completion.chunk" then
    made.object = "chat.completion"
  end
  made.choices = unfold_items(state.choices or {}, unfold_choice)
  return made
end)

local function chat_text(chunk)
  local choice = first(chunk.choices)
  if present(choice.index) and choice.index ~= 0 then return nil end
  local from = choice.delta or choice.message
  return type(from) == "table" and from.content or nil
end

-- And makers whose chunks are no cut-up copies.
local titan = accumulator(function(state, chunk)
  fold(state, chunk, { outputText = true })
end, function(state)
  local folded = unfold(state)
  return {
    inputTextTokenCount = folded.inputTextTokenCount,
    results = { {
      tokenCount = folded.totalOutputTextTokenCount,
      outputText = folded.outputText,
      completionReason = folded.completionReason,
    } },
  }
end)

-- Cohere's last chunk may hold the whole answer (as `response`, or as its
-- text once more), the last piece of it, or nothing: what repeats what came
-- is no piece.
local function add_text(state, chunk)
  state.piece = nil
  if type(chunk.text) ~= "string" then return end
  if chunk.is_finished and chunk.text == join(state.text) then return end
  state.text = state.text or { n = 0 }
  state.piece = chunk.text
  push(state.text, chunk.text)
end

local function text_of(chunk, state)
  if not chunk.is_finished then return chunk.text end
  return state and state.piece
end

local cohere = accumulator(function(state, chunk)
  if type(chunk.response) == "table" then state.response = chunk.response end
  add_text(state, chunk)
  if present(chunk.finish_reason) then
    state.finish_reason = chunk.finish_reason
  end
end, function(state)
  return state.response or { generations = { {
    text = join(state.text), finish_reason = state.finish_reason,
  } } }
end)

local command_r = accumulator(function(state, chunk)
  if type(chunk.response) == "table" then state.response = chunk.response end
  add_text(state, chunk)
  state.members = state.members or {}
  for _, name in ipairs { "generation_id", "response_id", "finish_reason",
                          "tool_calls", "citations", "search_queries",
                          "search_results", "documents" } do
    if present(chunk[name]) then state.members[name] = chunk[name] end
  end
  if type(chunk.citations) == "table" then -- those of one piece of the text
    state.citations = state.citations or {}
    table.insert(state.citations, chunk.citations)
    state.members.citations = merge(state.citations)
  end
end, function(state)
  if state.response then return state.response end
  local made = parts.copy(state.members or {})
  made.text = join(state.text)
  return made
end)

local nova = function()
  local whole = converse.new(true)
  return {
    add = function(_, chunk) whole:add(chunk) end,
    response = function()
      local made = parts.copy(whole:partial())
      -- The whole answer has neither of these where the stream's are empty.
      for _, name in ipairs { "metrics", "trace" } do
        local member = made[name]
        if type(member) == "table" and next(member) == nil then
          made[name] = nil
        end
      end
      return made
    end,
  }
end

local function is_list(v) return type(v) == "table" end

local function has_choice(member)
  return function(chunk)
    return is_list(chunk.choices) and first(chunk.choices)[member] ~= nil
  end
end

--- The families, in the order in which they are tried.
return {
  { name = "anthropic", match = anthropic.match, text = anthropic.text,
    new = anthropic.new },
  { name = "nova", new = nova, text = converse.text,
    match = function(chunk)
      return (chunk.messageStart or chunk.contentBlockStart
        or chunk.contentBlockDelta or chunk.contentBlockStop
        or chunk.messageStop or chunk.metadata) ~= nil
    end },
  { name = "titan", new = titan,
    match = function(chunk) return chunk.outputText ~= nil end,
    text = function(chunk) return chunk.outputText end },
  { name = "llama", new = flat "generation",
    match = function(chunk) return chunk.generation ~= nil end,
    text = function(chunk) return chunk.generation end },
  { name = "mistral", new = listed "outputs",
    match = function(chunk) return is_list(chunk.outputs) end,
    text = listed_text "outputs" },
  { name = "cohere-command-r", new = command_r,
    match = function(chunk) return chunk.event_type ~= nil end,
    text = text_of },
  -- Command answers in one chunk that is the whole, unless asked with
  -- "stream": true.
  { name = "cohere-command", new = listed "generations",
    match = function(chunk) return is_list(chunk.generations) end,
    text = listed_text "generations" },
  { name = "cohere-command", new = cohere,
    match = function(chunk) return chunk.is_finished ~= nil end,
    text = text_of },
  { name = "deepseek", new = listed "choices", match = has_choice "text",
    text = listed_text "choices" },
  { name = "chat", new = chat, text = chat_text,
    match = function(chunk) return is_list(chunk.choices) end },
  { name = "anthropic-text", new = flat "completion",
    match = function(chunk) return chunk.completion ~= nil end,
    text = function(chunk) return chunk.completion end },
}
