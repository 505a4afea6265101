--- One resolver for everything that can be configured in several places:
-- option > environment > profile > default, and where the value came from.
--
--     local s = settings.new { options = {}, env = os.getenv, files = files }
--     s:get "region"  --> "us-east-1", "AWS_REGION"
--
-- Sources read "option", the variable's name, "profile foo in PATH, line 3",
-- "services foo in PATH, line 9", or "default".  Nothing touches a file
-- before the first `get` that needs one; an empty or blank variable is unset,
-- and so is an empty option.

local errors = require "bedrock.errors"
local files_module = require "bedrock.auth.files"
local lazy = require "bedrock.lazy"
local trim = require "bedrock.auth.text".trim

local profile = lazy "bedrock.auth.profile"
local values = lazy "bedrock.auth.values"

local settings = {}

local Settings = {}
Settings.__index = Settings

-- A reader of texts (values.lua), loaded when there is a text to be read.
local function reader(name)
  return function(text) return values[name](text) end
end

local boolean, attempts = reader "boolean", reader "attempts"

-- It becomes part of a host name.
local function region(text)
  if #text <= 63 and text:find("^%w[%w-]*$") then return text end
  return nil, "must consist of letters, digits and hyphens, without quotes"
end

-- setting -> where it may stand.  The option has the setting's name.
local ROWS = {
  profile = { env = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" },
    default = "default" },
  region = { env = { "AWS_REGION", "AWS_DEFAULT_REGION" }, key = "region",
    parse = region },
  use_fips = { env = { "AWS_USE_FIPS_ENDPOINT" }, key = "use_fips_endpoint",
    parse = boolean, default = false },
  use_dualstack = { env = { "AWS_USE_DUALSTACK_ENDPOINT" },
    key = "use_dualstack_endpoint", parse = boolean, default = false },
  retry_mode = { env = { "AWS_RETRY_MODE" }, key = "retry_mode",
    parse = reader "retry_mode", default = "standard" },
  max_attempts = { env = { "AWS_MAX_ATTEMPTS" }, key = "max_attempts",
    parse = attempts, default = 3 },
  ca_bundle = { env = { "AWS_CA_BUNDLE" }, key = "ca_bundle" },
  app_id = { env = { "AWS_SDK_UA_APP_ID" }, key = "sdk_ua_app_id" },
  auth_scheme_preference = { env = { "AWS_AUTH_SCHEME_PREFERENCE" },
    key = "auth_scheme_preference", parse = reader "schemes" },
  ignore_configured_endpoint_urls = {
    env = { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" },
    key = "ignore_configured_endpoint_urls", parse = boolean,
    default = false },
  sts_regional_endpoints = { env = { "AWS_STS_REGIONAL_ENDPOINTS" },
    key = "sts_regional_endpoints", parse = reader "sts_regional",
    default = "regional" },
  imds_disabled = { env = { "AWS_EC2_METADATA_DISABLED" }, parse = boolean,
    default = false },
  imds_endpoint = { env = { "AWS_EC2_METADATA_SERVICE_ENDPOINT" },
    key = "ec2_metadata_service_endpoint" },
  imds_endpoint_mode = { env = { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE" },
    key = "ec2_metadata_service_endpoint_mode" },
  imds_timeout = { env = { "AWS_METADATA_SERVICE_TIMEOUT" },
    key = "metadata_service_timeout", parse = reader "seconds", default = 1 },
  imds_attempts = { env = { "AWS_METADATA_SERVICE_NUM_ATTEMPTS" },
    key = "metadata_service_num_attempts", parse = attempts },
  bearer_token = { env = { "AWS_BEARER_TOKEN_BEDROCK" } },
  auth = {},
  proxy = { may_be_empty = true }, -- "": none
  http_version = { default = "1.1" },
  connect_timeout = { default = 10 },
  idle_timeout = { default = 300 },
  total_timeout = {},
  max_event_bytes = {},
  validate = { default = true },
}

--- @param given table:
--   options  the client's options (default: none)
--   env      function(name) -> string (or number, boolean), or nil
--   files    table with read(path), see bedrock.auth.files (the default)
--   windows  true where paths are Windows's (default: as Lua was built)
function settings.new(given)
  local self = setmetatable({}, Settings)
  self.options = given.options or {}
  self.environment = given.env
  self.files = given.files or files_module
  self.windows = given.windows
  if self.windows == nil then self.windows = files_module.on_windows() end
  self.cache = {}
  return self
end

--- A variable of the environment, without white space around it (what comes
-- out of a mounted secret ends with a newline); nil where nothing is left.
-- The user's own table may hold `true` or 5 for "true" or "5".
function Settings:env(name)
  local value = self.environment(name)
  if value == nil then return nil end
  value = trim(tostring(value))
  return value ~= "" and value or nil
end

--- Paths of the config and the credentials file.
function Settings:locations()
  return files_module.locations(function(name) return self:env(name) end,
    self.windows)
end

--- A path below the home folder, or nil where there is none.
function Settings:below_home(...)
  return files_module.below_home(function(name) return self:env(name) end,
    self.windows, ...)
end

--- The same settings, which may `reload` without changing these: a client's
-- region stays what it was when its credentials are looked for again.
function Settings:fork()
  local copy = settings.new { options = self.options, env = self.environment,
    files = self.files, windows = self.windows }
  copy.parent = self
  return copy
end

-- The texts of the shared files (files.shared), read at the first call.
local function shared(self)
  if self.parent then return shared(self.parent) end
  if not self.texts then
    local texts, err = files_module.shared(self.files, self:locations())
    if not texts then return nil, err end
    self.texts = texts
  end
  return self.texts
end

--- The merged shared files (bedrock.auth.profile), read at the first call.
-- @return the set, or nil, err
function Settings:profiles()
  if self.parent then return self.parent:profiles() end
  if not self.set then
    local texts, err = shared(self)
    if not texts then return nil, err end
    self.set, err = profile.of(texts)
    return self.set, err
  end
  return self.set
end

--- Forget what was read: the next `get` reads the files again.
function Settings:reload()
  self.texts, self.set, self.parent = nil, nil, nil
  self.cache = {}
end

--- The properties of the chosen profile.
-- @return properties (empty where there is no profile and none was asked
--   for), its name, the set (nil where there is no file); or nil, err: also
--   for an unknown profile
function Settings:chosen_profile()
  local texts, err = shared(self)
  if not texts then return nil, err end
  local name, source = self:get "profile"
  if texts.none and source == "default" then return {}, name end
  local set
  set, err = self:profiles()
  if not set then return nil, err end
  local properties = set.profiles[name]
  if not properties and source ~= "default" then
    err = set:unknown(name)
    err.message = ("%s (the name comes from %s)"):format(err.message,
      source == "option" and "the option profile" or source)
    return nil, err
  end
  return properties or {}, name, set
end

local function invalid(name, value, source, reason)
  return nil, errors.new("config", ("%s from %s %s, and is %q"):format(
    name, source, reason, value), { setting = name })
end

local function parsed(name, row, value, source)
  if not row.parse or type(value) ~= "string" then return value, source end
  local result, reason = row.parse(value)
  if result == nil then return invalid(name, value, source, reason) end
  return result, source
end

local function from_profile(self, key)
  local properties, name, set = self:chosen_profile()
  if not properties then return nil, name end
  local value = properties[key]
  if not value or value == "" then return nil end
  return value, ("profile %s in %s"):format(name,
    set:origin("profiles", name, key))
end

local function option(self, name, row)
  local value = self.options[name]
  if value ~= "" or row.may_be_empty then return value end
end

local function find(self, name, row)
  local value = option(self, name, row)
  if value ~= nil then return value, "option" end
  for _, variable in ipairs(row.env or {}) do
    value = self:env(variable)
    if value then return value, variable end
  end
  if row.key then
    local source
    value, source = from_profile(self, row.key)
    if value or source then return value, source end
  end
  if row.default ~= nil then return row.default, "default" end
end

local function resolve(self, name, row)
  local value, source = find(self, name, row)
  if value == nil or source == "default" then return value, source end
  return parsed(name, row, value, source)
end

-- AWS_ENDPOINT_URL_STS > AWS_ENDPOINT_URL > [services] > profile.
local function configured_endpoint(self, service)
  local variable = "AWS_ENDPOINT_URL_" .. service:upper()
  local value = self:env(variable)
  if value then return value, variable end
  value = self:env "AWS_ENDPOINT_URL"
  if value then return value, "AWS_ENDPOINT_URL" end
  local properties, name, set = self:chosen_profile()
  if not properties then return nil, name end
  local source
  if set then
    value, source = set:service_property(name, service, "endpoint_url")
  end
  if value or source then return value, source end
  return from_profile(self, "endpoint_url")
end

--- The endpoint that is configured for a service, whatever the options say.
-- @param service "sts", "sso", "sso_oidc", "signin", "bedrock_runtime"
-- @return url, source; nil where none is configured; nil, err
function Settings:endpoint(service)
  local ignore, err = self:get "ignore_configured_endpoint_urls"
  if ignore == nil then return nil, err end
  if ignore then return nil end
  return configured_endpoint(self, service)
end

local function lookup(self, name)
  if name ~= "endpoint_url" then
    return resolve(self, name, assert(ROWS[name], name))
  end
  local value = option(self, name, {})
  if value ~= nil then return value, "option" end
  return self:endpoint "bedrock_runtime"
end

--- The value of a setting.
-- @param name a client option (`region`, `profile`, `endpoint_url`,
--   `use_fips`, `use_dualstack`, `retry_mode`, `max_attempts`, `ca_bundle`,
--   `app_id`, the timeouts, ...), `auth_scheme_preference` (a list of
--   "sigv4" and "bearer") or one of the `imds_` settings; an unknown name
--   raises
-- @return value, source; nil where it is set nowhere; or nil, err (kind
--   "config": a file that cannot be read or parsed, an unknown profile, a
--   value that makes no sense)
function Settings:get(name)
  local known = self.cache[name]
  if known then return known[1], known[2] end
  local value, source = lookup(self, name)
  if not errors.is(source) then self.cache[name] = { value, source } end
  return value, source
end

return settings
