--- A role assumed with an identity token from a file (EKS, GitHub Actions):
-- AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME,
-- or the same three in a profile.  The token is rotated under us, and so
-- read each time.

local errors = require "bedrock.errors"
local sts = require "bedrock.auth.sts"
local trim = require "bedrock.auth.text".trim

local web_identity = {}

local WebIdentity = { name = "web_identity" }
WebIdentity.__index = WebIdentity

--- @param context  settings, files, host, now(), random()
-- @param role     from a profile: role_arn, web_identity_token_file,
--   role_session_name, duration_seconds; nil: the environment
function web_identity.new(context, role)
  return setmetatable({ context = context, role = role }, WebIdentity)
end

local function from_environment(settings)
  local file = settings:env "AWS_WEB_IDENTITY_TOKEN_FILE"
  local arn = settings:env "AWS_ROLE_ARN"
  if not file then
    return nil, nil, "AWS_WEB_IDENTITY_TOKEN_FILE is not set"
  elseif not arn then
    return nil, errors.new("config",
      "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not")
  end
  return { web_identity_token_file = file, role_arn = arn,
    role_session_name = settings:env "AWS_ROLE_SESSION_NAME" }
end

local function read_token(files, path)
  local text, reason = files.read(path)
  if not text then
    return nil, errors.new("credentials",
      ("cannot read the identity token %s: %s"):format(path, reason))
  end
  text = trim(text)
  if text ~= "" then return text end
  return nil, errors.new("credentials",
    ("the identity token file %s is empty"):format(path))
end

--- @return credentials; nil, nil, reason; or nil, err
function WebIdentity:resolve()
  local context, role = self.context, self.role
  if not role then
    local err, reason
    role, err, reason = from_environment(context.settings)
    if not role then return nil, err, reason end
  end
  local token, err = read_token(context.files, role.web_identity_token_file)
  if not token then return nil, err end
  return sts.assume_role_with_web_identity(context, role, token)
end

return web_identity
