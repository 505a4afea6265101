--- What a client would do, and why: which profile, region, endpoint and
-- credentials, where each comes from, who was asked and what they said.
--
--     print(bedrock.doctor { profile = "dev" })
--
-- It asks for credentials and knocks at the endpoint once, without signing
-- in.  Of secrets it shows the last four characters.

local core = require "bedrock.core"
local bearer = require "bedrock.auth.bearer"
local client = require "bedrock.client"
local credentials = require "bedrock.auth.credentials"
local errors = require "bedrock.errors"
local schemes = require "bedrock.auth.schemes"
local task = require "bedrock.task"
local timestamp = require "bedrock.service.timestamp"

local jit = jit -- luacheck: globals jit

local doctor = {}

local Report = { __name = "bedrock.report" }
Report.__index = Report

-- Seconds that the knock may take.
local PATIENCE = 5

-- The service refuses signatures that are off by more (five minutes), and
-- AWS's SDKs correct their clock from four on.
local CLOCK_LIMIT = 240

local SHOWN = { "profile", "region", "endpoint_url", "use_fips",
  "use_dualstack", "auth_scheme_preference", "max_attempts", "retry_mode",
  "connect_timeout", "idle_timeout", "total_timeout", "proxy", "ca_bundle",
  "http_version", "app_id" }

--- The last four characters of a secret; nothing of a short one.
function doctor.mask(secret)
  if type(secret) ~= "string" then return nil end
  return #secret >= 12 and "****" .. secret:sub(-4) or "****"
end

-- A user name and password in a URL are secrets, too (what stands before the
-- last "@" of its host part), and a query may hold one.
local function without_secrets(value)
  if type(value) ~= "string" then return value end
  local scheme, rest = value:match "^(%a[%w+.-]*://)(.*)$"
  return (scheme or "") .. (rest or value):gsub("^[^/]*@", "****@")
    :gsub("%?.*$", "?****")
end

local function add_problem(report, err)
  report.problems[#report.problems + 1] = tostring(err)
end

-- What nobody set is told only where it must be set.
local NEEDED = { region = true }

local function examine_settings(report, settings)
  for _, name in ipairs(SHOWN) do
    local value, source = settings:get(name)
    if errors.is(source) then
      add_problem(report, source)
      value, source = nil, "see the problems below"
    end
    if type(value) == "table" then value = table.concat(value, ", ") end
    if value ~= nil or source ~= nil or NEEDED[name] then
      report.settings[#report.settings + 1] = { name = name, source = source,
        value = without_secrets(value) }
    end
  end
end

-- libcurl reads these by itself.
local PROXIES = { "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
  "ALL_PROXY", "no_proxy", "NO_PROXY" }

local function examine_proxies(report, settings)
  for _, name in ipairs(PROXIES) do
    local value = settings:env(name)
    if value then
      report.settings[#report.settings + 1] = { name = name,
        value = without_secrets(value), source = "environment" }
    end
  end
end

local function examine_files(report, settings)
  local places = { settings:locations() }
  for number, name in ipairs { "config", "credentials" } do
    local path, text, reason = places[number], nil, "there is no HOME"
    if path then text, reason = settings.files.read(path) end
    report.files[#report.files + 1] = { path = path or name,
      state = text and ("%d bytes"):format(#text) or reason }
  end
end

local BASES = { static = "keys in the profile", process = "credential_process",
  web_identity = "a web identity token", sso = "SSO", login = "aws login" }

-- A profile's plan in words: "role R of profile a, with keys in the profile".
local function describe(steps)
  local base, words = steps.base, {}
  for number = #steps.roles, 1, -1 do
    words[#words + 1] = ("role %s"):format(steps.roles[number].role_arn)
  end
  words[#words + 1] = ("%s (profile %s)"):format(BASES[base.kind]
    or base.source, base.profile)
  return table.concat(words, ", with ")
end

local function examine_plan(report, chain)
  for _, provider in ipairs(chain.list or {}) do
    if provider.name == "profile" then
      local steps = provider:plan()
      if steps then report.plan = describe(steps) end
    end
  end
end

-- What those who were asked said: the chain's, or the one who was given.
local function answers_of(provider, found, err)
  if provider.answers then return provider.answers end
  local name = provider.name == "static" and "option" or provider.name
  return { { provider = name or "provider", found = found, err = err } }
end

local function check_expiration(report, found)
  local over = found.expiration and report.now - found.expiration or -1
  if over < 0 then return end
  add_problem(report, ("the credentials expired %.0f min ago: get new ones, "
    .. "or set the clock of this machine right"):format(over / 60))
end

local function examine_credentials(report, held)
  local found, err = held:get()
  local provider = held:provider()
  for _, answer in ipairs(answers_of(provider, found, err)) do
    report.providers[#report.providers + 1] = { name = answer.provider,
      answer = answer.found and "gave credentials"
        or answer.err and answer.err.message or answer.reason }
  end
  examine_plan(report, provider)
  if not found then return add_problem(report, err) end
  check_expiration(report, found)
  report.credentials = { source = found.source,
    access_key_id = doctor.mask(found.access_key_id),
    secret_access_key = doctor.mask(found.secret_access_key),
    session_token = doctor.mask(found.session_token),
    account_id = found.account_id, expiration = found.expiration }
end

local function examine_identity(report, examined)
  local held = credentials.from_options(examined)
  local scheme, token, source = schemes.choose(examined.settings)
  report.auth = { scheme = scheme, source = source }
  if scheme == nil then return add_problem(report, token) end
  if scheme == "sigv4" then return examine_credentials(report, held) end
  local text, err = bearer.token(token, source, held.context)
  report.auth.token = doctor.mask(text)
  if not text then add_problem(report, err) end
end

-- How far the server's clock is ahead of ours, from an answer's Date; whole
-- seconds are all that it tells.
local function clock_offset(headers, before, after)
  local server = timestamp.parse(headers.date)
  return server and math.floor(server - (before + after) / 2 + 0.5)
end

local function knock(report, examined, plan)
  local host = examined.host
  local before = host:now()
  local reply, err = host:send({ method = "GET", url = plan.endpoint.url .. "/",
    headers = { host = plan.endpoint.authority }, proxy = plan.proxy,
    ca_bundle = plan.ca_bundle }, { connect = PATIENCE, idle = PATIENCE,
    total = host:clock() + PATIENCE, total_seconds = PATIENCE })
  if not reply then return add_problem(report, err) end
  local after = host:now()
  reply:close()
  report.endpoint.status = reply.status
  report.endpoint.milliseconds = math.floor((after - before) * 1000 + 0.5)
  report.clock_offset = clock_offset(reply.headers, before, after)
  if report.clock_offset and math.abs(report.clock_offset) > CLOCK_LIMIT then
    add_problem(report, ("the clock of this machine is wrong by %d s")
      :format(report.clock_offset))
  end
end

local function examine_endpoint(report, examined)
  local plan, err = examined:plan()
  if not plan then return add_problem(report, err) end
  report.endpoint = { url = plan.endpoint.url,
    signing_region = plan.endpoint.signing_region }
  if report.auth.scheme == "bearer" then
    local fine
    fine, err = bearer.allowed(plan.endpoint.url)
    if not fine then add_problem(report, err) end
  end
  knock(report, examined, plan)
end

-- A problem that several found (a file that cannot be parsed) counts once.
local function without_repetition(list)
  local seen, result = {}, {}
  for _, text in ipairs(list) do
    if not seen[text] then result[#result + 1] = text end
    seen[text] = true
  end
  return result
end

local function examine(examined, report)
  examine_settings(report, examined.settings)
  examine_proxies(report, examined.settings)
  examine_files(report, examined.settings)
  examine_identity(report, examined)
  examine_endpoint(report, examined)
  report.problems = without_repetition(report.problems)
  return report
end

--- Examine what a client with these options would do.
-- @param options  those of bedrock.new; an unknown one raises
-- @return a report: `versions`, `settings` (list of { name, value, source }),
--   `files`, `auth`, `plan`, `providers`, `credentials`, `endpoint`,
--   `clock_offset`, `problems` (list of texts; empty: all is well).  Its
--   tostring is meant to be read.
function doctor.examine(options)
  local examined = client.new(options)
  local report = setmetatable({ settings = {}, files = {}, providers = {},
    problems = {}, now = examined.host:now(), versions = {
      bedrock = core._VERSION, lua = jit and jit.version or _VERSION,
      libraries = examined.host.version and examined.host:version() } },
    Report)
  return task.run(examined.host, examine, examined, report)
end

local function line(list, name, format, ...)
  list[#list + 1] = ("  %-22s %s"):format(name, format:format(...))
end

local function from(source)
  return source and ("   (%s)"):format(source) or ""
end

local function add_credentials(list, report)
  local found = report.credentials
  if not found then return end
  line(list, "access key", "%s%s", found.access_key_id, from(found.source))
  line(list, "secret key", "%s", found.secret_access_key)
  if found.session_token then
    line(list, "session token", "%s", found.session_token)
  end
  if found.account_id then line(list, "account", "%s", found.account_id) end
  if found.expiration then
    line(list, "valid for", "%.0f min",
      math.max(0, math.floor((found.expiration - report.now) / 60)))
  end
end

local function add_identity(list, report)
  list[#list + 1] = "who asks"
  local auth = report.auth
  line(list, "signs with", "%s%s", auth.scheme or "nothing",
    from(auth.source))
  if auth.token then line(list, "token", "%s", auth.token) end
  if report.plan then line(list, "profile's plan", "%s", report.plan) end
  for _, provider in ipairs(report.providers) do
    line(list, "asked " .. provider.name, "%s", provider.answer)
  end
  add_credentials(list, report)
end

local function add_endpoint(list, report)
  local at = report.endpoint
  if not at then return end
  list[#list + 1] = "endpoint"
  line(list, "URL", "%s", without_secrets(at.url))
  if at.signing_region then
    line(list, "signed for", "%s", at.signing_region)
  end
  if at.status then
    line(list, "reached", "in %d ms (HTTP %d; nobody signed in)",
      at.milliseconds, at.status)
  end
  if report.clock_offset then
    line(list, "its clock is ahead", "%d s", report.clock_offset)
  end
end

local function add_versions(list, report)
  local versions = report.versions
  list[#list + 1] = ("lua-bedrock %s, %s"):format(versions.bedrock,
    versions.lua)
  if versions.libraries then list[#list + 1] = "  " .. versions.libraries end
end

local function add_settings(list, report)
  local unknown = {}
  list[#list + 1] = "settings"
  for _, setting in ipairs(report.settings) do
    local value = setting.value
    if value == nil and setting.source then
      unknown[#unknown + 1] = setting.name
    else
      line(list, setting.name, "%s%s", value == nil and "not set"
        or tostring(value), from(setting.source))
    end
  end
  if #unknown > 0 then
    line(list, "cannot be told", "%s   (see the problems below)",
      table.concat(unknown, ", "))
  end
end

function Report:__tostring()
  local list = {}
  add_versions(list, self)
  add_settings(list, self)
  for _, file in ipairs(self.files) do
    line(list, "file", "%s: %s", file.path, file.state)
  end
  add_identity(list, self)
  add_endpoint(list, self)
  list[#list + 1] = #self.problems == 0 and "no problems" or "problems"
  for _, problem in ipairs(self.problems) do
    list[#list + 1] = "  - " .. problem
  end
  return table.concat(list, "\n")
end

return doctor
