--- Nova's chunks, which are the events of ConverseStream.

local converse = require "bedrock.answer.converse"
local parts = require "bedrock.answer.parts"

local nova = {}

--- A new, empty accumulator.
function nova.new()
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

return nova
