--- Where requests go: service, region and options -> a URL and who signs it.
--
-- The rules are those of AWS's endpoint rule sets for the five services that
-- a Bedrock client may have to speak to (itself and four that give out
-- credentials).  All of them are hosts of one form
--
--     <prefix>[-fips].<region>.<the partition's domain>
--
-- and the table below says where one of them deviates.

local errors = require "bedrock.errors"

local endpoint = {}

local function fail(message, code)
  return nil, errors.new("config", message,
    { code = code or "InvalidEndpoint", stage = "request" })
end

local partitions -- loaded when the first region has to be looked at

--- The partition of a region: { name, domain, dualstack_domain, fips,
-- dualstack, global_region }.  Regions that are not known yet are AWS's own.
function endpoint.partition(region)
  partitions = partitions or require "bedrock.service.partitions"
  local prefix = region:match("^(.+)%-[%w_]+%-%d+$")
  local id = partitions.regions[region] or partitions.prefixes[prefix or ""]
  return partitions.known[id or "aws"]
end

-- GovCloud's ordinary hosts of these services are FIPS validated.
local function gov_is_fips(prefix)
  return function(o, partition)
    if partition.name == "aws-us-gov" and o.use_fips
      and not o.use_dualstack then
      return prefix .. "." .. o.region .. ".amazonaws.com"
    end
  end
end

-- Regions that were once served by sts.amazonaws.com; they still are where
-- `sts_regional_endpoints = legacy` asks for it.
local STS_LEGACY = {
  ["ap-northeast-1"] = true, ["ap-south-1"] = true, ["ap-southeast-1"] = true,
  ["ap-southeast-2"] = true, ["ca-central-1"] = true, ["eu-central-1"] = true,
  ["eu-north-1"] = true, ["eu-west-1"] = true, ["eu-west-2"] = true,
  ["eu-west-3"] = true, ["sa-east-1"] = true, ["us-east-1"] = true,
  ["us-east-2"] = true, ["us-west-1"] = true, ["us-west-2"] = true,
}

local sts_gov = gov_is_fips("sts")

local function sts(o, partition)
  local plain = not o.use_fips and not o.use_dualstack
  if plain and (o.region == "aws-global"
    or o.use_global and STS_LEGACY[o.region]) then
    return "sts.amazonaws.com", "us-east-1"
  end
  return sts_gov(o, partition)
end

local SIGNIN_DOMAINS = {
  ["aws"] = "aws.amazon.com",
  ["aws-cn"] = "amazonaws.cn",
  ["aws-us-gov"] = "amazonaws-us-gov.com",
  ["aws-iso"] = "c2shome.ic.gov",
  ["aws-iso-b"] = "sc2shome.sgov.gov",
  ["aws-iso-e"] = "csphome.adc-e.uk",
  ["aws-iso-f"] = "csphome.hci.ic.gov",
  ["aws-eusc"] = "amazonaws-eusc.eu",
}

local function signin(o, partition)
  local gov = partition.name == "aws-us-gov"
  if o.control_plane then
    return "signin." .. o.region .. "." .. partition.dualstack_domain
  elseif o.oauth and partition.name == "aws" then
    return o.region .. ".oauth.signin.aws"
  elseif not o.use_fips and not o.use_dualstack then
    return o.region .. ".signin."
      .. (SIGNIN_DOMAINS[partition.name] or partition.domain)
  elseif gov and o.use_fips and not o.use_dualstack then
    return o.region == "us-gov-west-1" and "signin-fips.amazonaws-us-gov.com"
      or o.region .. ".signin-fips.amazonaws-us-gov.com"
  end
end

-- host(options, partition) -> host, signing region; nil for the common form.
local SERVICES = {
  ["bedrock-runtime"] = { signing_service = "bedrock" },
  ["sts"] = { signing_service = "sts", host = sts },
  ["portal.sso"] = {
    signing_service = "awsssoportal", host = gov_is_fips("portal.sso"),
  },
  ["oidc"] = { signing_service = "sso-oauth", host = gov_is_fips("oidc") },
  ["signin"] = { signing_service = "signin", host = signin },
}

local function common_host(o, partition)
  local fips, dualstack = o.use_fips, o.use_dualstack
  if fips and not partition.fips or dualstack and not partition.dualstack then
    local wanted = fips and dualstack and "FIPS and DualStack are enabled"
      or fips and "FIPS is enabled" or "DualStack is enabled"
    return fail(wanted .. ", but the partition " .. partition.name
      .. " does not support it")
  end
  return o.service .. (fips and "-fips." or ".") .. o.region .. "."
    .. (dualstack and partition.dualstack_domain or partition.domain)
end

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
  local partition = endpoint.partition(o.region)
  local host, signing_region
  if service.host then host, signing_region = service.host(o, partition) end
  if not host then
    host, err = common_host(o, partition)
    if not host then return nil, err end
  end
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
