--- The options of `bedrock.new`: their names and types.

local nearest = require "bedrock.lazy" "bedrock.nearest"

local options = {}

local function is(...)
  local kinds = {}
  for _, kind in ipairs { ... } do kinds[kind] = true end
  return function(value) return kinds[type(value)] end, table.concat({ ... },
    " or ")
end

local function seconds(value)
  return type(value) == "number" and value > 0 and value < math.huge
end

local function whole(most)
  return function(value)
    return type(value) == "number" and value >= 1 and value % 1 == 0
      and value <= most
  end, ("a whole number from 1 to %d"):format(most)
end

local function one_of(...)
  local allowed = { ... }
  return function(value)
    for _, item in ipairs(allowed) do
      if value == item then return true end
    end
  end, "one of " .. table.concat(allowed, ", ")
end

local KNOWN = {}
local function known(name, check, expected)
  KNOWN[name] = { check = check, expected = expected }
end

known("region", is "string")
known("profile", is "string")
known("credentials", is("table", "function"))
known("mfa_code", is "function")
known("bearer_token", is("string", "function"))
known("auth", one_of("sigv4", "bearer"))
known("endpoint_url", is "string")
known("use_fips", is "boolean")
known("use_dualstack", is "boolean")
known("connect_timeout", seconds, "seconds above 0")
known("idle_timeout", seconds, "seconds above 0")
known("total_timeout", seconds, "seconds above 0")
known("max_attempts", whole(9999))
known("retry_mode", one_of("standard", "adaptive", "off"))
known("retry_timeouts", is "boolean")
known("proxy", is "string")
known("ca_bundle", is "string")
known("http_version", one_of("1.1", "2"))
known("max_event_bytes", whole(2 ^ 31 - 1))
known("validate", is "boolean")
known("app_id", is "string")
known("host", is "table")
known("env", is("table", "function"))
known("log", is "function")

local function problem(name, value)
  local option = KNOWN[name]
  if not option then
    local names = {}
    for key in pairs(KNOWN) do names[#names + 1] = key end
    local meant = nearest.find(tostring(name), names)
    return ("unknown option %q%s"):format(tostring(name),
      meant and (", did you mean %q?"):format(meant) or "")
  elseif not option.check(value) then
    return ("option %q: expected %s, got %s"):format(name, option.expected,
      type(value) == "string" and ("%q"):format(value) or type(value))
  end
end

--- A copy of the user's options; raises for an unknown one or a wrong type.
function options.check(given)
  if given == nil then return {} end
  if type(given) ~= "table" then
    error("bedrock.new: a table of options expected, got " .. type(given), 3)
  end
  local copy = {}
  for name, value in pairs(given) do
    local message = problem(name, value)
    if message then error("bedrock.new: " .. message, 3) end
    copy[name] = value
  end
  return copy
end

return options
