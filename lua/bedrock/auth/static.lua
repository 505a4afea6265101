--- Keys that are known as they are: from a profile, or given in code.

local errors = require "bedrock.errors"
local timestamp = require "bedrock.lazy" "bedrock.service.timestamp"

local static = {}

local Static = { name = "static" }
Static.__index = Static

-- Name, and must it be there?
local FIELDS = { { "access_key_id", true }, { "secret_access_key", true },
  { "session_token" }, { "account_id" } }

local function problem(source, format, ...)
  return nil, errors.new("credentials", "credentials"
    .. (source and " from " .. tostring(source) or "") .. ": "
    .. format:format(...))
end

-- What is wrong with a field, or nil.
local function flaw(value, required)
  if value == nil then
    return required and "is missing (a table with access_key_id, "
      .. "secret_access_key and perhaps session_token is expected)" or nil
  elseif type(value) ~= "string" or value == "" then
    return "must be a text"
  elseif value:find "[%c]" then
    return "holds a control character"
  end
end

--- Credentials in the one form all providers use, checked: what goes into
-- headers can not break out of them.
-- @param given   table with access_key_id, secret_access_key, and perhaps
--   session_token, expiration (epoch seconds or ISO 8601), account_id
-- @param source  for credentials.source, where `given` has none
-- @return a copy; or nil, err
function static.check(given, source)
  if type(given) ~= "table" then
    return problem(source, "a table expected, got %s", type(given))
  end
  local copy = { source = given.source or source }
  for _, field in ipairs(FIELDS) do
    local name, required = field[1], field[2]
    local value = given[name]
    if value == "" and not required then value = nil end
    local wrong = flaw(value, required)
    if wrong then return problem(copy.source, "%s %s", name, wrong) end
    copy[name] = value
  end
  if given.expiration ~= nil then
    copy.expiration = timestamp.parse(given.expiration)
    if not copy.expiration then
      return problem(copy.source, "expiration is no time of ISO 8601")
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

Static.resolve_at_once = Static.resolve

return static
