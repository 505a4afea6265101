--- A role assumed with the credentials of another provider.
--
-- Where the role asks for a second factor (`mfa_serial`), the code comes
-- from the context's `mfa_code`, a function(serial) -> code or nil, err.

local errors = require "bedrock.errors"
local sts = require "bedrock.auth.sts"

local assume_role = {}

local AssumeRole = { name = "assume_role" }
AssumeRole.__index = AssumeRole

--- @param context  settings, host, now(), random(), mfa_code
-- @param role     role_arn, role_session_name, external_id,
--   duration_seconds, mfa_serial, profile
-- @param source   provider of the credentials that sign
function assume_role.new(context, role, source)
  return setmetatable({ context = context, role = role, source = source },
    AssumeRole)
end

local function with_code(self)
  local role, ask = self.role, self.context.mfa_code
  if not role.mfa_serial then return role end
  if not ask then
    return nil, errors.new("credentials", ("profile %s asks for a second "
      .. "factor (mfa_serial), and nobody gives its code; get session "
      .. "credentials elsewhere, or remove mfa_serial"):format(role.profile))
  end
  local code, err = ask(role.mfa_serial)
  if not code then
    return nil, errors.from(err or "no code was given", "credentials")
  end
  local copy = {}
  for name, value in pairs(role) do copy[name] = value end
  copy.mfa_code = code
  return copy
end

--- @return credentials; nil, nil, reason where the source has none; nil, err
function AssumeRole:resolve()
  local keys, err, reason = self.source:resolve()
  if not keys then return nil, err, reason end
  local role
  role, err = with_code(self)
  if not role then return nil, err end
  local found
  found, err = sts.assume_role(self.context, role, keys)
  if found then return found end
  err.message = ("profile %s, role %s: %s"):format(role.profile, role.role_arn,
    err.message)
  return nil, err
end

return assume_role
