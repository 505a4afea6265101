--- Credentials of the chosen profile: its plan (bedrock.auth.plan), carried
-- out by the providers that it names.

local errors = require "bedrock.errors"
local lazy = require "bedrock.lazy"
local plan = require "bedrock.auth.plan"

local assume_role = lazy "bedrock.auth.assume_role"
local container = lazy "bedrock.auth.container"
local environment = lazy "bedrock.auth.environment"
local imds = lazy "bedrock.auth.imds"
local login = lazy "bedrock.auth.login"
local process = lazy "bedrock.auth.process"
local sso = lazy "bedrock.auth.sso"
local static = lazy "bedrock.auth.static"
local web_identity = lazy "bedrock.auth.web_identity"

local from_profile = {}

local FromProfile = { name = "profile" }
FromProfile.__index = FromProfile

-- credential_source: these have no part in the plan's data.
local NAMED = { Ec2InstanceMetadata = imds, EcsContainer = container,
  Environment = environment }

local BASES = { sso = sso, login = login, process = process,
  web_identity = web_identity }

--- @param context settings, files, host, now(), random(), log
function from_profile.new(context)
  return setmetatable({ context = context, kept = {} }, FromProfile)
end

-- Providers that remember (a token, the last credentials) live as long as
-- we do; one per plan's base.
local function keep(self, key, make)
  if not self.kept[key] then self.kept = { [key] = make() } end
  return self.kept[key]
end

local function signature(base)
  local parts = {}
  for name, value in pairs(base) do
    parts[#parts + 1] = ("%s=%q"):format(name, value)
  end
  table.sort(parts)
  return table.concat(parts, " ")
end

local function base_provider(self, base)
  if base.kind == "static" then
    return static.new(self.context, base, "profile")
  end
  return keep(self, signature(base), function()
    if base.kind == "named" then return NAMED[base.source].new(self.context) end
    return BASES[base.kind].new(self.context, base)
  end)
end

-- A provider that must have credentials, since the profile says so.
local function demanded(provider, base)
  local wrapper = {}
  function wrapper:resolve() -- luacheck: ignore 212
    local found, err, reason = provider:resolve()
    if found or err then return found, err end
    return nil, errors.new("credentials", ("profile %s takes credentials "
      .. "from %s, which has none: %s"):format(base.profile,
      base.source or base.kind, reason))
  end
  return wrapper
end

--- The provider that a plan amounts to.
function FromProfile:provider(steps)
  local provider = demanded(base_provider(self, steps.base), steps.base)
  for _, role in ipairs(steps.roles) do
    provider = assume_role.new(self.context, role, provider)
  end
  return provider
end

--- The plan of the chosen profile, as data.
-- @return plan; nil, nil, reason where there is none; nil, err
function FromProfile:plan()
  local settings = self.context.settings
  local properties, name = settings:chosen_profile()
  if not properties then return nil, name end
  local set = settings:profiles()
  local steps, err, reason = plan.of(set, name)
  if reason then reason = ("%s (%s)"):format(reason, set:places()) end
  return steps, err, reason
end

--- The same where the profile itself holds the keys; nil where somebody has to
-- be asked.
function FromProfile:resolve_at_once()
  local steps, _, reason = self:plan()
  if not steps then return nil, nil, reason end
  if steps.base.kind == "static" and not steps.roles[1] then
    return self:provider(steps):resolve()
  end
end

--- @return credentials; nil, nil, reason where the profile configures none;
--   or nil, err
function FromProfile:resolve()
  local steps, err, reason = self:plan()
  if not steps then return nil, err, reason end
  return self:provider(steps):resolve()
end

return from_profile
