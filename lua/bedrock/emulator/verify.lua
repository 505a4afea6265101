-- Who is asking?  SigV4 and bearer tokens, checked as AWS checks them.
--
-- Written from the specification, over luaossl's digest and hmac, and shares
-- nothing with src/core/sigv4: it is the client's examiner.
--
-- A request here is a table: method, path and query as they came over the
-- wire, headers (a list of { lower-case name, value } in order, host among
-- them), body, secure (came over TLS).
local digest = require "openssl.digest"
local hmac = require "openssl.hmac"

local verify = {}

local UNSIGNED = "UNSIGNED-PAYLOAD"
local STREAMING = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
verify.STREAMING = STREAMING

-- AWS refuses a request whose date is further off than this.
local WINDOW = 5 * 60

local function hex(raw)
  return (raw:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- SHA-256 of `text` as 64 hex digits.
function verify.sha256(text)
  return hex(digest.new("sha256"):final(text))
end

local function mac(key, text)
  return hmac.new(key, "sha256"):final(text)
end

local function encode(text, keep)
  return (text:gsub("[^%w%-._~" .. keep .. "]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function decode(text)
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- Dot segments and empty segments go, a last slash stays.
local function normalize(path)
  local kept = {}
  for segment in path:gmatch("[^/]+") do
    if segment == ".." then
      kept[#kept] = nil
    elseif segment ~= "." then
      kept[#kept + 1] = segment
    end
  end
  local last = #kept > 0 and path:find("/%.?%.?$") and "/" or ""
  return "/" .. table.concat(kept, "/") .. last
end

-- The wire path is encoded already; every service but S3 encodes it again.
local function canonical_path(path, plain)
  return encode(plain and path or normalize(path), "/")
end

local function canonical_query(query)
  local pairs_ = {}
  for part in query:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    pairs_[#pairs_ + 1] = encode(decode(name), "") .. "="
      .. encode(decode(value), "")
  end
  -- "a=" sorts before "a-b=" only by name, so names are compared first.
  table.sort(pairs_, function(a, b)
    local name_a, name_b = a:match("^[^=]*"), b:match("^[^=]*")
    if name_a ~= name_b then return name_a < name_b end
    return a < b
  end)
  return table.concat(pairs_, "&")
end

local function trim(value)
  return (value:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

--- Value of header `name`: duplicates joined by commas in their order | nil.
-- ":authority" is HTTP/2's word for host; AWS's SDK for JavaScript signs it so.
function verify.header(request, name)
  if name == ":authority" then name = "host" end
  local values = {}
  for _, header in ipairs(request.headers) do
    if header[1] == name then values[#values + 1] = trim(header[2]) end
  end
  return values[1] and table.concat(values, ",") or nil
end

--- Canonical request of the listed header names (any order).
-- `payload_hash` as it stands in the last line; request.plain_path keeps dot
-- segments and doubled slashes, as S3 does.
function verify.canonical_request(request, names, payload_hash)
  local sorted = {}
  for i, name in ipairs(names) do sorted[i] = name end
  table.sort(sorted)
  local lines = {
    request.method,
    canonical_path(request.path, request.plain_path),
    canonical_query(request.query or ""),
  }
  for _, name in ipairs(sorted) do
    lines[#lines + 1] = name .. ":" .. (verify.header(request, name) or "")
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = table.concat(sorted, ";")
  lines[#lines + 1] = payload_hash
  return table.concat(lines, "\n")
end

--- The four lines that are signed.
function verify.string_to_sign(date, scope, canonical)
  return table.concat({ "AWS4-HMAC-SHA256", date, scope,
    verify.sha256(canonical) }, "\n")
end

--- Derived key of "YYYYMMDD/region/service/aws4_request", raw.
function verify.key(secret, scope)
  local key = "AWS4" .. secret
  for part in scope:gmatch("[^/]+") do key = mac(key, part) end
  return key
end

--- Signature of `text` under a derived key, as hex.
function verify.sign(key, text)
  return hex(mac(key, text))
end

-- Days since 1970-01-01 of a date in the proleptic Gregorian calendar
-- (Hinnant, "chrono-compatible low-level date algorithms").
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4)
    - math.floor(of_era / 100) + of_year - 719468
end

--- Seconds since the epoch of "20260115T123456Z" | nil.
function verify.time(date)
  local y, mo, d, h, mi, s = date:match(
    "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$")
  if not y then return nil end
  return days(tonumber(y), tonumber(mo), tonumber(d)) * 86400
    + tonumber(h) * 3600 + tonumber(mi) * 60 + tonumber(s)
end

local function stamp(seconds)
  return os.date("!%Y%m%dT%H%M%SZ", seconds)
end

local function refuse(name, message)
  return nil, name, message
end

local function invalid(message)
  return refuse("InvalidSignatureException", message)
end

-- Authorization header -> its three parts, or the refusal that names all
-- that is missing, as AWS's does.
local function parse(authorization)
  local rest = authorization:match("^AWS4%-HMAC%-SHA256%s+(.*)$")
  if not rest then
    return refuse("IncompleteSignatureException",
      "Authorization header requires 'AWS4-HMAC-SHA256' algorithm.")
  end
  local found = {}
  for name, value in rest:gmatch("([%w]+)=([^,%s]+)") do found[name] = value end
  local missing = {}
  for _, name in ipairs { "Credential", "Signature", "SignedHeaders" } do
    if not found[name] then
      missing[#missing + 1] = "Authorization header requires '" .. name
        .. "' parameter."
    end
  end
  if missing[1] then
    return refuse("IncompleteSignatureException",
      table.concat(missing, " ") .. " Authorization=AWS4-HMAC-SHA256")
  end
  return found
end

local function split(text, separator)
  local parts = {}
  for part in (text .. separator):gmatch("(.-)%" .. separator) do
    parts[#parts + 1] = part
  end
  return parts
end

-- The access key may hold no slash; the other four parts are the scope.
local function check_scope(self, credential, date)
  local parts = split(credential, "/")
  if #parts ~= 5 then
    return refuse("IncompleteSignatureException", "Credential must have "
      .. "exactly 5 slash-delimited elements, e.g. keyid/date/region/service"
      .. "/term, got '" .. credential .. "'")
  end
  local day, region, service, term = parts[2], parts[3], parts[4], parts[5]
  if not region:find("^[%w-]+$")
      or self.region and region ~= self.region then
    return invalid("Credential should be scoped to a valid region. ")
  elseif service ~= "bedrock" then
    return invalid("Credential should be scoped to correct service: "
      .. "'bedrock'. ")
  elseif term ~= "aws4_request" then
    return invalid("Credential should be scoped with a valid terminator: "
      .. "'aws4_request', not '" .. term .. "'.")
  elseif day ~= date:sub(1, 8) then
    return invalid("Date in Credential scope does not match YYYYMMDD from "
      .. "ISO-8601 version of date from HTTP: '" .. day .. "' != '"
      .. date:sub(1, 8) .. "', from '" .. date .. "'.")
  end
  return { access_key_id = parts[1], region = region,
    scope = table.concat(parts, "/", 2) }
end

local function check_date(date, now)
  local time = verify.time(date)
  if not time then
    return refuse("IncompleteSignatureException",
      "Date must be in ISO-8601 'basic format'. Got '" .. date .. "'.")
  elseif time < now - WINDOW then
    return invalid(("Signature expired: %s is now earlier than %s "
      .. "(%s - 5 min.)"):format(date, stamp(now - WINDOW), stamp(now)))
  elseif time > now + WINDOW then
    return invalid(("Signature not yet current: %s is still later than %s "
      .. "(%s + 5 min.)"):format(date, stamp(now + WINDOW), stamp(now)))
  end
  return true
end

-- Host and everything x-amz-* must be covered by the signature.
local function check_coverage(request, names)
  local signed = {}
  for _, name in ipairs(names) do signed[name] = true end
  if not signed.host and not signed[":authority"] then
    return invalid("'Host' or ':authority' must be a 'SignedHeader' in the "
      .. "AWS Authorization.")
  end
  for _, header in ipairs(request.headers) do
    if header[1]:find("^x%-amz%-") and not signed[header[1]] then
      return refuse("AccessDeniedException", "There were headers present in "
        .. "the request which were not signed: " .. header[1])
    end
  end
  return true
end

-- The hash that the client says it signed, if it is one that may be believed.
local function payload_hash(request)
  local said = verify.header(request, "x-amz-content-sha256")
  if said == STREAMING and request.streaming then return said end
  if said == UNSIGNED and request.secure then return said end
  local computed = verify.sha256(request.body or "")
  if said and said ~= computed then
    return invalid("The provided 'x-amz-content-sha256' header does not "
      .. "match what was computed.")
  end
  return computed
end

local MISMATCH = "The request signature we calculated does not match the "
  .. "signature you provided. Check your AWS Secret Access Key and signing "
  .. "method. Consult the service documentation for details.\n\nThe "
  .. "Canonical String for this request should have been\n'%s'\n\nThe "
  .. "String-to-Sign should have been\n'%s'\n"

local function find_credentials(self, id, request)
  for _, candidate in ipairs(self.credentials) do
    if candidate.access_key_id == id then
      local token = verify.header(request, "x-amz-security-token")
      if token ~= candidate.session_token then break end
      if candidate.expired then return refuse("ExpiredTokenException") end
      return candidate
    end
  end
  return refuse("UnrecognizedClientException")
end

local function check_signature(request, parts, who)
  local hash, name, message = payload_hash(request)
  if not hash then return nil, name, message end
  local canonical = verify.canonical_request(request,
    split(parts.SignedHeaders, ";"), hash)
  local text = verify.string_to_sign(who.date, who.scope, canonical)
  who.key = verify.key(who.secret, who.scope)
  who.signature = verify.sign(who.key, text)
  if who.signature ~= parts.Signature then
    return invalid(MISMATCH:format(canonical, text))
  end
  return who
end

local function check_sigv4(self, request, authorization, now)
  local parts, name, message = parse(authorization)
  if not parts then return nil, name, message end
  local date = verify.header(request, "x-amz-date")
  if not date then
    return refuse("IncompleteSignatureException", "Authorization header "
      .. "requires existence of either a 'X-Amz-Date' or a 'Date' header.")
  end
  local ok
  ok, name, message = check_coverage(request, split(parts.SignedHeaders, ";"))
  if not ok then return nil, name, message end
  local who
  who, name, message = check_scope(self, parts.Credential, date)
  if not who then return nil, name, message end
  local found
  found, name, message = find_credentials(self, who.access_key_id, request)
  if not found then return nil, name, message end
  ok, name, message = check_date(date, now)
  if not ok then return nil, name, message end
  who.kind, who.date, who.secret = "sigv4", date, found.secret_access_key
  return check_signature(request, parts, who)
end

local function check_bearer(self, token)
  if token == self.bearer_token then return { kind = "bearer" } end
  return refuse("AccessDeniedException",
    "Authentication failed: Please make sure your API Key is valid.")
end

local verify_mt = { __index = {} }

--- A verifier of the given credentials.
-- settings.credentials: list of { access_key_id, secret_access_key,
-- session_token (optional), expired (optional) }; settings.bearer_token;
-- settings.region: the only region accepted (nil: any).
function verify.new(settings)
  return setmetatable({
    credentials = settings.credentials or {},
    bearer_token = settings.bearer_token,
    region = settings.region,
  }, verify_mt)
end

--- Checks a request at time `now` (seconds since the epoch).
-- @return who: { kind = "sigv4"|"bearer", ... }, or nil, exception name,
-- message (nil: the exception's usual one)
function verify_mt.__index:check(request, now)
  local authorization = verify.header(request, "authorization")
  if not authorization then
    return refuse("MissingAuthenticationTokenException")
  end
  local token = authorization:match("^[Bb]earer%s+(.*)$")
  if token then return check_bearer(self, token) end
  return check_sigv4(self, request, authorization, now)
end

return verify
