--- Keys from the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
-- with AWS_SESSION_TOKEN (older: AWS_SECURITY_TOKEN), AWS_ACCOUNT_ID and
-- AWS_CREDENTIAL_EXPIRATION.  Blank is unset; one of the two keys alone is
-- an error, since the next provider would hide the mistake.

local errors = require "bedrock.errors"
local timestamp = require "bedrock.lazy" "bedrock.service.timestamp"

local environment = {}

local Environment = { name = "environment" }
Environment.__index = Environment

--- @param context settings
function environment.new(context)
  return setmetatable({ settings = context.settings }, Environment)
end

local function expiration(settings)
  local text = settings:env "AWS_CREDENTIAL_EXPIRATION"
  if not text then return nil end
  local time = timestamp.parse(text)
  if time then return time end
  return nil, errors.new("config",
    ("AWS_CREDENTIAL_EXPIRATION is no time: %q"):format(text))
end

--- @return credentials; nil, nil, reason where they are not set; nil, err
function Environment:resolve()
  local settings = self.settings
  local id = settings:env "AWS_ACCESS_KEY_ID"
  local secret = settings:env "AWS_SECRET_ACCESS_KEY"
  if not id and not secret then
    return nil, nil, "AWS_ACCESS_KEY_ID is not set"
  elseif not id or not secret then
    local has = id and "AWS_ACCESS_KEY_ID" or "AWS_SECRET_ACCESS_KEY"
    local lacks = id and "AWS_SECRET_ACCESS_KEY" or "AWS_ACCESS_KEY_ID"
    return nil, errors.new("config", ("%s is set, but %s is not"):format(has,
      lacks))
  end
  local expires, err = expiration(settings)
  if err then return nil, err end
  return { access_key_id = id, secret_access_key = secret,
    session_token = settings:env "AWS_SESSION_TOKEN"
      or settings:env "AWS_SECURITY_TOKEN",
    account_id = settings:env "AWS_ACCOUNT_ID", expiration = expires,
    source = "environment" }
end

Environment.resolve_at_once = Environment.resolve

return environment
