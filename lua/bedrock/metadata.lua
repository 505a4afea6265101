--- What belongs to a response but is none of its members: request id, status,
-- headers.  Kept beside the response, which stays exactly what AWS sent.

local unmarshal = require "bedrock.service.unmarshal"

local metadata = {}

local known = setmetatable({}, { __mode = "k" })

--- Keep what a reply says of itself with the response made of it.
function metadata.set(response, reply)
  known[response] = {
    status = reply.status, headers = reply.headers,
    request_id = unmarshal.request_id(reply.headers),
  }
end

--- @param response of a unary method
-- @return { status =, request_id =, headers = lower-case name -> value }; nil
--   for any other value
function metadata.get(response)
  return known[response]
end

return metadata
