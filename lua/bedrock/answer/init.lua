--- Whole answers out of the events of a stream.
--
--     local a = answer.converse()             -- or answer.invoke(model_id)
--     for event in stream do a:add(event) end
--     local response = a:response()           -- as client:converse returns it
--
-- Users meet this as `stream:text()`, `stream:response()` and
-- `stream:partial()`.

local converse = require "bedrock.answer.converse"
local invoke = require "bedrock.answer.invoke"
local tool_input = require "bedrock.answer.tool_input"

local answer = {}

--- An accumulator for the events of ConverseStream.
-- @return an object with `add(event)`, `response()`, `partial()` and
--   `text(event)`
function answer.converse()
  return converse.new()
end

--- An accumulator for the chunks of InvokeModelWithResponseStream.
-- @param model_id named in the error that an unknown family gives
-- @return an object with `add(event)`, `response()`, `partial()`,
--   `text(event)` and `family()`
function answer.invoke(model_id)
  return invoke.new(model_id)
end

--- The piece of text in an event of either kind of stream.
-- @param event an event table
-- @return the text, never empty, or nil
function answer.text(event)
  if event.chunk then return invoke.text(event) end
  return converse.text(event)
end

answer.incomplete = tool_input.incomplete

return answer
