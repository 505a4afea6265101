--- Events that a duplex operation is given -> their type and payload.

local shapes = require "bedrock.service.shapes"
local walk = require "bedrock.service.walk"
local wire = require "bedrock.service.wire"

local input_event = {}

local function failed(state, operation)
  return state.problems and state.problems:error(operation.name)
end

--- See marshal.event.
function input_event.write(operation, event, options)
  local state = { depth = 0,
    validate = not options or options.validate ~= false }
  local events = shapes.events(operation, operation.input)
  local name, value
  if type(event) == "table" then name, value = next(event) end
  local member = events and events.members[name]
  if not member or next(event, name) ~= nil then
    walk.refuse(state, "expected a table with one of the events "
      .. table.concat(events and events.order or {}, ", "))
    return nil, failed(state, operation)
  end
  state.depth, state[1] = 1, name
  local convert = walk.converter(operation.schema, member.type)
  local new = convert(value, state)
  local text, message = wire.json(new ~= nil and new or value)
  if not text then walk.refuse(state, message) end
  local problem = failed(state, operation)
  if problem then return nil, problem end
  return name, text
end

return input_event
