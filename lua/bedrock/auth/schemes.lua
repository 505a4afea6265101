--- Which way a client says who asks: SigV4, or a bearer token.
--
--   option auth = "sigv4" | "bearer"       decides
--   option bearer_token                    bearer
--   AWS_BEARER_TOKEN_BEDROCK               bearer, also where credentials
--                                          are given in code (AWS's SDKs)
--   AWS_AUTH_SCHEME_PREFERENCE, profile    bearer if it comes first there and
--                                          the profile has an sso_session
--   otherwise                              sigv4
--
-- With a bearer token nobody asks the credential chain.

local errors = require "bedrock.errors"

local bearer = require "bedrock.lazy" "bedrock.auth.bearer"

local schemes = {}

-- Is bearer preferred, and could there be a token?
local function preferred(settings)
  local list, source = settings:get "auth_scheme_preference"
  if not list then
    if errors.is(source) then return nil, source end
    return false
  end
  if list[1] ~= "bearer" then return false, list[1] and source end
  local properties, err = settings:chosen_profile()
  if not properties then return nil, err end
  if properties.sso_session then return true, source end
  return false
end

-- auth = "bearer", and no token was given.
local function demanded(settings)
  local properties, err = settings:chosen_profile()
  if not properties then return nil, err end
  if properties.sso_session then return "bearer", bearer.sso_token, "option" end
  return nil, errors.new("credentials", "auth is \"bearer\", but there is no "
    .. "token: set AWS_BEARER_TOKEN_BEDROCK or the option bearer_token")
end

--- Which way to say who asks.
-- @param settings  bedrock.auth.settings
-- @param options   the client's options (default: the settings' own)
-- @return "sigv4", nil, source; "bearer", token, source: token is for
--   bearer.token; or nil, err
function schemes.choose(settings, options)
  options = options or settings.options
  if options.auth == "sigv4" then return "sigv4", nil, "option" end
  local token, source = settings:get "bearer_token"
  if token then return "bearer", token, source end
  if options.auth == "bearer" then return demanded(settings) end
  local first
  first, source = preferred(settings)
  if first == nil then return nil, source end
  if first then return "bearer", bearer.sso_token, source end
  return "sigv4", nil, source or "default"
end

return schemes
