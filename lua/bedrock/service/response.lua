--- The answer of a unary operation -> a table of AWS's member names.

local core = require "bedrock.core"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local readers = require "bedrock.service.readers"
local shapes = require "bedrock.service.shapes"

local failure = lazy "bedrock.service.failure"
local header = lazy "bedrock.service.header"

local response = {}

local array_mt = json.array_mt

-- value, and is it odd (readers.read)?  Or nil, message.
local decode = core.json.decode_answer

local function prefixed(headers, prefix)
  local map
  for name, value in pairs(headers) do
    if name:sub(1, #prefix) == prefix then
      map = map or {}
      map[name:sub(#prefix + 1)] = value
    end
  end
  return map
end

-- What is fixed for an operation's answers, made at the first one.
local function plan_of(operation)
  local plan = operation.answer_plan
  if plan then return plan end
  local schema, output = operation.schema, operation.output
  local payload = shapes.member_at(output, "payload")
  plan = { payload = payload, kind = payload and schema:type(payload.type),
    outside = {}, -- members that are not in the body
    promised = false } -- is one in the body that is always there?
  for _, member in pairs(output and output.members or {}) do
    if member.where == "body" then
      plan.promised = plan.promised or member.required
    elseif member.where ~= "payload" then
      plan.outside[#plan.outside + 1] = member
    end
  end
  operation.answer_plan = plan
  return plan
end

--- See unmarshal.headers.
function response.headers(operation, status, headers)
  local out, outside = {}, plan_of(operation).outside
  for i = 1, #outside do
    local member = outside[i]
    local name = member.name
    if member.where == "header" then
      local text = headers[member.wire:lower()]
      out[name] = text and header.read(operation.schema, member.type, text)
    elseif member.where == "headers" then
      out[name] = prefixed(headers, (member.wire or ""):lower())
    elseif member.where == "status" then
      out[name] = status
    end
  end
  return out
end

-- A payload that is the body itself; an empty one is absent unless the model
-- promises it.
local function raw_payload(out, member, body)
  if body ~= "" or member.required then out[member.name] = body end
  return out
end

local function json_payload(operation, out, member, body)
  if body == "" then return out end
  local value, odd = decode(body)
  if value == nil then return nil, odd end
  out[member.name] = readers.read(operation.schema, member.type, value, odd)
  return out
end

-- Is an error hidden in a body?  A member that the model knows hides none.
local function hides_error(output, value)
  return (value.Output ~= nil and not output.members.Output
    or value.__type ~= nil and not output.members.__type)
    and failure.hidden(value) ~= nil
end

local function json_body(operation, out, body)
  local output = operation.output
  if not output or body == "" and not plan_of(operation).promised then
    return out
  elseif body == "" then
    return nil, "the answer lacks what the operation promises"
  end
  local value, odd = decode(body)
  if value == nil then return nil, odd end
  if type(value) ~= "table" or getmetatable(value) == array_mt then
    return nil, "the answer is no JSON object"
  end
  if hides_error(output, value) then return nil, nil, true end
  readers.read(operation.schema, output.name, value, odd)
  for name, item in next, out do value[name] = item end
  return value
end

local RAW = { blob = true, string = true, enum = true }

--- See unmarshal.response.
function response.read(operation, status, headers, body)
  if status < 200 or status > 299 or headers["x-amzn-errortype"] then
    return nil, failure.of_response(operation, status, headers, body)
  end
  local out = response.headers(operation, status, headers)
  local plan = plan_of(operation)
  local member, kind = plan.payload, plan.kind
  if RAW[kind] then return raw_payload(out, member, body) end
  if kind == "events" then return out end
  local value, message, hidden
  if member then
    value, message = json_payload(operation, out, member, body)
  else
    value, message, hidden = json_body(operation, out, body)
  end
  if hidden then
    return nil, failure.of_response(operation, status, headers, body)
  elseif not value then
    return nil, failure.protocol(operation, status, headers, body, message)
  end
  return value
end

return response
