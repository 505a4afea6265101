--- What nearly every exchange has on the wire: names in a URI, parameters as
-- JSON, the id that AWS gives a request.

local core = require "bedrock.core"
local json = require "bedrock.json"

local wire = {}

--- Every byte but A-Z a-z 0-9 - . _ ~ as %XX, for one path segment or one part
-- of a query.  A model id may be an ARN, and an ARN is one path segment: `:`
-- and `/` are among them.
-- @param text  @param keep_slash  true leaves `/`, for several segments
wire.encode = core.bytes.uri_encode

-- The same parameters are the same bytes, in this process and the next one
-- (Lua's own order differs): the service's prompt caches compare them.
local ENCODING = { sorted = true }

--- A value as JSON text, the way all requests are written.
-- @return string; nil, message
function wire.json(value)
  return json.encode(value, ENCODING)
end

local REQUEST_IDS = {
  "x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id",
}

--- AWS's id of a request, from the headers of its answer; or nil.
function wire.request_id(headers)
  for i = 1, #REQUEST_IDS do
    local id = headers[REQUEST_IDS[i]]
    if id then return id end
  end
end

return wire
