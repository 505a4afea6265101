--- A member that is the whole body of a request: a model's own input, the
-- events of a duplex stream, or JSON.
--
-- Its value waits in the walk's state as `payload`, or as `body` where it is
-- bytes already.

local forms = require "bedrock.service.forms"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"

local walk = lazy "bedrock.service.walk"

local payload = {}

local function blob(member, detail)
  return function(value, state)
    if type(value) == "string" then
      state.body = value
      return
    end
    state.depth, state[1] = 1, member.name
    state.body = walk.bytes(value, state, detail)
    if not state.body and not state.validate then
      walk.refuse(state, "has no bytes that could be sent")
    end
    state.depth = 0
  end
end

--- The function `put(value, state)` of such a member (marshal.lua).
function payload.put(schema, member)
  local kind, detail = schema:type(member.type)
  if kind == "events" then return function() end end
  if kind == "blob" then return blob(member, detail) end
  local form = forms.of(schema, member.type)
  return function(value, state)
    if not forms.fits(value, form) then
      value = walk.member(member, value, state)
    end
    state.payload = value
  end
end

--- The payload as a value that goes out as JSON, or nil where it is none;
-- `{}` for an absent structure.
function payload.json_value(member, state)
  local kind = state.schema:type(member.type)
  if kind == "structure" then
    return state.payload ~= nil and state.payload or json.object {}
  elseif kind == "union" or kind == "document" then
    return state.payload
  end
end

--- The content type of a payload that is no JSON of ours, or nil; a string
-- becomes the body here.
function payload.raw_type(member, state)
  local kind, detail = state.schema:type(member.type)
  if kind == "events" then return "application/vnd.amazon.eventstream" end
  if kind == "blob" then
    -- A model's own request is JSON, for every model of today.
    if detail == "json" then return "application/json" end
    return state.body and "application/octet-stream"
  elseif type(state.payload) == "string" then -- a string or an enum
    state.body = state.payload
    return "text/plain"
  end
end

return payload
