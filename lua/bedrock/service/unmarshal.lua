--- HTTP answers and stream events -> tables of AWS's member names.
--
-- A program that streams does not load what unary operations need, nor those
-- what a stream does, nor either what only failures need.

local lazy = require "bedrock.lazy"
local shapes = require "bedrock.service.shapes"
local wire = require "bedrock.service.wire"

local failure = lazy "bedrock.service.failure"
local output_event = lazy "bedrock.service.output_event"
local response = lazy "bedrock.service.response"

local unmarshal = {}

local resolve = shapes.resolve

--- The members of an answer that its status and headers hold.
-- @param headers  lower-case name -> value
function unmarshal.headers(operation, status, headers)
  return response.headers(resolve(operation), status, headers)
end

--- The answer of a unary operation.
-- @param operation  its name, or an operation of a schema
-- @param status     HTTP status
-- @param headers    lower-case name -> value
-- @param body       the whole body
-- @return table of the modeled members and of what else the body held;
--   nil, error of kind "service" or "protocol"
function unmarshal.response(operation, status, headers, body)
  return response.read(resolve(operation), status, headers, body)
end

--- The error of an answer whose status (or body) says that it is one.
-- Its code is AWS's exception name in one spelling, or the status as text.
-- Members that the model gives the exception are fields of the error; of a
-- body that is no JSON, `err.body` keeps the first 1024 bytes.
function unmarshal.error(operation, status, headers, body)
  return failure.of_response(resolve(operation), status, headers, body)
end

--- The function that makes the events of an operation's stream:
-- `read(name, payload, is_odd)` gives `{ [name] = payload }`, the payload
-- (decoded JSON, changed in place) with its blobs as raw bytes.  Events and
-- members that the model does not know pass as they came.  `is_odd`: there
-- may be members that are null, or a union's `__type`, to be taken out.
function unmarshal.event(operation)
  operation = resolve(operation)
  local read = operation.read_event
  if not read then
    read = output_event.reader(operation)
    operation.read_event = read
  end
  return read
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
