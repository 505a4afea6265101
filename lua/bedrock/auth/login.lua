--- The session of `aws login`: console credentials for this machine.
--
--   ~/.aws/login/cache/SHA256(login_session).json   credentials, tokens, key
--   POST https://REGION.signin.../v1/token          fresh ones, with a proof
--                                                   that we hold the key
--
-- The proof ("DPoP", RFC 9449) is a JSON Web Token signed with the cache's
-- EC key.  AWS_LOGIN_CACHE_DIRECTORY moves the folder.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local cache = require "bedrock.auth.cache"
local endpoints = require "bedrock.auth.endpoints"
local request = require "bedrock.auth.request"
local timestamp = require "bedrock.service.timestamp"

local login = {}

local REFRESH_BEFORE = 300

local Login = { name = "login" }
Login.__index = Login

--- @param context settings, files, host, now(), random(), log
-- @param base    login_session, profile
function login.new(context, base)
  return setmetatable({ context = context, base = base,
    advice = cache.advice("aws login", base.profile) }, Login)
end

local function fail(format, ...)
  return nil, errors.new("credentials", format:format(...))
end

function Login:path()
  local settings = self.context.settings
  local name = core.bytes.sha256_hex(self.base.login_session) .. ".json"
  local folder = settings:env "AWS_LOGIN_CACHE_DIRECTORY"
  if folder then return (folder:gsub("[/\\]+$", "")) .. "/" .. name end
  return settings:below_home(".aws", "login", "cache", name)
end

local function read(self)
  local path = self:path()
  local cached, err = cache.read(self.context, path, self.advice)
  if not cached then return nil, err end
  local ok
  ok, err = cache.require(cached, { "clientId", "refreshToken", "dpopKey" },
    path, self.advice)
  if not ok then return nil, err end
  local token = cached.accessToken
  if type(token) ~= "table" then
    return fail("`%s` lacks accessToken; %s", path, self.advice)
  end
  ok, err = cache.require(token, { "accessKeyId", "secretAccessKey",
    "sessionToken", "expiresAt" }, path, self.advice)
  if not ok then return nil, err end
  local expires = timestamp.parse(token.expiresAt)
  if expires then return cached, expires end
  return fail("`%s`: expiresAt is no time; %s", path, self.advice)
end

local function credentials_of(token, expires)
  return { access_key_id = token.accessKeyId,
    secret_access_key = token.secretAccessKey,
    session_token = token.sessionToken, account_id = answers.text(token,
    "accountId"), expiration = expires, source = "login" }
end

-- Base64 with the URL's alphabet and no padding (RFC 7515, appendix C).
local function base64url(bytes)
  return (core.bytes.base64_encode(bytes):gsub("[+/=]",
    { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

--- A proof that we hold the key (RFC 9449, section 4.2).
-- @param pem   the EC key
-- @param url   the URL of the POST that carries it
-- @param now   epoch seconds
-- @param id    a name that no other proof has
-- @return the token; or nil, err
function login.proof(pem, url, now, id)
  local x, y = core.ecdsa.public(pem)
  if not x then return fail("the login session's key: %s", y) end
  local head = answers.encode { typ = "dpop+jwt", alg = "ES256", jwk = {
    kty = "EC", crv = "P-256", x = base64url(x), y = base64url(y) } }
  local claims = answers.encode { htm = "POST", htu = url,
    iat = math.floor(now), jti = id }
  local signed = base64url(head) .. "." .. base64url(claims)
  local signature, message = core.ecdsa.sign(pem, signed)
  if not signature then
    return fail("the login session's key: %s", message)
  end
  return signed .. "." .. base64url(signature)
end

-- What sign-in says when it refuses, in the user's terms (AccessDenied's
-- `error` member).
local REFUSALS = {
  TOKEN_EXPIRED = "the login session has expired",
  USER_CREDENTIALS_CHANGED = "the password has changed since the login",
  INSUFFICIENT_PERMISSIONS =
    "the user lacks the permission signin:CreateOAuth2Token",
}

local function refused(self, answer)
  local object = answers.object(answer.body) or {}
  local reason = REFUSALS[answers.text(object, "error") or ""]
    or ("sign-in refused to refresh the login session: HTTP %d")
      :format(answer.status)
  return fail("%s; %s", reason, self.advice)
end

local function ask(self, cached)
  local context = self.context
  local at, err = endpoints.resolve(context.settings, "signin",
    answers.text(cached, "signInRegion"))
  if not at then return nil, err end
  local url = at.url .. "/v1/token"
  local proof
  proof, err = login.proof(cached.dpopKey, url, context.now(),
    core.bytes.uuid4())
  if not proof then return nil, err end
  local answer
  answer, err = request.send(context, { method = "POST", url = url,
    headers = { ["content-type"] = "application/json", dpop = proof },
    body = answers.encode { clientId = cached.clientId,
      grantType = "refresh_token", refreshToken = cached.refreshToken },
    secrets = { cached.refreshToken } })
  if not answer then return fail("sign-in did not answer: %s", err.message) end
  if answer.status ~= 200 then return refused(self, answer) end
  return answers.object(answer.body)
end

-- Fresh credentials into `cached` and into the file.
local function refresh(self, cached)
  local fresh, err = ask(self, cached)
  if err then return nil, err end
  local token = fresh and fresh.accessToken
  if type(token) ~= "table" or not answers.text(token, "accessKeyId")
    or not answers.text(token, "secretAccessKey")
    or not answers.text(token, "sessionToken")
    or not answers.seconds(fresh, "expiresIn") then
    return fail("sign-in answered without credentials; %s", self.advice)
  end
  local expires = math.floor(self.context.now() + fresh.expiresIn)
  token.expiresAt = cache.time(expires)
  token.accountId = answers.text(token, "accountId")
    or cached.accessToken.accountId
  cached.accessToken = token
  cached.refreshToken = answers.text(fresh, "refreshToken")
    or cached.refreshToken
  cache.write(self.context, self:path(), cached)
  return credentials_of(token, expires)
end

--- @return credentials, or nil, err
function Login:resolve()
  local cached, expires = read(self)
  if not cached then return nil, expires end
  local now = self.context.now()
  if expires - now >= REFRESH_BEFORE then
    return credentials_of(cached.accessToken, expires)
  end
  local found, err = refresh(self, cached)
  if found then return found end
  if expires <= now then return nil, err end
  self.context.log("warn", "the login session could not be refreshed",
    { error = tostring(err) })
  return credentials_of(cached.accessToken, expires)
end

return login
