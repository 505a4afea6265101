--- Credentials of an EC2 instance, from its metadata service (version 2).
--
--   PUT /latest/api/token                                    -> token
--   GET /latest/meta-data/iam/security-credentials/          -> role
--   GET /latest/meta-data/iam/security-credentials/ROLE      -> credentials
--
-- As in the Rust SDK there is no way back to version 1, and 403 means that
-- the service is disabled; botocore and the JavaScript SDK would try without
-- a token then.  One second per try, and no second try where nobody answers,
-- so that a machine which is no instance does not wait; who configures
-- botocore's `metadata_service_timeout` and `_num_attempts` gets those.
--
-- "Static stability": when it fails later, or gives credentials that have
-- expired, the last ones are used on, since EC2 accepts them.

local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local request = require "bedrock.auth.request"

local imds = {}

local DEFAULT = { ipv4 = "http://169.254.169.254",
  ipv6 = "http://[fd00:ec2::254]" }
local ROLES = "/latest/meta-data/iam/security-credentials/"
local ATTEMPTS = 4       -- of which 3 after a 5xx (Rust)
local TOKEN_TTL = 21600
local TOKEN_MARGIN = 120 -- seconds before its end that a token is renewed
local STAY = 600         -- seconds, plus up to half of it, that old ones stay

local Imds = { name = "imds" }
Imds.__index = Imds

--- @param context    settings, host, now(), random(), log
-- @param overrides  endpoint, mode ("IPv4", "IPv6"): given in code
function imds.new(context, overrides)
  return setmetatable({ context = context, overrides = overrides or {} }, Imds)
end

local function fail(kind, format, ...)
  return nil, errors.new(kind, "IMDS: " .. format:format(...))
end

local function check_url(url)
  if url:find "^https?://[%w%.%-%[%]:]+[%w%.%-/]*$" then
    return (url:gsub("/+$", ""))
  end
  return fail("config", "invalid uri character in the endpoint %q", url)
end

--- The base URL: endpoint in code > environment > profile > mode.
-- @return url, or nil, err
function imds.endpoint(settings, overrides)
  if overrides.endpoint then return check_url(overrides.endpoint) end
  local url, err = settings:get "imds_endpoint"
  if url then return check_url(url) end
  if errors.is(err) then return nil, err end
  local mode = overrides.mode
  if not mode then
    mode, err = settings:get "imds_endpoint_mode"
    if errors.is(err) then return nil, err end
  end
  url = DEFAULT[(mode or "IPv4"):lower()]
  if url then return url end
  return fail("config", "`%s` is not a valid endpoint mode", mode)
end

local function busy(answer)
  return answer ~= nil and answer.status >= 500
end

function Imds:send(method, path, headers)
  return request.send(self.context, { method = method, url = self.base .. path,
    headers = headers, proxy = "", timeout = self.timeout,
    attempts = self.attempts or ATTEMPTS,
    secrets = { headers["x-aws-ec2-metadata-token"] },
    retry = self.attempts and request.transient or busy })
end

-- Where and how to ask: true; or nil, err.
function Imds:prepare()
  local settings = self.context.settings
  local err
  self.base, err = imds.endpoint(settings, self.overrides)
  if not self.base then return nil, err end
  self.timeout, err = settings:get "imds_timeout"
  if not self.timeout then return nil, err end
  self.attempts, err = settings:get "imds_attempts"
  if errors.is(err) then return nil, err end
  return true
end

-- A session token: the known one, or a new one.
-- @return token; nil, nil, reason where nobody answers; nil, err
function Imds:session_token()
  local now = self.context.now()
  if self.token and now < self.token_end then return self.token end
  local answer, err = self:send("PUT", "/latest/api/token", {
    ["x-aws-ec2-metadata-token-ttl-seconds"] = tostring(TOKEN_TTL) })
  if not answer then
    return nil, nil, ("no answer from %s: %s"):format(self.base, err.message)
  elseif answer.status == 403 then
    return fail("credentials", "request forbidden: IMDS is disabled or the "
      .. "caller has insufficient permissions")
  elseif answer.status ~= 200 or answer.body == ""
    or not request.safe(answer.body) then
    return fail("credentials", "no session token from %s: HTTP %d", self.base,
      answer.status)
  end
  local ttl = answer.headers["x-aws-ec2-metadata-token-ttl-seconds"]
  ttl = tonumber(ttl) or TOKEN_TTL
  self.token, self.token_end = answer.body, now + ttl - TOKEN_MARGIN
  return self.token
end

-- GET with a token, once more with a new one if it is refused.
function Imds:get(path)
  for attempt = 1, 2 do
    local token, err, reason = self:session_token()
    if not token then return nil, err, reason end
    local answer
    answer, err = self:send("GET", path, {
      ["x-aws-ec2-metadata-token"] = token })
    if not answer then return fail("credentials", "%s", err.message) end
    if answer.status ~= 401 or attempt == 2 then return answer end
    self.token = nil
  end
end

-- The name of the instance's role: the first line of the list.
function Imds:role()
  local answer, err, reason = self:get(ROLES)
  if not answer then return nil, err, reason end
  if answer.status == 404 then
    return nil, nil, "the instance has no role attached"
  elseif answer.status ~= 200 then
    return fail("credentials", "no role from %s: HTTP %d", self.base,
      answer.status)
  end
  local role = answer.body:match "^%s*([%w+=,.@_-]+)%s*$"
    or answer.body:match "^%s*([%w+=,.@_-]+)[\r\n]"
  if role and role:find "%w" then return role end
  return fail("credentials", "the role's name makes no sense")
end

function Imds:fetch()
  local ready, err = self:prepare()
  if not ready then return nil, err end
  local role, answer, reason
  role, err, reason = self:role()
  if not role then return nil, err, reason end
  answer, err = self:get(ROLES .. role)
  if not answer then return nil, err end
  if answer.status ~= 200 then
    return fail("credentials", "no credentials for role %s: HTTP %d", role,
      answer.status)
  end
  return answers.service_credentials(answer, "imds")
end

-- Credentials that are over, for some more minutes.
function Imds:stay(found, why)
  local context, copy = self.context, {}
  for name, value in pairs(found) do copy[name] = value end
  copy.expiration = context.now() + STAY + context.random() * STAY / 2
  context.log("warn", "IMDS gives no fresh credentials; using the last ones",
    { reason = why, seconds = copy.expiration - context.now() })
  return copy
end

--- @return credentials; nil, nil, reason where this is no instance, it has no
--   role or AWS_EC2_METADATA_DISABLED is set; or nil, err
function Imds:resolve()
  local disabled, err = self.context.settings:get "imds_disabled"
  if disabled == nil then return nil, err end
  if disabled then return nil, nil, "AWS_EC2_METADATA_DISABLED is set" end
  local found, reason
  found, err, reason = self:fetch()
  if not found then
    if not self.last then return nil, err, reason end
    return self:stay(self.last, err and err.message or reason)
  end
  self.last = found
  if found.expiration and found.expiration <= self.context.now() then
    return self:stay(found, "they have expired")
  end
  return found
end

return imds
