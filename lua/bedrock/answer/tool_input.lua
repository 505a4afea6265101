--- The input of a tool, which comes as JSON in pieces and may be cut off.
--
-- Users meet only `incomplete`, through `bedrock.answer`.

local json = require "bedrock.json"
local parts = require "bedrock.answer.parts"

local tool_input = {}

-- Content block -> the raw text of a tool input that is not whole.  Beside
-- the block and not in it, since blocks go back to the service as they are.
local cut = setmetatable({}, { __mode = "k" })
local why = setmetatable({}, { __mode = "k" })

--- The input of a tool out of its JSON text.
-- No text at all is how the service writes an input without members; and
-- it takes nothing but objects back.
-- @return the object, or nil and what is wrong with the text
function tool_input.decode(text)
  if parts.blank(text) then return json.object {} end
  local value, message = json.decode(text)
  if value == nil then return nil, message end
  if type(value) ~= "table" or parts.is_list(value) then
    return nil, "the input is no JSON object"
  end
  return value
end

--- Note that the tool input of `block` is not whole.
-- @param block the content block that holds the tool use
-- @param text what came of the input
-- @param message what is wrong with it
function tool_input.mark(block, text, message)
  cut[block] = text
  why[block] = message
end

--- Was the tool input in this content block cut, or is it no JSON?
--
-- The block itself holds `{}` then, so that the message may go back to the
-- service as it is; no tool should be run with that.
-- @param block a content block of an assembled answer
-- @return nil when the input is whole (or the block is no tool use); else
--   the raw text that arrived, and a sentence saying what is wrong with it
function tool_input.incomplete(block)
  return cut[block], why[block]
end

return tool_input
