--- Texts of the environment and of profiles -> values of settings.
--
--     values.NAME(text) -> value | nil, what is wrong with it

local values = {}

function values.boolean(text)
  local lower = text:lower()
  if lower == "true" then return true end
  if lower == "false" then return false end
  return nil, "must be true or false"
end

function values.attempts(text)
  local number = text:find "^%d%d?%d?%d?$" and tonumber(text)
  if number and number >= 1 then return number end
  return nil, "must be a whole number from 1 to 9999"
end

function values.seconds(text)
  local number = text:find "^%d+%.?%d*$" and tonumber(text)
  if number and number > 0 and number <= 3600 then return number end
  return nil, "must be a number of seconds above 0"
end

-- "legacy" is botocore's old default; who has it configured for another SDK
-- gets "standard" here.
local RETRY_MODES = { standard = "standard", adaptive = "adaptive",
  legacy = "standard", off = "off" }

function values.retry_mode(text)
  local mode = RETRY_MODES[text:lower()]
  if mode then return mode end
  return nil, "must be standard, adaptive or off"
end

-- "legacy": the old regions share sts.amazonaws.com (boto3's, and once its
-- default).
function values.sts_regional(text)
  local lower = text:lower()
  if lower == "regional" or lower == "legacy" then return lower end
  return nil, "must be regional or legacy"
end

-- "sigv4, httpBearerAuth" -> { "sigv4", "bearer" }; what is unknown here
-- (sigv4a) is passed over, and names may carry their namespace.
local SCHEMES = { sigv4 = "sigv4", httpbearerauth = "bearer" }

function values.schemes(text)
  local list = {}
  for name in text:gmatch "[^,%s]+" do
    list[#list + 1] = SCHEMES[name:gsub("^.*#", ""):lower()]
  end
  return list
end

return values
