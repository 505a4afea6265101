--- The options of `bedrock.new`: their names and types.

local nearest = require "bedrock.lazy" "bedrock.nearest"

local options = {}

local SECONDS = "seconds above 0"

-- Option -> what it may be: a type or two, seconds, one of a list of words, or
-- a whole number from 1 to this one.
local KNOWN = {
  region = "string", profile = "string",
  credentials = "table or function", mfa_code = "function",
  bearer_token = "string or function", auth = { "sigv4", "bearer" },
  endpoint_url = "string", use_fips = "boolean", use_dualstack = "boolean",
  connect_timeout = SECONDS, idle_timeout = SECONDS, total_timeout = SECONDS,
  max_attempts = 9999, retry_mode = { "standard", "adaptive", "off" },
  retry_timeouts = "boolean", proxy = "string", ca_bundle = "string",
  http_version = { "1.1", "2" }, max_event_bytes = 2 ^ 31 - 1,
  validate = "boolean", app_id = "string", host = "table",
  env = "table or function", log = "function",
}

local function is_one_of(list, value)
  for _, item in ipairs(list) do
    if value == item then return true end
  end
  return false
end

local function fits(value, wanted)
  local kind = type(value)
  if wanted == SECONDS then
    return kind == "number" and value > 0 and value < math.huge
  elseif type(wanted) == "number" then
    return kind == "number" and value >= 1 and value % 1 == 0
      and value <= wanted
  elseif type(wanted) == "table" then
    return is_one_of(wanted, value)
  end
  return wanted:find(kind, 1, true) ~= nil
end

local function in_words(wanted)
  if type(wanted) == "number" then
    return ("a whole number from 1 to %d"):format(wanted)
  elseif type(wanted) == "table" then
    return "one of " .. table.concat(wanted, ", ")
  end
  return wanted
end

local function problem(name, value)
  local wanted = KNOWN[name]
  if not wanted then
    local names = {}
    for key in pairs(KNOWN) do names[#names + 1] = key end
    local meant = nearest.find(tostring(name), names)
    return ("unknown option %q%s"):format(tostring(name),
      meant and (", did you mean %q?"):format(meant) or "")
  elseif not fits(value, wanted) then
    return ("option %q: expected %s, got %s"):format(name, in_words(wanted),
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
