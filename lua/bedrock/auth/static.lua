--- Keys that are known as they are: from a profile, or given in code.

local errors = require "bedrock.errors"
local timestamp = require "bedrock.service.timestamp"

local static = {}

local Static = { name = "static" }
Static.__index = Static

local FIELDS = { access_key_id = true, secret_access_key = true,
  session_token = false, account_id = false }

local function problem(text)
  return nil, errors.new("credentials", text)
end

local function check_text(given, name, required)
  local value = given[name]
  if value == nil and not required then return true end
  if type(value) ~= "string" or value == "" then
    return problem(("credentials: %s must be a text"):format(name))
  elseif value:find "[%c]" then
    return problem(("credentials: %s holds a control character"):format(name))
  end
  return true
end

--- Credentials in the one form all providers use, checked: what goes into
-- headers can not break out of them.
-- @param given   table with access_key_id, secret_access_key, and perhaps
--   session_token, expiration (epoch seconds or ISO 8601), account_id
-- @param source  for credentials.source, where `given` has none
-- @return a copy; or nil, err
function static.check(given, source)
  if type(given) ~= "table" then
    return problem("credentials: a table expected, got " .. type(given))
  end
  local copy = { source = given.source or source }
  for name, required in pairs(FIELDS) do
    local ok, err = check_text(given, name, required)
    if not ok then return nil, err end
    copy[name] = given[name]
  end
  if given.expiration ~= nil then
    copy.expiration = timestamp.parse(given.expiration)
    if not copy.expiration then
      return problem "credentials: expiration is no time"
    end
  end
  return copy
end

--- @param keys    as for check
-- @param source  "profile", "option"
function static.new(_, keys, source)
  return setmetatable({ keys = keys, source = source }, Static)
end

--- @return credentials, or nil, err
function Static:resolve()
  return static.check(self.keys, self.source)
end

return static
