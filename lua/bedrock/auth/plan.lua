--- How a profile leads to credentials, as data; nothing is asked yet.
--
--     [profile a] role_arn, source_profile = b      roles: role of a
--     [profile b] aws_access_key_id, ...            base:  static keys of b
--
-- The rules are those of the Rust SDK's "assume-role-tests": a role profile
-- leads on to its source; from the second profile on static keys end the
-- walk.  What a profile may be beside keys is told in bases.lua.

local errors = require "bedrock.errors"
local profile = require "bedrock.auth.profile"

local bases = require "bedrock.lazy" "bedrock.auth.bases"

local fail, value = profile.fail, profile.value

local plan = {}

local SOURCES = { Ec2InstanceMetadata = true, EcsContainer = true,
  Environment = true }

local function static(set, properties, name)
  local id = value(properties, "aws_access_key_id")
  local secret = value(properties, "aws_secret_access_key")
  if not id and not secret then return nil end
  if not secret then
    return fail(set, name, "aws_access_key_id",
      "profile missing aws_secret_access_key: %s has only the id", name)
  elseif not id then
    return fail(set, name, "aws_secret_access_key",
      "profile missing aws_access_key_id: %s has only the secret", name)
  end
  return { kind = "static", profile = name, access_key_id = id,
    secret_access_key = secret,
    session_token = value(properties, "aws_session_token")
      or value(properties, "aws_security_token"), -- the old name (boto)
    account_id = value(properties, "aws_account_id") }
end

-- What a profile without a role, or at the end of a chain, is.
local function base_of(set, name)
  local base, err = static(set, set.profiles[name], name)
  if base or err then return base, err end
  return bases.of(set, name)
end

-- Where a role profile gets the credentials to assume its role with.
-- @return name of a profile, or nil and the base itself; or nil, nil, err
local function source_of(set, name)
  local properties = set.profiles[name]
  local from = value(properties, "source_profile")
  local named = value(properties, "credential_source")
  local function wrong(key, format, ...)
    return nil, fail(set, name, key, format, ...)
  end
  if from and named then
    return wrong("credential_source",
      "profile contained both source_profile and credential_source: %s", name)
  elseif from then
    return from
  elseif not named then
    return wrong("role_arn", "profile must contain `source_profile` or "
      .. "`credential_source` beside role_arn: %s", name)
  elseif not SOURCES[named] then
    return wrong("credential_source", "profile %s: credential_source must be "
      .. "Ec2InstanceMetadata, EcsContainer or Environment, and is %q", name,
      named)
  end
  return nil, { kind = "named", source = named, profile = name }
end

-- One end of the walk: a base that is missing is an error once another
-- profile counts on it.
local function finish(result, base, err, reason)
  if base then
    result.base = base
    return result
  elseif err then
    return nil, err
  elseif #result.roles > 0 then
    return nil, errors.new("config", reason)
  end
  return nil, nil, reason
end

local function walk(set, name, result, path)
  local properties = set.profiles[name]
  if not properties then
    return fail(set, path[#path], "source_profile",
      "could not find source profile %s referenced from %s: %s", name,
      path[#path], profile.known(set.profiles))
  end
  path[#path + 1] = name
  if path[name] then
    return fail(set, path[#path - 1], "source_profile",
      "profile formed an infinite loop: %s", table.concat(path, " -> "))
  end
  path[name] = true
  if #path > 1 and value(properties, "aws_access_key_id")
    and value(properties, "aws_secret_access_key") then
    return finish(result, static(set, properties, name))
  end
  if not value(properties, "role_arn")
    or value(properties, "web_identity_token_file") then
    return finish(result, base_of(set, name))
  end
  local source, base, err = source_of(set, name)
  if err then return nil, err end
  table.insert(result.roles, 1, bases.role(properties, name))
  if base then return finish(result, base) end
  if source == name then return finish(result, base_of(set, name)) end
  return walk(set, source, result, path)
end

--- The plan for a profile.
-- @param set   profiles and sso_sessions (bedrock.auth.profile)
-- @param name  of the profile
-- @return { base =, roles = } with the roles in the order of assuming;
--   nil, nil, reason where the profile configures no credentials; nil, err
function plan.of(set, name)
  if not next(set.profiles) then return nil, nil, "No profiles were defined" end
  if not set.profiles[name] then
    return nil, nil, ("there is no profile %s"):format(name)
  end
  return walk(set, name, { roles = {} }, {})
end

return plan
