--- The host that serves a region.  Nearly all are of one form,
--
--     <service>[-fips].<region>.<the partition's domain>
--
-- and hosts.lua says where one deviates.

local errors = require "bedrock.errors"
local partitions = require "bedrock.service.partitions"

local hosts = require "bedrock.lazy" "bedrock.service.hosts"

local regions = {}

--- The partition of a region: { name, domain, dualstack_domain, fips,
-- dualstack, global_region }.  Regions that are not known yet are AWS's own.
function regions.partition(region)
  local prefix = region:match("^(.+)%-[%w_]+%-%d+$")
  local id = partitions.regions[region] or partitions.prefixes[prefix or ""]
  return partitions.known[id or "aws"]
end

local function common_host(o, partition)
  local fips, dualstack = o.use_fips, o.use_dualstack
  if fips and not partition.fips or dualstack and not partition.dualstack then
    local wanted = fips and dualstack and "FIPS and DualStack are enabled"
      or fips and "FIPS is enabled" or "DualStack is enabled"
    return nil, errors.new("config", wanted .. ", but the partition "
      .. partition.name .. " does not support it", {
      code = "InvalidEndpoint", stage = "request" })
  end
  return o.service .. (fips and "-fips." or ".") .. o.region .. "."
    .. (dualstack and partition.dualstack_domain or partition.domain)
end

--- The host of a service in a region.
-- @param o the options of endpoint.resolve; `region` is a checked one
-- @param deviates may it be of another form than the common one?
-- @return host, and the region to sign for where it is another one; or nil,
--   err
function regions.host(o, deviates)
  local partition = regions.partition(o.region)
  if deviates then
    local host, signing_region = hosts[o.service](o, partition)
    if host then return host, signing_region end
  end
  return common_host(o, partition)
end

return regions
