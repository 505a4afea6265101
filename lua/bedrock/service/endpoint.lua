--- Where requests go: service, region and options -> a URL and who signs it.
--
-- The rules are those of AWS's endpoint rule sets for the five services that
-- a Bedrock client may have to speak to (itself and four that give out
-- credentials).  A host follows from the region (regions.lua), unless there
-- is an endpoint URL of the user's own.

local errors = require "bedrock.errors"

local regions = require "bedrock.lazy" "bedrock.service.regions"

local endpoint = {}

local function fail(message, code)
  return nil, errors.new("config", message,
    { code = code or "InvalidEndpoint", stage = "request" })
end

-- `deviates`: not all of its hosts have the common form.
local SERVICES = {
  ["bedrock-runtime"] = { signing_service = "bedrock" },
  ["sts"] = { signing_service = "sts", deviates = true },
  ["portal.sso"] = { signing_service = "awsssoportal", deviates = true },
  ["oidc"] = { signing_service = "sso-oauth", deviates = true },
  ["signin"] = { signing_service = "signin", deviates = true },
}

local DEFAULT_PORT = { http = 80, https = 443 }

local function split_authority(authority)
  local host, port = authority:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then host, port = authority:match("^([%w._-]+):?(%d*)$") end
  return host, port
end

-- What an error shows of a URL: what may hold a secret stays out.
local function unlike(url)
  if url:find("@", 1, true) then return "" end
  return (", unlike %q"):format(url:match("^[^?#]*"))
end

--- The parts of an http or https URL.
-- Its query and fragment are dropped, and so are slashes at the end.
-- @return { url, scheme, host, port, authority = what the Host header says,
--   path = "" or "/base" }; nil, error of kind "config"
function endpoint.parse(url)
  if url:find("[%z\1-\32\127-\255]") then
    return fail("an endpoint URL holds no spaces, control characters or"
      .. " bytes beyond ASCII")
  end
  local scheme, authority, rest = url:match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  scheme = scheme and scheme:lower()
  if not scheme or not DEFAULT_PORT[scheme] then
    return fail("an endpoint URL begins with http:// or https://" .. unlike(url))
  elseif authority:find("@", 1, true) then
    return fail("an endpoint URL holds no user name or password")
  end
  local host, port = split_authority(authority)
  if not host then
    return fail("an endpoint URL has a valid host" .. unlike(url))
  end
  local number = port ~= "" and tonumber(port) or DEFAULT_PORT[scheme]
  if number < 1 or number > 65535 then
    return fail(("an endpoint URL has a port from 1 to 65535, and not %s")
      :format(port))
  end
  host = host:lower()
  local shown = number ~= DEFAULT_PORT[scheme]
    and ("%s:%d"):format(host, number) or host
  local path = rest:match("^[^?#]*"):gsub("/+$", "")
  return {
    url = scheme .. "://" .. shown .. path, scheme = scheme, host = host,
    port = number, authority = shown, path = path,
  }
end

--- Is this host, as it stands in a URL, this machine itself?  Names are not
-- looked up: but for "localhost", only an address is.
function endpoint.is_loopback(host)
  if host:lower() == "localhost" or host:find "^%[[0:]+:0*1%]$" then
    return true
  end
  local parts = { host:match "^(127)%.(%d+)%.(%d+)%.(%d+)$" }
  for _, part in ipairs(parts) do
    if #part > 3 or tonumber(part) > 255 then return false end
  end
  return #parts == 4
end

-- fips-us-east-1 and us-east-1-fips are us-east-1 with FIPS asked for.
local function real_region(region)
  local real = region:match("^fips%-(.+)$") or region:match("^(.+)%-fips$")
  return real or region, real ~= nil
end

local function is_host_label(text)
  return #text <= 63 and text:find("^%w[%w-]*$") ~= nil
    and text:find("%-$") == nil
end

local function check_region(region)
  if region == nil then
    return fail("Invalid Configuration: Missing Region; set `region`,"
      .. " AWS_REGION or a profile's region", "MissingRegion")
  elseif not is_host_label(region) then
    return fail(("%q is no region: letters, digits and hyphens make one")
      :format(region), "InvalidRegion")
  end
  return true
end

local function check_custom(o)
  if o.use_fips then
    return fail("Invalid Configuration: FIPS and custom endpoint are not"
      .. " supported")
  elseif o.use_dualstack then
    return fail("Invalid Configuration: Dualstack and custom endpoint are not"
      .. " supported")
  elseif o.region ~= nil then
    return check_region(o.region) -- the signature names it
  end
  return true
end

local function custom(o)
  local at, err = check_custom(o)
  if at then at, err = endpoint.parse(o.endpoint_url) end
  if not at and o.endpoint_source then
    err.message = ("%s (endpoint_url comes from %s)"):format(err.message,
      o.endpoint_source)
  end
  return at, err
end

local function regional(o, service)
  local fine, err = check_region(o.region)
  if not fine then return nil, err end
  local host, signing_region = regions.host(o, service.deviates)
  if not host then return nil, signing_region end
  local at = endpoint.parse("https://" .. host)
  at.signing_region = signing_region
  return at
end

local function normalize(options)
  local o = {}
  for name, value in pairs(options) do o[name] = value end
  if o.region then
    local fips
    o.region, fips = real_region(o.region)
    o.use_fips = o.use_fips or fips
  end
  return o
end

--- Where a service is reached.
-- @param options  { service = "bedrock-runtime" "sts" "portal.sso" "oidc"
--   "signin", region, use_fips, use_dualstack, endpoint_url and for errors
--   endpoint_source, a text;
--   use_global = STS's old host, control_plane, oauth = signin's others }
-- @return { url = without a slash at the end, scheme, host, port,
--   authority = what the Host header says, path, signing_region,
--   signing_service }; nil, error of kind "config"
function endpoint.resolve(options)
  local service = assert(SERVICES[options.service], options.service)
  local o = normalize(options)
  if o.oauth and o.use_fips then
    return fail("FIPS endpoints are not supported for OAuth operations."
      .. " Disable FIPS or use a non-OAuth operation.")
  end
  local at, err
  if o.endpoint_url and not o.control_plane then
    at, err = custom(o)
  else
    at, err = regional(o, service)
  end
  if not at then return nil, err end
  at.signing_region = at.signing_region or o.region
  at.signing_service = service.signing_service
  return at
end

return endpoint
