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
local lazy = require "bedrock.lazy"

local container = lazy "bedrock.auth.container"
local environment = lazy "bedrock.auth.environment"
local from_profile = lazy "bedrock.auth.from_profile"
local imds = lazy "bedrock.auth.imds"
local web_identity = lazy "bedrock.auth.web_identity"

local chain = {}

local Chain = { name = "chain" }
Chain.__index = Chain

-- The modules of the providers, in order: each is made, and its code read,
-- when those before it have passed.
local function order(context)
  local _, source = context.settings:get "profile"
  local first, second = environment, from_profile
  if source == "option" then first, second = second, first end
  return { first, second, web_identity, container, imds }
end

--- @param context  settings, files, host, now(), random(), log
-- @param list     the providers, in order; default: as above
function chain.new(context, list)
  return setmetatable({ context = context, list = list or {}, answers = {},
    modules = list and {} }, Chain)
end

local function provider_at(self, i)
  self.modules = self.modules or order(self.context)
  if not self.list[i] and self.modules[i] then
    self.list[i] = self.modules[i].new(self.context)
  end
  return self.list[i]
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

-- From the i-th on, until one has some, fails, or would have to wait.
local function at_once(self, i)
  local provider = provider_at(self, i)
  if not provider or not provider.resolve_at_once then return nil end
  local found, _, reason = provider:resolve_at_once()
  self.answers[i] = { provider = provider.name, found = found and true,
    reason = reason }
  if found or not reason then return found end
  return at_once(self, i + 1)
end

--- What there is before anybody has to be asked, or nil.
function Chain:resolve_at_once()
  self.answers = {}
  return at_once(self, 1)
end

--- Ask one after the other.  What each said is in `self.answers`: list of
-- { provider =, found = true | reason = text | err = error }.
-- @return credentials, or nil, err
function Chain:resolve()
  self.answers = {}
  local i, provider, last = 1, provider_at(self, 1), nil
  while provider do
    local found, err, reason = provider:resolve()
    self.answers[i] = { provider = provider.name, found = found and true,
      err = err, reason = reason or "not configured" }
    if found then return found end
    i = i + 1
    provider, last = provider_at(self, i), err
    if err and provider then return nil, err end
  end
  return nil, none(self, last)
end

return chain
