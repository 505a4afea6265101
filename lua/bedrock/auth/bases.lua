--- What a profile may be beside keys, as data (see plan.lua): a role, web
-- identity, SSO, a login session, a process.
--
-- Where one profile could be several things AWS's SDKs disagree, and no vector
-- decides; static keys, web identity, SSO, login session, process is the order
-- that most of them share.

local profile = require "bedrock.auth.profile"

local fail, value = profile.fail, profile.value

local bases = {}

--- The role that a profile describes.
function bases.role(properties, name)
  return { profile = name, role_arn = value(properties, "role_arn"),
    role_session_name = value(properties, "role_session_name"),
    external_id = value(properties, "external_id"),
    mfa_serial = value(properties, "mfa_serial"),
    duration_seconds = value(properties, "duration_seconds") }
end

local function web_identity(set, properties, name)
  local file = value(properties, "web_identity_token_file")
  if not file then return nil end
  if not value(properties, "role_arn") then
    return fail(set, name, "web_identity_token_file",
      "`web_identity_token_file` was specified but `role_arn` was missing in "
      .. "profile %s", name)
  end
  local base = bases.role(properties, name)
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
  web_identity, sso,
  function(_, properties, name) return login(properties, name) end,
  function(_, properties, name) return process(properties, name) end,
}

--- The base of a profile.
-- @return { kind =, profile = its name, ... }; nil, nil, reason where the
--   profile is none of them; nil, err
function bases.of(set, name)
  for _, try in ipairs(ORDER) do
    local base, err = try(set, set.profiles[name], name)
    if base or err then return base, err end
  end
  return nil, nil, ("profile `%s` did not contain credential information")
    :format(name)
end

return bases
