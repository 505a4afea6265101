--- Credentials of a container: ECS, and EKS Pod Identity.
--
--   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI  on http://169.254.170.2 (wins)
--   AWS_CONTAINER_CREDENTIALS_FULL_URI      https, or http on loopback and
--                                           on the three known addresses
--   AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE  (read each time), else
--   AWS_CONTAINER_AUTHORIZATION_TOKEN       the Authorization header
--
-- A host name counts as loopback only if it is "localhost": unlike the Rust
-- SDK, which looks names up, we would have to trust the resolver twice.

local endpoint = require "bedrock.service.endpoint"
local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local request = require "bedrock.auth.request"
local trim = require "bedrock.auth.text".trim

local container = {}

local ECS = "http://169.254.170.2"

-- Seconds per try: the endpoint is on this machine or next to it (1 to 2 in
-- botocore and the JavaScript SDK).
local TIMEOUT = 2

local KNOWN = { ["169.254.170.2"] = true, ["169.254.170.23"] = true,
  ["[fd00:ec2::23]"] = true }

local Container = { name = "container" }
Container.__index = Container

--- @param context settings, files, host, random()
function container.new(context)
  return setmetatable({ context = context }, Container)
end

local function fail(format, ...)
  return nil, errors.new("config", format:format(...))
end

-- Nobody may lead us to hand the token to a host in the clear.
local function check_full(uri)
  local scheme, authority = uri:match "^(%a+)://([^/?#]+)"
  if not authority then
    return fail("AWS_CONTAINER_CREDENTIALS_FULL_URI: URI did not specify a "
      .. "host: %q", uri)
  end
  local host = authority:gsub(":%d+$", ""):lower()
  scheme = scheme:lower()
  if authority:find("@", 1, true) or not request.safe(uri) then
    return fail "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a plain URI"
  elseif scheme == "https" or scheme == "http"
    and (KNOWN[host] or endpoint.is_loopback(host)) then
    return uri
  end
  return fail("AWS_CONTAINER_CREDENTIALS_FULL_URI: %s is neither https nor a "
    .. "loopback or container address", host)
end

--- Where to ask.
-- @return url; nil, nil, reason where nothing is configured; nil, err
function container.url(settings)
  local relative = settings:env "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
  local full = settings:env "AWS_CONTAINER_CREDENTIALS_FULL_URI"
  if relative then
    if relative:sub(1, 1) == "/" and not relative:find "[%c%s]" then
      return ECS .. relative
    end
    return fail("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path: %q",
      relative)
  elseif full then
    return check_full(full)
  end
  return nil, nil, "No environment variables were set to configure ECS "
    .. "provider (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI)"
end

-- The Authorization header; nil, nil where there is none.
local function authorization(context)
  local token = context.settings:env "AWS_CONTAINER_AUTHORIZATION_TOKEN"
  local path = context.settings:env "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
  if path then
    local text, reason = context.files.read(path)
    if not text then
      return nil, errors.new("credentials",
        ("cannot read the authorization token %s: %s"):format(path, reason))
    end
    token = trim(text)
  end
  if token and not request.safe(token) then
    return fail("the container's authorization token holds a line break")
  end
  return token
end

--- @return credentials; nil, nil, reason; or nil, err
function Container:resolve()
  local context = self.context
  local url, err, reason = container.url(context.settings)
  if not url then return nil, err, reason end
  local token
  token, err = authorization(context)
  if err then return nil, err end
  local answer
  answer, err = request.send(context, { method = "GET", url = url,
    headers = { accept = "application/json", authorization = token },
    proxy = "", timeout = TIMEOUT, secrets = { token } })
  if not answer then
    return nil, errors.new("credentials", ("the container's endpoint %s did "
      .. "not answer: %s"):format(url, err.message),
      { cause = err, retryable = true })
  elseif answer.status ~= 200 then
    return nil, errors.new("credentials", ("the container's endpoint %s "
      .. "refused: %s"):format(url, answers.refusal(answer)),
      { status = answer.status })
  end
  return answers.service_credentials(answer, "container")
end

return container
