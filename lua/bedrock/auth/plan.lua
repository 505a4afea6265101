--- How a profile leads to credentials, as data; nothing is asked yet.
--
--     [profile a] role_arn, source_profile = b      roles: role of a
--     [profile b] aws_access_key_id, ...            base:  static keys of b
--
-- The rules are those of the Rust SDK's "assume-role-tests": a role profile
-- leads on to its source; from the second profile on static keys end the
-- walk.  Where one profile could be several things AWS's SDKs disagree, and
-- no vector decides; static keys, web identity, SSO, login session, process
-- is the order that most of them share.

local errors = require "bedrock.errors"
local profile = require "bedrock.auth.profile"

local plan = {}

local SOURCES = { Ec2InstanceMetadata = true, EcsContainer = true,
  Environment = true }

-- The error about a key of a profile, and where that key stands.
local function fail(set, name, key, format, ...)
  local origin = set.origin and set:origin("profiles", name, key)
  return nil, errors.new("config", format:format(...)
    .. (origin and (" (%s)"):format(origin) or ""))
end

local function value(properties, key)
  local text = properties[key]
  if text and text ~= "" then return text end
end

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

local function role(properties, name)
  local duration = value(properties, "duration_seconds")
  return { profile = name, role_arn = value(properties, "role_arn"),
    role_session_name = value(properties, "role_session_name"),
    external_id = value(properties, "external_id"),
    mfa_serial = value(properties, "mfa_serial"),
    duration_seconds = duration }
end

local function web_identity(set, properties, name)
  local file = value(properties, "web_identity_token_file")
  if not file then return nil end
  if not value(properties, "role_arn") then
    return fail(set, name, "web_identity_token_file",
      "`web_identity_token_file` was specified but `role_arn` was missing in "
      .. "profile %s", name)
  end
  local base = role(properties, name)
  base.kind, base.web_identity_token_file = "web_identity", file
  return base
end

-- A key that may stand in the profile only if the session says the same.
local function in_session(set, properties, session, key, name)
  local here, there = value(properties, key), value(session, key)
  if here and here ~= there then
    return fail(set, name, key, "`%s` can only be specified in the "
      .. "[sso-session] config when a session name is given, or must be the "
      .. "same there (profile %s)", key, name)
  elseif not there then
    return fail(set, name, "sso_session",
      "`%s` is missing in the [sso-session] of profile %s", key, name)
  end
  return there
end

local function sso_session(set, properties, name, base)
  local session = (set.sso_sessions or {})[base.session]
  if not session then
    return fail(set, name, "sso_session", "sso-session named `%s` "
      .. "(referenced by profile `%s`) was not found", base.session, name)
  end
  local err
  base.region, err = in_session(set, properties, session, "sso_region", name)
  if not base.region then return nil, err end
  base.start_url, err = in_session(set, properties, session, "sso_start_url",
    name)
  if not base.start_url then return nil, err end
  return base
end

local function sso_legacy(set, properties, name, base)
  base.region = value(properties, "sso_region")
  base.start_url = value(properties, "sso_start_url")
  if not base.region then
    return fail(set, name, "sso_start_url",
      "`sso_region` is missing in profile %s", name)
  elseif not base.start_url then
    return fail(set, name, "sso_region",
      "`sso_start_url` is missing in profile %s", name)
  elseif not base.account_id then
    return fail(set, name, "sso_start_url",
      "`sso_account_id` and `sso_role_name` are missing in profile %s", name)
  end
  return base
end

local function sso(set, properties, name)
  local base = { kind = "sso", profile = name,
    session = value(properties, "sso_session"),
    account_id = value(properties, "sso_account_id"),
    role_name = value(properties, "sso_role_name") }
  if not (base.session or base.account_id or base.role_name
    or properties.sso_region or properties.sso_start_url) then
    return nil
  end
  if base.role_name and not base.account_id then
    return fail(set, name, "sso_role_name", "if `sso_role_name` is set, then "
      .. "`sso_account_id` must also be set (profile %s)", name)
  elseif base.account_id and not base.role_name then
    return fail(set, name, "sso_account_id", "if `sso_account_id` is set, "
      .. "then `sso_role_name` must also be set (profile %s)", name)
  end
  if base.session then return sso_session(set, properties, name, base) end
  return sso_legacy(set, properties, name, base)
end

local function login(properties, name)
  local session = value(properties, "login_session")
  if session then
    return { kind = "login", profile = name, login_session = session }
  end
end

local function process(properties, name)
  local command = value(properties, "credential_process")
  if not command then return nil end
  return { kind = "process", profile = name, command = command,
    account_id = value(properties, "aws_account_id") }
end

local ORDER = {
  static, web_identity, sso,
  function(_, properties, name) return login(properties, name) end,
  function(_, properties, name) return process(properties, name) end,
}

-- What a profile without a role, or at the end of a chain, is.
local function base_of(set, name)
  for _, try in ipairs(ORDER) do
    local base, err = try(set, set.profiles[name], name)
    if base or err then return base, err end
  end
  return nil, nil, ("profile `%s` did not contain credential information")
    :format(name)
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
  table.insert(result.roles, 1, role(properties, name))
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
