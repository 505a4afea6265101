--- A request of the service becomes a message that can be sent: URL, host,
-- date, and the proof of who asks.

local core = require "bedrock.core"
local errors = require "bedrock.errors"

local signing = {}

-- The date of a request; all those of one second have the same.
local last_second, last_date

local function timestamp(seconds)
  seconds = math.floor(seconds)
  if seconds ~= last_second then
    last_second, last_date = seconds, os.date("!%Y%m%dT%H%M%SZ", seconds)
  end
  return last_date
end

--- What the messages of an endpoint have in common.
-- @param url "https://host[:port][/base]"
function signing.place(url)
  local origin, authority, base = url:match "^(%a+://([^/?#]+))([^?#]*)"
  return { origin = origin, authority = authority,
    base = base:gsub("/+$", "") .. "" }
end

--- The message for a request: everything but its authorization.
-- @param request { method, path, query, headers, body } of the marshaller;
--   path and query are encoded as they will be on the wire
-- @param place of `signing.place`
-- @return { method, url, path, query, headers (a new table), body }
function signing.message(request, place)
  local headers = { host = place.authority, ["user-agent"] = nil,
    ["amz-sdk-invocation-id"] = nil, ["amz-sdk-request"] = nil,
    ["x-amz-date"] = nil, ["x-amz-content-sha256"] = nil,
    authorization = nil } -- nil: room for what will be added
  for name, value in next, request.headers do headers[name] = value end
  local query = request.query ~= "" and request.query or nil
  local path = place.base .. request.path
  return {
    method = request.method, headers = headers, body = request.body,
    path = path, query = query, proxy = nil, ca_bundle = nil,
    url = place.origin .. path .. (query and "?" .. query or ""),
    http_version = nil, payload_hash = nil,
  }
end

--- Add what Signature Version 4 adds; all headers of the message are signed,
-- so nothing may be changed afterwards.
-- @param message of `signing.message`
-- @param signer of `core.sigv4.signer()`
-- @param credentials { access_key_id, secret_access_key, session_token }
-- @param scope { region =, service = }
-- @param now seconds since the epoch, as the server sees them
-- @return true; or nil, err (kind "validation": a header that cannot be sent;
--   kind "config": an endpoint of the user's own, and no region to sign for)
function signing.sigv4(message, signer, credentials, scope, now)
  if not scope.region then
    return errors.failure("config", "no region to sign for; set the option "
      .. "region, AWS_REGION or the profile's region", "MissingRegion")
  end
  local headers, date = message.headers, timestamp(now)
  headers["x-amz-date"] = date
  headers["x-amz-security-token"] = credentials.session_token
  local payload_hash, why, failure = core.bytes.sha256_hex(message.body or "")
  if not payload_hash then
    return errors.failure("validation", "cannot sign: " .. why, failure)
  end
  headers["x-amz-content-sha256"] = payload_hash
  message.payload_hash = payload_hash
  local authorization, text, code = signer:sign(message, credentials,
    scope.region, scope.service, date)
  if not authorization then
    return errors.failure("validation", "cannot sign: " .. text, code)
  end
  headers.authorization = authorization
  return true
end

--- Add a bearer token (an API key of Bedrock).  In the clear it may only go
-- to this machine, and so through nobody's proxy.
function signing.bearer(message, token)
  message.headers.authorization = "Bearer " .. token
  if message.url:find "^http:" then message.proxy = "" end
end

return signing
