--- AWS Security Token Service: the two calls that give credentials.
--
-- Its protocol is awsQuery: a form goes in, XML comes out.  Of the XML a
-- handful of leaf elements matter, so that a field reader does.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local endpoints = require "bedrock.auth.endpoints"
local excerpt = require "bedrock.auth.excerpt"
local request = require "bedrock.auth.request"
local trim = require "bedrock.auth.text".trim
local timestamp = require "bedrock.service.timestamp"

local sts = {}

local ENTITIES = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }

local function entity(name)
  local code = tonumber(name:match "^#(%d+)$")
    or tonumber(name:match "^#x(%x+)$" or "", 16)
  if code and code < 128 then return string.char(code) end
  return ENTITIES[name]
end

--- The text of the first element `name` that holds nothing but text.
-- (No class in it crosses a "<", so that hostile texts cost no more.)
function sts.field(xml, name)
  local inside = xml:match("<" .. name .. "%f[%s>][^<>]*>([^<]*)</" .. name
    .. "%s*>")
  return inside and trim((inside:gsub("&(#?%w+);", entity)))
end

local function form(action, parameters)
  local encode = core.bytes.uri_encode
  local parts = { "Action=" .. action, "Version=2011-06-15" }
  for _, pair in ipairs(parameters) do
    if pair[2] then
      parts[#parts + 1] = pair[1] .. "=" .. encode(tostring(pair[2]))
    end
  end
  return table.concat(parts, "&")
end

-- STS's time, as far as we know: context.skew is how far its clock was ahead
-- of ours when it last said so.
local function time_there(context)
  return context.now() + (context.skew or 0)
end

local function sign(context, at, body, credentials)
  local date = timestamp.iso8601(math.floor(time_there(context)))
    :gsub("[-:]", "")
  local headers = { ["content-type"] = "application/x-www-form-urlencoded",
    ["host"] = at.authority, ["x-amz-date"] = date,
    ["x-amz-security-token"] = credentials.session_token }
  local signature, message, code = core.sigv4.signer():sign({ method = "POST",
    path = at.path .. "/", query = "", headers = headers, normalize = true,
    payload_hash = core.bytes.sha256_hex(body) }, credentials,
    at.signing_region or "us-east-1", "sts", date)
  if not signature then
    return errors.failure("credentials", message, code)
  end
  headers.authorization = signature
  return headers
end

local function service_error(answer, action)
  local function words(name)
    local value = sts.field(answer.body, name)
    return value and excerpt.head(value, answer.secrets)
  end
  local code, message = words "Code", words "Message" or ""
  return errors.new("credentials", ("STS refused %s: %s"):format(action,
    code and (code .. ": " .. message) or "HTTP " .. answer.status), {
    code = code, status = answer.status,
    request_id = words "RequestId",
    retryable = answer.status >= 500 or answer.status == 429,
  })
end

-- "arn:aws:sts::123456789012:assumed-role/name/session" -> account.
local function account_of(arn)
  return arn and arn:match "^arn:[^:]*:[^:]*:[^:]*:(%d+):"
end

local function credentials_of(answer, action, source)
  local xml = answer.body
  local found = {
    access_key_id = sts.field(xml, "AccessKeyId"),
    secret_access_key = sts.field(xml, "SecretAccessKey"),
    session_token = sts.field(xml, "SessionToken"),
    expiration = timestamp.parse(sts.field(xml, "Expiration")),
    account_id = account_of(sts.field(xml, "Arn")),
    source = source,
  }
  if found.access_key_id and found.secret_access_key then return found end
  return nil, errors.new("credentials",
    ("STS answered %s without credentials"):format(action))
end

-- Answered with status 400, and yet it may pass by itself.  (botocore also
-- tries again after InvalidIdentityToken; by the Rust SDK's vector we do not.)
local PASSING = "IDPCommunicationError"

-- Codes that a wrong clock can be behind, and by how many seconds it is.
local SKEWED = { SignatureDoesNotMatch = true, RequestExpired = true,
  RequestTimeTooSkewed = true, RequestInTheFuture = true }
local SKEW = 240

local function mend_clock(context, answer)
  local there = timestamp.parse(answer.headers.date)
  local wrong = there and there - time_there(context) or 0
  if math.abs(wrong) < SKEW then return false end
  context.skew = there - context.now()
  context.log("warn", "the clock differs from that of STS",
    { seconds = context.skew })
  return true
end

-- Would one more try help?
local function mend(context, answer, signed)
  if not answer or answer.status == 200 then return false end
  local code = sts.field(answer.body, "Code")
  if signed then return SKEWED[code] and mend_clock(context, answer) end
  if code ~= PASSING then return false end
  context.host:sleep(context.random() * 0.1)
  return true
end

-- Proves who asks with `credentials`, or else with the token in the body.
local function ask(context, at, body, credentials, token)
  local err
  local headers = { ["content-type"] = "application/x-www-form-urlencoded" }
  if credentials then
    headers, err = sign(context, at, body, credentials)
    if not headers then return nil, err end
  end
  return request.send(context, { method = "POST", url = at.url .. "/",
    headers = headers, body = body, timeout = 10,
    secrets = { token or credentials.session_token } })
end

local function call(context, action, parameters, source, credentials, token)
  local at, err = endpoints.resolve(context.settings, "sts")
  if not at then return nil, err end
  local body = form(action, parameters)
  local answer
  answer, err = ask(context, at, body, credentials, token)
  if mend(context, answer, credentials ~= nil) then
    answer, err = ask(context, at, body, credentials, token)
  end
  if not answer then
    if err.kind == "config" or err.kind == "credentials" then
      return nil, err
    end
    return nil, errors.new("credentials", ("STS did not answer %s: %s")
      :format(action, err.message), { cause = err, retryable = true })
  end
  if answer.status ~= 200 then return nil, service_error(answer, action) end
  return credentials_of(answer, action, source)
end

--- A session name for roles whose profile gives none; CloudTrail shows it.
function sts.session_name(context)
  return ("lua-bedrock-%d"):format(math.floor(context.now()))
end

--- AssumeRole.
-- @param context  host, settings, now(), random()
-- @param role     role_arn, role_session_name, external_id,
--   duration_seconds, mfa_serial, mfa_code
-- @param credentials  those that sign
-- @return credentials, or nil, err
function sts.assume_role(context, role, credentials)
  return call(context, "AssumeRole", {
    { "RoleArn", role.role_arn },
    { "RoleSessionName", role.role_session_name or sts.session_name(context) },
    { "ExternalId", role.external_id },
    { "DurationSeconds", role.duration_seconds },
    { "SerialNumber", role.mfa_serial },
    { "TokenCode", role.mfa_code },
  }, "assume_role", credentials)
end

--- AssumeRoleWithWebIdentity; not signed.
-- @param role   role_arn, role_session_name, duration_seconds
-- @param token  the identity token
-- @return credentials, or nil, err
function sts.assume_role_with_web_identity(context, role, token)
  return call(context, "AssumeRoleWithWebIdentity", {
    { "RoleArn", role.role_arn },
    { "RoleSessionName", role.role_session_name or sts.session_name(context) },
    { "DurationSeconds", role.duration_seconds },
    { "WebIdentityToken", token },
  }, "web_identity", nil, token)
end

return sts
