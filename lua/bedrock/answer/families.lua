--- The chunk families of InvokeModelWithResponseStream, one row each.
--
-- The service hands the model's own JSON through, so each maker has its own
-- chunks.  A row says how a chunk of the family looks (`match`), what it
-- adds to the text (`text`), and makes an accumulator (`new`) whose result
-- has the shape that `invoke_model` returns for the family.  A family is
-- known by its chunks and not by the model's id: an id may be an ARN of an
-- inference profile that tells nothing.
--
-- What makes the accumulators is loaded with the first chunk of its family.

local anthropic = require "bedrock.answer.anthropic"
local lazy = require "bedrock.lazy"
local present = require "bedrock.answer.parts".present

local chat = lazy "bedrock.answer.chat"
local cohere = lazy "bedrock.answer.cohere"
local converse = lazy "bedrock.answer.converse"
local fold = lazy "bedrock.answer.fold"
local nova = lazy "bedrock.answer.nova"
local titan = lazy "bedrock.answer.titan"

local function first(list)
  local item = type(list) == "table" and list[1]
  return type(item) == "table" and item or {}
end

local function listed_text(name)
  return function(chunk)
    local item = first(chunk[name])
    -- Alternatives beside the first answer are not part of its text.
    if present(item.index) and item.index ~= 0 then return nil end
    return item.text
  end
end

local function chat_text(chunk)
  local choice = first(chunk.choices)
  if present(choice.index) and choice.index ~= 0 then return nil end
  local from = choice.delta or choice.message
  return type(from) == "table" and from.content or nil
end

local function is_list(v) return type(v) == "table" end

local function has_choice(member)
  return function(chunk)
    return is_list(chunk.choices) and first(chunk.choices)[member] ~= nil
  end
end

local function member(name)
  return function(chunk) return chunk[name] end
end

local function has(name)
  return function(chunk) return chunk[name] ~= nil end
end

local function has_list(name)
  return function(chunk) return is_list(chunk[name]) end
end

local function flat(name)
  return function() return fold.flat(name) end
end

local function listed(name)
  return function() return fold.listed(name) end
end

local function cohere_text(chunk, state) return cohere.text(chunk, state) end

--- The families, in the order in which they are tried.
return {
  { name = "anthropic", match = anthropic.match, text = anthropic.text,
    new = anthropic.new },
  { name = "nova", new = function() return nova.new() end,
    text = function(chunk) return converse.text(chunk) end,
    match = function(chunk)
      return (chunk.messageStart or chunk.contentBlockStart
        or chunk.contentBlockDelta or chunk.contentBlockStop
        or chunk.messageStop or chunk.metadata) ~= nil
    end },
  { name = "titan", new = function() return titan.new() end,
    match = has "outputText", text = member "outputText" },
  { name = "llama", new = flat "generation", match = has "generation",
    text = member "generation" },
  { name = "mistral", new = listed "outputs", match = has_list "outputs",
    text = listed_text "outputs" },
  { name = "cohere-command-r", new = function() return cohere.command_r() end,
    match = has "event_type", text = cohere_text },
  -- Command answers in one chunk that is the whole, unless asked with
  -- "stream": true.
  { name = "cohere-command", new = listed "generations",
    match = has_list "generations", text = listed_text "generations" },
  { name = "cohere-command", new = function() return cohere.command() end,
    match = has "is_finished", text = cohere_text },
  { name = "deepseek", new = listed "choices", match = has_choice "text",
    text = listed_text "choices" },
  { name = "chat", new = function() return chat.new() end, text = chat_text,
    match = has_list "choices" },
  { name = "anthropic-text", new = flat "completion",
    match = has "completion", text = member "completion" },
}
