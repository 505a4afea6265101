--- Failures of the service -> error objects, wherever they were found: an
-- HTTP status, a body that says so under status 200, a message in a stream.

local errors = require "bedrock.errors"
local exceptions = require "bedrock.service.exceptions"
local header = require "bedrock.service.header"
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
  local inner = body.error or body.Error
  if type(inner) == "table" then return message_of(inner) end
  return text_of(inner)
end

-- A refused signature is explained with the request as the service saw it,
-- session token and all; that part is for nobody's log.
local SIGNED = {
  "%s*The Canonical String for this request", "%s*The String%-to%-Sign",
  "%s*<CanonicalRequest", "%s*<StringToSign",
}

local function without_secrets(text)
  for _, pattern in ipairs(SIGNED) do
    text = text:sub(1, (text:find(pattern) or #text + 1) - 1)
  end
  return text
end

-- Members that the model gives an exception, beside its message.
local function modeled(schema, name, headers, body)
  local fields = {}
  local shape = schema:shape(name)
  if not shape or shape.kind ~= "exception" then return fields end
  readers.read(schema, name, body, true)
  for member_name, member in pairs(shape.members) do
    if member.where == "header" then
      local text = headers[member.wire:lower()]
      fields[member_name] = text and header.read(schema, member.type, text)
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
  elseif body:find("^%s*<[!?%a]") then
    return ("HTTP %d with a page of HTML or XML, perhaps from a proxy%s")
      :format(status, title_of(body))
  end
  local text = body:sub(1, TOLD):gsub("[%z\1-\31\127]+", " ")
  return text .. (#body > TOLD and " ..." or "")
end

-- An error is told even where its text is no UTF-8.
local function decode(body)
  body = body:gsub("^\239\187\191", "")
  if not body:find("^%s*{") then return nil end
  local value = json.decode(body)
    or json.decode((body:gsub("[\128-\255]", "?")))
  return type(value) == "table" and value or nil
end

-- The name that a text gives an error, or nil: sometimes it is a sentence.
local function name_in(text)
  text = text_of(text)
  local name = text and exceptions.name(text)
  return name and name:find("^[%w_.-]+$") and name or nil
end

-- What a front end tells in XML, as if it were JSON; or nil.
local function read_xml(body)
  local name = body:match("^%s*<(%u%w+Exception)[%s/>]")
    or body:match("^%s*<.-<Code>%s*(.-)%s*</Code>")
  return name and {
    code = name, message = body:match("<[mM]essage>%s*(.-)%s*</"),
  }
end

--- The error in a body where a status of 200 hides one, or nil: the body
-- itself, or as `{"Output":{"__type":"...#UnknownOperationException"},
-- "Version":"1.0"}`.
function failure.hidden(value)
  if type(value) ~= "table" then return nil end
  local inner = value.Output
  if type(inner) == "table" and text_of(inner.__type) then return inner end
  local name = name_in(value.__type)
  return name and name:find("Exception$") and value or nil
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
  if not value then fields.body = without_secrets(body):sub(1, KEPT) end
  local about = value and (failure.hidden(value) or value)
    or read_xml(body) or {}
  local name = name_in(headers["x-amzn-errortype"]) or name_in(about.__type)
    or name_in(about.code) or name_in(about.Code)
  local message = message_of(about)
  if not message and (not name or not value and body ~= "") then
    message = told(status, body)
  end
  if name then
    for key, item in pairs(modeled(operation.schema, name, headers, about)) do
      fields[key] = item
    end
  end
  return service_error(operation, name or tostring(status), message, fields)
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
  if value and (failure.hidden(value) or text_of(value.__type))
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
