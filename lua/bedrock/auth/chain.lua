--- The default chain: who is asked for credentials, in which order.
--
--     environment > profile > web identity > container > IMDS
--
-- (the Rust and the JavaScript SDK's order, and that of their vectors.)
-- A provider that is not configured passes; one that is configured and
-- fails ends the search, so that a mistake is not hidden by someone else's
-- credentials.  (The last one, IMDS, needs no configuration: where it fails,
-- what the others said is told with it.)  Where AWS_PROFILE and keys are both
-- in the environment, the keys win (Rust, botocore); a profile chosen in code
-- goes before them.

local errors = require "bedrock.errors"
local container = require "bedrock.auth.container"
local environment = require "bedrock.auth.environment"
local from_profile = require "bedrock.auth.from_profile"
local imds = require "bedrock.auth.imds"
local web_identity = require "bedrock.auth.web_identity"

local chain = {}

local unpack = table.unpack or unpack

local Chain = { name = "chain" }
Chain.__index = Chain

local function providers(context)
  local profile = from_profile.new(context)
  local rest = { web_identity.new(context), container.new(context),
    imds.new(context) }
  local keys = environment.new(context)
  local _, source = context.settings:get "profile"
  if source == "option" then return { profile, keys, unpack(rest) } end
  return { keys, profile, unpack(rest) }
end

--- @param context  settings, files, host, now(), random(), log
-- @param list     the providers, in order; default: as above
function chain.new(context, list)
  return setmetatable({ context = context, list = list, answers = {} }, Chain)
end

-- "environment: AWS_ACCESS_KEY_ID is not set; profile: ...".
local function none(self, cause)
  local parts = {}
  for _, answer in ipairs(self.answers) do
    parts[#parts + 1] = answer.provider .. ": "
      .. (answer.err and answer.err.message or answer.reason)
  end
  return errors.new("credentials", ("no credentials found; %s; "
    .. "print(bedrock.doctor(options)) shows what was looked at"):format(
    table.concat(parts, "; ")), { code = "NoCredentials", cause = cause,
    retryable = cause and cause.retryable })
end

--- Ask one after the other.  What each said is in `self.answers`: list of
-- { provider =, found = true | reason = text | err = error }.
-- @return credentials, or nil, err
function Chain:resolve()
  self.list = self.list or providers(self.context)
  self.answers = {}
  local last
  for number, provider in ipairs(self.list) do
    local found, err, reason = provider:resolve()
    self.answers[number] = { provider = provider.name,
      found = found and true, err = err, reason = reason or "not configured" }
    if found then return found end
    if err and number < #self.list then return nil, err end
    last = err
  end
  return nil, none(self, last)
end

return chain
