--- Calls with one answer: from the reply to the response.

local body = require "bedrock.body"
local metadata = require "bedrock.metadata"
local unmarshal = require "bedrock.service.unmarshal"

local unary = {}

-- Bytes of a unary answer's body; the service's own limits are below it.
local BODY_MAX = 256 * 2 ^ 20

--- What takes the reply of a unary operation, for `exchange.run`: its members,
-- with the reply's own data beside them (bedrock.metadata).
function unary.receive(operation)
  return function(reply)
    local text, err = body.read_all(reply, BODY_MAX)
    if not text then
      err.stage = "response"
      return nil, err
    end
    local response
    response, err = unmarshal.response(operation, reply.status, reply.headers,
      text)
    if not response then return nil, err end
    metadata.set(response, reply)
    return response
  end
end

return unary
