--- IAM Identity Center ("SSO"): the token of `aws sso login`, and the role
-- credentials it opens.
--
--   ~/.aws/sso/cache/SHA1(session name | start URL).json   access token
--   POST https://oidc.REGION.../token                      a fresh one
--   GET  https://portal.sso.REGION.../federation/credentials
--
-- Tokens of an [sso-session] are refreshed when less than five minutes are
-- left (Rust, JavaScript) and written back; those of the older form, with
-- sso_start_url in the profile, cannot be.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local cache = require "bedrock.auth.cache"
local endpoints = require "bedrock.auth.endpoints"
local request = require "bedrock.auth.request"
local timestamp = require "bedrock.service.timestamp"

local sso = {}

local REFRESH_BEFORE = 300
local REFRESH_EVERY = 30 -- seconds between two attempts (JavaScript)

local Token = { name = "sso_token" }
Token.__index = Token

local Sso = { name = "sso" }
Sso.__index = Sso

local function fail(format, ...)
  return nil, errors.new("credentials", format:format(...))
end

--- The token of a session, as a provider: resolve() -> token, expiration.
-- @param context  settings, files, host, now(), random(), log
-- @param base     region, start_url, session (or nil), profile
function sso.token(context, base)
  return setmetatable({ context = context, base = base,
    advice = cache.advice("aws sso login", base.profile) }, Token)
end

--- Path of the token's cache file; nil where there is no home folder.
function Token:path()
  local key = self.base.session or self.base.start_url
  return self.context.settings:below_home(".aws", "sso", "cache",
    core.bytes.sha1_hex(key) .. ".json")
end

local function read(self)
  local path = self:path()
  local cached, err = cache.read(self.context, path, self.advice)
  if not cached then return nil, err end
  local ok
  ok, err = cache.require(cached, { "accessToken", "expiresAt" }, path,
    self.advice)
  if not ok then return nil, err end
  cached.expires = timestamp.parse(cached.expiresAt)
  if cached.expires then return cached end
  return fail("`%s`: expiresAt is no time; %s", path, self.advice)
end

-- What is needed to refresh is there, and the registration still holds?
local function refreshable(self, cached)
  if not self.base.session then return false end
  for _, name in ipairs { "clientId", "clientSecret", "refreshToken" } do
    if not answers.text(cached, name) then return false end
  end
  local ends = timestamp.parse(answers.text(cached, "registrationExpiresAt"))
  return not ends or ends > self.context.now()
end

local function ask_for_token(self, cached)
  local context = self.context
  local at, err = endpoints.resolve(context.settings, "sso_oidc",
    self.base.region)
  if not at then return nil, err end
  local answer
  answer, err = request.send(context, { method = "POST",
    url = at.url .. "/token", headers = {
      ["content-type"] = "application/json" },
    body = answers.encode { clientId = cached.clientId,
      clientSecret = cached.clientSecret, grantType = "refresh_token",
      refreshToken = cached.refreshToken },
    secrets = { cached.clientSecret, cached.refreshToken } })
  if not answer then return nil, err end
  local object = answers.object(answer.body) or {}
  if answer.status ~= 200 or not answers.text(object, "accessToken")
    or not answers.seconds(object, "expiresIn") then
    return fail("the SSO session could not be refreshed: %s",
      answers.refusal(answer))
  end
  return object
end

-- A fresh token into `cached` and into the file.
local function refresh(self, cached)
  local fresh, err = ask_for_token(self, cached)
  if not fresh then return nil, err end
  cached.accessToken = fresh.accessToken
  cached.refreshToken = answers.text(fresh, "refreshToken")
    or cached.refreshToken
  cached.expires = math.floor(self.context.now() + fresh.expiresIn)
  cached.expiresAt = cache.time(cached.expires)
  local written = {}
  for name, value in pairs(cached) do
    if name ~= "expires" then written[name] = value end
  end
  cache.write(self.context, self:path(), written)
  return true
end

-- Refresh unless that was tried a moment ago; a failure is forgiven while
-- the old token holds.
local function try_refresh(self, cached)
  local now = self.context.now()
  if self.tried and now - self.tried < REFRESH_EVERY then return end
  self.tried = now
  local ok, err = refresh(self, cached)
  if ok then return end
  self.context.log("warn", "the SSO token could not be refreshed",
    { error = tostring(err) })
  return err
end

--- @return token, expiration (epoch seconds); or nil, err
function Token:resolve()
  local cached, err = read(self)
  if not cached then return nil, err end
  local now = self.context.now()
  if cached.expires - now < REFRESH_BEFORE and refreshable(self, cached) then
    err = try_refresh(self, cached)
  end
  if cached.expires > self.context.now() then
    return cached.accessToken, cached.expires
  end
  return fail("the SSO session has expired%s; %s",
    err and " (" .. err.message .. ")" or "", self.advice)
end

--- Role credentials.
-- @param base  as for token, and account_id, role_name
function sso.new(context, base)
  return setmetatable({ context = context, base = base,
    token = sso.token(context, base) }, Sso)
end

local function credentials_of(self, answer)
  local object = answers.object(answer.body)
  local found = object and object.roleCredentials
  if type(found) ~= "table" or not answers.text(found, "accessKeyId")
    or not answers.text(found, "secretAccessKey") then
    return fail("SSO answered without credentials")
  end
  return { access_key_id = found.accessKeyId,
    secret_access_key = found.secretAccessKey,
    session_token = answers.text(found, "sessionToken"),
    expiration = type(found.expiration) == "number"
      and found.expiration / 1000 or nil,
    account_id = self.base.account_id, source = "sso" }
end

local function refused(self, answer)
  if answer.status == 401 then
    return fail("SSO does not accept the token (any more); %s",
      self.token.advice)
  end
  return fail("SSO gives no credentials for role %s in account %s: %s",
    self.base.role_name, self.base.account_id, answers.refusal(answer))
end

local function portal_request(self, url, token)
  local encode = core.bytes.uri_encode
  return { method = "GET", url = ("%s/federation/credentials?role_name=%s"
    .. "&account_id=%s"):format(url, encode(self.base.role_name),
      encode(self.base.account_id)),
    headers = { ["x-amz-sso_bearer_token"] = token }, secrets = { token } }
end

--- @return credentials, or nil, err
function Sso:resolve()
  local base, context = self.base, self.context
  if not base.account_id then
    return fail("selected profile will resolve an access token instead of "
      .. "credentials: set sso_account_id and sso_role_name in profile %s",
      base.profile)
  end
  local token, err = self.token:resolve()
  if not token then return nil, err end
  if not request.safe(token) then
    return fail("the SSO token holds a line break; %s", self.token.advice)
  end
  local at, answer
  at, err = endpoints.resolve(context.settings, "sso", base.region)
  if not at then return nil, err end
  answer, err = request.send(context, portal_request(self, at.url, token))
  if not answer then
    return fail("SSO did not answer: %s", err.message)
  elseif answer.status ~= 200 then
    return refused(self, answer)
  end
  return credentials_of(self, answer)
end

return sso
