--- Profiles: the config and the credentials file, merged.
--
--     ~/.aws/config       [profile NAME] [default] [sso-session N] [services N]
--     ~/.aws/credentials  [NAME]
--
-- The rules are those of AWS's cross-SDK suite "profile-parser-tests":
-- `[profile default]` beats `[default]` in the config file, the credentials
-- file wins property by property, the last of repeated properties counts.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local files_module = require "bedrock.auth.files"

local profile = {}

local Set = {}
Set.__index = Set

-- What kind of thing a section is, and its name there; nil: it means nothing.
local function classify_config(section)
  if section.prefix == "profile" then return "profiles", section.name end
  if section.prefix == "sso-session" then
    return "sso_sessions", section.name
  end
  if section.prefix == "services" then return "services", section.name end
  if not section.prefix and section.name == "default" then
    return "profiles", "default"
  end
end

local function classify_credentials(section)
  if not section.prefix then return "profiles", section.name end
end

-- Does the config file hold [profile default]?  Then [default] is ignored.
local function has_prefixed_default(sections)
  for _, section in ipairs(sections) do
    if section.prefix == "profile" and section.name == "default" then
      return true
    end
  end
  return false
end

local function merge(set, kind, name, section, path)
  local into = set[kind][name] or {}
  local origins = set.origins[kind][name] or {}
  set[kind][name], set.origins[kind][name] = into, origins
  for key, value in pairs(section.properties) do
    into[key] = value
    origins[key] = { path = path, line = section.lines[key] }
  end
end

local function parse(text, path)
  local sections, message, code, line = core.ini.parse(text)
  if sections then return sections end
  local problem = ("could not parse profile file %s, line %d: %s"):format(
    path, line, message)
  return nil, errors.new("config", problem,
    { code = code, path = path, line = line })
end

local function add_file(set, file, classify)
  if not file then return true end
  local sections, err = parse(file.text, file.path)
  if not sections then return nil, err end
  local skip_plain_default = classify == classify_config
    and has_prefixed_default(sections)
  for _, section in ipairs(sections) do
    local kind, name = classify(section)
    local shadowed = skip_plain_default and not section.prefix
    if kind and section.valid and not shadowed then
      merge(set, kind, name, section, file.path)
    elseif not shadowed then
      set.ignored[#set.ignored + 1] = { name = section.name,
        prefix = section.prefix, path = file.path, line = section.line,
        invalid = kind ~= nil }
    end
  end
  return true
end

--- Merge the two files.
-- @param config       { text=, path= } or nil where there is none
-- @param credentials  the same
-- @return a set: `profiles`, `sso_sessions`, `services` (each name -> key ->
--   value), or nil and an error of kind "config" that names file and line
function profile.merge(config, credentials)
  local set = setmetatable({ profiles = {}, sso_sessions = {}, services = {},
    origins = { profiles = {}, sso_sessions = {}, services = {} },
    ignored = {}, paths = {} }, Set)
  local ok, err = add_file(set, config, classify_config)
  if ok then ok, err = add_file(set, credentials, classify_credentials) end
  if not ok then return nil, err end
  return set
end

--- Merge what `files.shared` read.
-- @return a set as from merge, or nil, err
function profile.of(texts)
  local set, err = profile.merge(texts.config, texts.credentials)
  if set then set.paths = texts.paths end
  return set, err
end

--- Read and merge both files; a missing one is empty.
-- @param files   table with read(path)
-- @param config  path of the config file, or nil
-- @param credentials  path of the credentials file, or nil
-- @return a set as from merge, or nil, err
function profile.load(files, config, credentials)
  local texts, err = files_module.shared(files, config, credentials)
  if not texts then return nil, err end
  return profile.of(texts)
end

--- "there are a, b", for errors about profiles that there are not.
-- @param profiles  name -> properties
function profile.known(profiles)
  local names = {}
  for name in pairs(profiles) do names[#names + 1] = name end
  if #names == 0 then return "there are none" end
  table.sort(names)
  return "there are " .. table.concat(names, ", ")
end

--- nil and the error about a key of a profile, and where that key stands.
function profile.fail(set, name, key, format, ...)
  local origin = set.origin and set:origin("profiles", name, key)
  return nil, errors.new("config", format:format(...)
    .. (origin and (" (%s)"):format(origin) or ""))
end

--- A property of a profile; nil where it is empty.
function profile.value(properties, key)
  local text = properties[key]
  if text and text ~= "" then return text end
end

--- Where it was looked: "PATH or PATH".
function Set:places()
  local list = {}
  list[#list + 1] = self.paths.config
  list[#list + 1] = self.paths.credentials
  return #list > 0 and table.concat(list, " or ") or "the shared files"
end

-- Somebody wrote [foo] into the config file and meant [profile foo], or
-- [profile foo] into the credentials file, where [foo] is meant; or a name
-- that is none.
local function mend(section)
  local prefix, name = section.prefix and "profile " or "", section.name
  if section.invalid then
    return ("has [%s%s], but a name consists of letters, digits and any of "
      .. "-/.%%@_:+"):format(prefix, name)
  end
  return ("has [%s%s], but must say [%s%s]"):format(prefix, name,
    section.prefix and "" or "profile ", name)
end

local function misspelt(set, name)
  for _, section in ipairs(set.ignored) do
    local prefix = section.prefix
    if section.name == name and (not prefix or prefix == "profile") then
      return ("; %s, line %d %s"):format(section.path, section.line,
        mend(section))
    end
  end
  return ""
end

--- The error for a profile that does not exist; names those that do.
function Set:unknown(name)
  return errors.new("config", ("no profile %q in %s: %s%s"):format(name,
    self:places(), profile.known(self.profiles), misspelt(self, name)))
end

--- Where a property was set: "/home/x/.aws/config, line 3"; nil: nowhere.
-- @param kind "profiles", "sso_sessions" or "services"
function Set:origin(kind, name, key)
  local origin = (self.origins[kind][name] or {})[key]
  if not origin then return nil end
  return ("%s, line %d"):format(origin.path, origin.line)
end

--- A property of a service in the `services` section that the profile
-- names: `[services X]` / `sts =` / `  endpoint_url = ...`.
-- @return value and where it comes from; nil, nil where it is not set; or
--   nil, err where the section is missing
function Set:service_property(name, service, key)
  local section = (self.profiles[name] or {}).services
  if not section then return nil end
  local services = self.services[section]
  if not services then
    return nil, errors.new("config",
      ("profile %s names the services section %q, which does not exist (%s)")
      :format(name, section, self:origin("profiles", name, "services")))
  end
  for nested, value in pairs(core.ini.nested(services[service] or "")) do
    if nested:lower() == key and value ~= "" then
      return value, ("services %s in %s"):format(section,
        self:origin("services", section, service))
    end
  end
end

return profile
