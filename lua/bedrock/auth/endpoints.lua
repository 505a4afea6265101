--- Endpoints of the services that give credentials: what is configured
-- (AWS_ENDPOINT_URL_STS, `[services]`, FIPS, ...) and AWS's rules, together.

local errors = require "bedrock.errors"
local endpoint = require "bedrock.service.endpoint"

local endpoints = {}

-- Our names (those of AWS_ENDPOINT_URL_...) -> those of the rule sets.
local SERVICES = { sts = "sts", sso = "portal.sso", sso_oidc = "oidc",
  signin = "signin" }

-- STS's old host, where boto3 would still take it.
local function wants_global(settings, service)
  if service ~= "sts" then return false end
  local mode, err = settings:get "sts_regional_endpoints"
  if not mode then return nil, err end
  return mode == "legacy"
end

--- Where a service is reached.
-- @param settings  a bedrock.auth.settings
-- @param service   "sts", "sso", "sso_oidc" or "signin"
-- @param region    the region, where it is not the client's
-- @return as endpoint.resolve: { url = without a slash at its end,
--   authority, path, signing_region, ... }; or nil, err
function endpoints.resolve(settings, service, region)
  local given = { service = SERVICES[service], region = region }
  for _, name in ipairs { "region", "use_fips", "use_dualstack" } do
    if given[name] == nil then
      local value, err = settings:get(name)
      if errors.is(err) then return nil, err end
      given[name] = value
    end
  end
  local err
  given.use_global, err = wants_global(settings, service)
  if err then return nil, err end
  local url, source = settings:endpoint(service)
  if errors.is(source) then return nil, source end
  given.endpoint_url, given.endpoint_source = url, source
  return endpoint.resolve(given)
end

return endpoints
