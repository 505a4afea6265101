--- Where hosts of the services that give out credentials deviate from the
-- common form (regions.lua).
--
--     hosts[service](options, partition) -> host, signing region
--                                           | nil: it is the common form

local hosts = {}

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

function hosts.sts(o, partition)
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

function hosts.signin(o, partition)
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

hosts["portal.sso"] = gov_is_fips("portal.sso")
hosts.oidc = gov_is_fips("oidc")

return hosts
