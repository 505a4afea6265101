--- Bearer tokens (Bedrock API keys): what they are, and where one may go.
-- When one is used instead of SigV4 says bedrock.auth.schemes.

local endpoint = require "bedrock.service.endpoint"
local errors = require "bedrock.errors"
local lazy = require "bedrock.lazy"
local trim = require "bedrock.auth.text".trim

local credentials = lazy "bedrock.auth.credentials"
local plan = lazy "bedrock.auth.plan"
local sso = lazy "bedrock.auth.sso"

local bearer = {}

local function fail(kind, message)
  return nil, errors.new(kind, message)
end

-- A token that is text and fits into a header; never shown.
local function check(token, source)
  token = type(token) == "string" and trim(token) or ""
  if token:find "^[\33-\126]+$" then return token end
  return fail("config", ("the bearer token from %s is empty or holds "
    .. "characters that no token has; it is sent as it is, without \"Bearer\" "
    .. "or quotes"):format(source))
end

--- A provider of the chosen profile's SSO token.
-- @param context settings, files, host, now(), random(), log
-- @return provider (resolve() -> token, expiration); nil where the profile
--   has no SSO session; nil, err
function bearer.sso_provider(context)
  local properties, name, set = context.settings:chosen_profile()
  if not properties then return nil, name end
  if not properties.sso_session then return nil end
  local alone = { sso_session = properties.sso_session,
    sso_region = properties.sso_region,
    sso_start_url = properties.sso_start_url }
  local steps, err = plan.of({ profiles = { [name] = alone },
    sso_sessions = set.sso_sessions }, name)
  if not steps then return nil, err end
  return sso.token(context, steps.base)
end

local function as_it_is(found) return found end

-- The SSO token's life is that of credentials: renewed ahead of its end, once
-- for all who ask.
local function sso_life(context)
  local provider, err = bearer.sso_provider(context)
  if not provider then return nil, err end
  local given = { check = as_it_is, credentials = {
    resolve = function()
      local token, expiration = provider:resolve()
      if not token then return nil, expiration end
      return { token = token, expiration = expiration, source = "sso" }
    end } }
  for name, value in pairs(context) do given[name] = given[name] or value end
  return credentials.new(given)
end

--- The SSO token as a function; its life is kept with the context.
function bearer.sso_token(context, deadlines)
  local held, err
  if not context.sso_token then
    context.sso_token, err = sso_life(context)
    if not context.sso_token then return nil, err end
  end
  held, err = context.sso_token:get(deadlines)
  return held and held.token, err
end

--- The service refused the context's SSO token as expired.
function bearer.invalidate(context)
  local life = context.sso_token
  if life then life:invalidate(life.held) end
end

--- The token itself; may wait.
-- @param token    from schemes.choose: a string, or a function that gives
--   one (the user's, or the SSO session's)
-- @param source   from schemes.choose
-- @param context  settings, files, host, now(), random(), log; for a function
-- @param deadlines  as for host:send; nil: none
-- @return string, or nil, err
function bearer.token(token, source, context, deadlines)
  if type(token) == "function" then
    local given, err = token(context, deadlines)
    if given == nil then
      return nil, errors.from(err or "the bearer_token function gave nothing",
        "credentials")
    end
    token = given
  end
  return check(token, source)
end

--- May a token go to this URL?  Only over https, or to this machine.
-- @return true; or nil, err
function bearer.allowed(url)
  local scheme, authority = (url or ""):match "^(%a+)://([^/?#]*)"
  scheme = (scheme or ""):lower()
  if scheme == "https" then return true end
  local host = (authority or ""):gsub(":%d*$", "")
  if scheme == "http" and endpoint.is_loopback(host) then return true end
  return fail("config", ("a bearer token is only sent over https, or to this "
    .. "machine, and not to %s"):format(tostring(url)))
end

return bearer
