--- Cohere's chunks, which are no cut-up copies of the whole.

local fold = require "bedrock.answer.fold"
local merge = require "bedrock.answer.merge"
local parts = require "bedrock.answer.parts"

local join, present = parts.join, parts.present

local cohere = {}

-- Cohere's last chunk may hold the whole answer (as `response`, or as its
-- text once more), the last piece of it, or nothing: what repeats what came
-- is no piece.
local function add_text(state, chunk)
  state.piece = nil
  if type(chunk.text) ~= "string" then return end
  if chunk.is_finished and chunk.text == join(state.text) then return end
  state.text = state.text or parts.text()
  state.piece = chunk.text
  state.text:add(chunk.text)
end

--- The piece of text in a chunk, or nil.
function cohere.text(chunk, state)
  if not chunk.is_finished then return chunk.text end
  return state and state.piece
end

--- A new, empty accumulator of Command's.
function cohere.command()
  return fold.accumulator(function(state, chunk)
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
end

local function add_command_r(state, chunk)
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
end

local function command_r_response(state)
  if state.response then return state.response end
  local made = parts.copy(state.members or {})
  made.text = join(state.text)
  return made
end

--- The same of Command R's.
function cohere.command_r()
  return fold.accumulator(add_command_r, command_r_response)
end

return cohere
