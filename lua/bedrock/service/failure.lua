--- Failures of the service -> error objects, wherever they were found: an
-- HTTP status, a body that says so under status 200, a message in a stream.

local errors = require "bedrock.errors"
local exceptions = require "bedrock.service.exceptions"
local json = require "bedrock.json"
local readers = require "bedrock.service.readers"
local wire = require "bedrock.service.wire"

local failure = {}

-- What is kept of a body that is not JSON, and told of it in a message.
local KEPT, TOLD = 1024, 200

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

-- The message under whatever name: message, Message, errorMessage, or in a
-- gateway's `error`.
local function message_of(body)
  for name, value in next, body do
    local plain = type(name) == "string" and name:lower()
    if plain == "message" or plain == "errormessage" then
      if text_of(value) then return value end
    end
  end
  local inner = body.error
  return type(inner) == "table" and text_of(inner.message) or text_of(inner)
end

-- A refused signature is explained with the request as the service saw it,
-- session token and all; that part is for nobody's log.
local function without_secrets(message)
  local cut = message:find("%s*The Canonical String for this request")
    or message:find("%s*The String%-to%-Sign")
  return cut and message:sub(1, cut - 1) or message
end

-- Members that the model gives an exception, beside its message.
local function modeled(schema, name, headers, body)
  local fields = {}
  local shape = schema:shape(name)
  if not shape or shape.kind ~= "exception" then return fields end
  readers.of(schema, name)(body)
  for member_name, member in pairs(shape.members) do
    if member.where == "header" then
      local text = headers[member.wire:lower()]
      fields[member_name] = text and wire.read(schema, member.type, text)
    elseif member_name:lower() ~= "message" then
      fields[member_name] = body[member_name]
    end
  end
  return fields
end

local function service_error(operation, name, message, fields)
  fields.code = name
  fields.operation = operation.name
  fields.status = fields.status or exceptions.status(name)
  local kind = exceptions.judge(name, fields.status)
  fields.throttling = kind == "throttling" or nil
  fields.retryable = kind == "throttling" or kind == "transient"
  return errors.new("service", without_secrets(message
    or "the service gave no message"), fields)
end

local function title_of(page)
  local title = page:match("<[tT][iI][tT][lL][eE][^>]*>%s*(.-)%s*</")
  return title and title ~= "" and ": " .. title:sub(1, TOLD) or ""
end

-- In words, what came instead of JSON.
local function told(status, body)
  if body == "" then
    return ("HTTP %d with an empty body"):format(status)
  elseif body:find("^%s*<[!%a]") then
    return ("HTTP %d with a page of HTML or XML, perhaps from a proxy%s")
      :format(status, title_of(body))
  end
  local text = body:sub(1, TOLD):gsub("[%z\1-\31\127]+", " ")
  return text .. (#body > TOLD and " ..." or "")
end

local function decode(body)
  if not body:find("^%s*{") then return nil end
  local value = json.decode(body)
  return type(value) == "table" and value or nil
end

--- The body's inner error where a status of 200 hides one:
-- `{"Output":{"__type":"...#UnknownOperationException"},"Version":"1.0"}`.
function failure.hidden(value)
  local inner = type(value) == "table" and value.Output
  return type(inner) == "table" and text_of(inner.__type) and inner or nil
end

--- The error of an answer that is none.
-- @param operation  an operation of the schema
-- @param status     HTTP status
-- @param headers    lower-case name -> value
-- @param body       the whole body, or as much as was read
function failure.of_response(operation, status, headers, body)
  body = body or ""
  local fields = {
    status = status, stage = "response",
    request_id = wire.request_id(headers),
  }
  local value = decode(body)
  local about = value and (failure.hidden(value) or value) or {}
  local name = text_of(headers["x-amzn-errortype"]) or text_of(about.__type)
    or text_of(about.code) or text_of(about.Code)
  name = name and exceptions.name(name)
  if name then
    local message = message_of(about)
    for key, item in pairs(modeled(operation.schema, name, headers, about)) do
      fields[key] = item
    end
    return service_error(operation, name, message, fields)
  end
  if not value then fields.body = body:sub(1, KEPT) end
  return service_error(operation, tostring(status),
    message_of(about) or told(status, body), fields)
end

--- The error of a stream's message of type "exception" or "error".
-- @param name     the union's member (`:exception-type`), or `:error-code`
-- @param payload  decoded JSON, its text, or nil
-- @param message  `:error-message`, or nil
function failure.of_exception(operation, name, payload, message)
  local body = payload
  if type(body) == "string" then body = decode(body) end
  body = type(body) == "table" and body or {}
  name = exceptions.name(name or "UnknownError")
  local fields = modeled(operation.schema, name, {}, body)
  fields.stage = "stream"
  message = text_of(message) or message_of(body)
  if not message and text_of(payload) then message = payload:sub(1, TOLD) end
  return service_error(operation, name, message, fields)
end

--- A protocol error: the answer is not what the operation promises.
-- @param why  what was expected, or what is wrong with it
function failure.protocol(operation, status, headers, body, why)
  return errors.new("protocol", why .. "; " .. told(status, body), {
    code = "InvalidResponse", status = status, stage = "response",
    operation = operation.name, request_id = wire.request_id(headers),
    body = body:sub(1, KEPT),
  })
end

--- The error of a success that is no event stream, where one was promised.
function failure.of_unexpected(operation, status, headers, body)
  body = body or ""
  local value = decode(body)
  if failure.hidden(value) or value and text_of(value.__type)
    or headers["x-amzn-errortype"] then
    return failure.of_response(operation, status, headers, body)
  end
  local err = failure.protocol(operation, status, headers, body,
    ("expected an event stream, got %s"):format(
      headers["content-type"] or "no content type"))
  err.code = "UnexpectedContentType"
  return err
end

return failure
