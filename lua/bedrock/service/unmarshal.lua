--- HTTP answers and stream events -> tables of AWS's member names.

local core = require "bedrock.core"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local readers = require "bedrock.service.readers"
local shapes = require "bedrock.service.shapes"
local wire = require "bedrock.service.wire"

local cleaners = lazy "bedrock.service.cleaners"
local failure = lazy "bedrock.service.failure"
local header = lazy "bedrock.service.header"

local unmarshal = {}

local array_mt = json.array_mt

-- value, and whether there may be members that are null or a union's
-- `__type`; or nil, message.
local decode = core.json.decode_answer

local function resolve(operation)
  if type(operation) == "table" then return operation end
  return assert(shapes.bedrock():operation(operation), operation)
end

-- A decoded value of a type, changed in place; or what replaces it.
local function read_value(schema, text, value, is_odd)
  local clean = is_odd and cleaners.of(schema, text)
  if clean then clean(value) end
  local read = readers.of(schema, text)
  local new
  if read then new = read(value) end
  if new == nil then return value end
  return new
end

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

--- The members of an answer that its status and headers hold.
-- @param headers  lower-case name -> value
function unmarshal.headers(operation, status, headers)
  operation = resolve(operation)
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
  out[member.name] = read_value(operation.schema, member.type, value, odd)
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
  read_value(operation.schema, output.name, value, odd)
  for name, item in next, out do value[name] = item end
  return value
end

local RAW = { blob = true, string = true, enum = true }

--- The answer of a unary operation.
-- @param operation  its name, or an operation of a schema
-- @param status     HTTP status
-- @param headers    lower-case name -> value
-- @param body       the whole body
-- @return table of the modeled members and of what else the body held;
--   nil, error of kind "service" or "protocol"
function unmarshal.response(operation, status, headers, body)
  operation = resolve(operation)
  if status < 200 or status > 299 or headers["x-amzn-errortype"] then
    return nil, failure.of_response(operation, status, headers, body)
  end
  local out = unmarshal.headers(operation, status, headers)
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

--- The error of an answer whose status (or body) says that it is one.
-- Its code is AWS's exception name in one spelling, or the status as text.
-- Members that the model gives the exception are fields of the error; of a
-- body that is no JSON, `err.body` keeps the first 1024 bytes.
function unmarshal.error(operation, status, headers, body)
  return failure.of_response(resolve(operation), status, headers, body)
end

-- A chunk of a model's own output: `bytes` is raw, and `json` its decoding,
-- made when it is first asked for (nil when the bytes are no JSON).  Until
-- then `pairs` does not show it.  Mocks put the model's output where the
-- bytes should be; such a chunk is its own `json`.
local Chunk = {}

function Chunk.__index(chunk, key)
  if key ~= "json" then return nil end
  local bytes = rawget(chunk, "bytes")
  if bytes == nil and next(chunk) ~= nil then return chunk end
  if type(bytes) ~= "string" then return nil end
  local value = json.decode(bytes)
  if value ~= nil then rawset(chunk, "json", value) end
  return value
end

-- Does a structure hold a model's own bytes, as chunks do?
local function is_chunk(schema, text)
  local _, shape = schema:type(text)
  local member = type(shape) == "table" and shape.members
    and shape.members.bytes
  return member and member.type == "blob/json"
end

-- A reader that also makes a chunk of what it read.
local function chunk_reader(read)
  return function(value)
    if type(value) ~= "table" then return end
    read(value)
    setmetatable(value, Chunk)
  end
end

local function reader_of(operation, events, name)
  local member = events and events.members[name]
  if not member then return false end
  local read = readers.of(operation.schema, member.type)
  return is_chunk(operation.schema, member.type) and chunk_reader(read) or read
end

local function clean_event(operation, events, name, payload)
  local member = events and events.members[name]
  local clean = member and cleaners.of(operation.schema, member.type)
  if clean then clean(payload) end
end

--- The function that makes the events of an operation's stream:
-- `read(name, payload, is_odd)` gives `{ [name] = payload }`, the payload
-- (decoded JSON, changed in place) with its blobs as raw bytes.  Events and
-- members that the model does not know pass as they came.  `is_odd`: there
-- may be members that are null, or a union's `__type`, to be taken out.
function unmarshal.event(operation)
  operation = resolve(operation)
  if operation.finish_event then return operation.finish_event end
  local events = shapes.events(operation, operation.output)
  local reads = {}
  function operation.finish_event(name, payload, is_odd)
    if is_odd then clean_event(operation, events, name, payload) end
    local read = reads[name]
    if read == nil then
      read = reader_of(operation, events, name)
      reads[name] = read
    end
    if read then read(payload) end
    return { [name] = payload }
  end
  return operation.finish_event
end

--- The error of an answer of status 2xx that is not what its operation
-- streams: an error in disguise, a proxy's page, another content type.
function unmarshal.unexpected(operation, status, headers, body)
  return failure.of_unexpected(resolve(operation), status, headers, body)
end

--- The error of a stream's message that is no event.
-- @param name     `:exception-type` ("throttlingException"), or `:error-code`
-- @param payload  an exception's decoded JSON, or its text
-- @param message  `:error-message`; nil for exceptions
function unmarshal.exception(operation, name, payload, message)
  return failure.of_exception(resolve(operation), name, payload, message)
end

--- AWS's id of a request, from the headers of its answer; or nil.
unmarshal.request_id = wire.request_id

return unmarshal
