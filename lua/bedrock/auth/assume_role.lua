--- A role assumed with the credentials of another provider.
--
-- Where the role asks for a second factor (`mfa_serial`), the code comes
-- from the context's `mfa_code`, a function(serial) -> six digits, or nil, err.

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

local function fail(role, format, ...)
  return nil, errors.new("credentials", ("profile %s asks for the code of %s "
    .. "(mfa_serial), "):format(role.profile, role.mfa_serial)
    .. format:format(...))
end

-- Six digits, as a text; nil where they are none.  A number has lost the
-- zeros at its front.
local function digits(code)
  if type(code) == "number" and code >= 0 and code % 1 == 0 then
    code = ("%06.0f"):format(code)
  end
  return type(code) == "string" and code:match "^%s*(%d%d%d%d%d%d)%s*$"
end

-- The code that the user types in.
local function second_factor(self, role)
  local ask = self.context.mfa_code
  if not ask then
    return fail(role, "and nobody gives it: set the option mfa_code to a "
      .. "function(serial) that returns the code")
  end
  local code, err = ask(role.mfa_serial)
  if code == nil or code == false then
    return fail(role, "and mfa_code gave none%s", err and ": "
      .. errors.from(err, "credentials").message or "")
  end
  code = digits(code)
  if code then return code end
  return fail(role, "and what mfa_code gave is not six digits")
end

local function with_code(self)
  local role, copy = self.role, {}
  if not role.mfa_serial then return role end
  local code, err = second_factor(self, role)
  if not code then return nil, err end
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
