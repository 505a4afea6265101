--- What a stream holds that is no event, as an error: another kind of body, an
-- exception, a message that nobody knows.

local body = require "bedrock.body"
local errors = require "bedrock.errors"
local unmarshal = require "bedrock.service.unmarshal"

local stray = {}

local BODY_MAX = 65536

--- A reply of status 2xx whose body is no event stream (a proxy's page, an
-- error in disguise) or is encoded; it is closed.
-- @return nil, err
function stray.reply(operation, reply)
  local kind = (reply.headers["content-type"] or ""):lower()
  if kind:match "^[^;,%s]*" == "application/vnd.amazon.eventstream" then
    reply:close()
    return nil, errors.new("protocol", ("the response is encoded as %s, which "
      .. "nobody asked for"):format(reply.headers["content-encoding"]),
      { code = "UnexpectedContentEncoding", status = reply.status,
        request_id = unmarshal.request_id(reply.headers),
        stage = "response" })
  end
  local text, _, partial = body.read_all(reply, BODY_MAX)
  reply:close()
  return nil, unmarshal.unexpected(operation, reply.status, reply.headers,
    text or partial)
end

--- A message that is no event with a JSON object: an exception, an error, or
-- something this version does not know.
-- @return err
function stray.message(operation, payload, headers)
  local kind = headers[":message-type"]
  if kind == "exception" then
    return unmarshal.exception(operation, headers[":exception-type"],
      payload)
  elseif kind == "error" then
    return unmarshal.exception(operation, headers[":error-code"],
      payload, headers[":error-message"] or "")
  elseif kind == "event" then
    local name = headers[":event-type"]
    return errors.new("protocol", name
      and ("the payload of event %s is no JSON object"):format(tostring(name))
      or "an event without :event-type", { code = "InvalidEvent" })
  end
  return errors.new("protocol", "a message of unknown type "
    .. tostring(kind), { code = "UnknownMessageType" })
end

return stray
