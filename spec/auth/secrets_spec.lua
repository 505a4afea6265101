-- No secret in an error, a log line or the doctor's report, whatever the
-- services answer: also their own words that repeat what they were sent.
local bearer = require "bedrock.auth.bearer"
local bedrock = require "bedrock"
local cjson = require "cjson"
local core = require "bedrock.core"
local credentials = require "bedrock.auth.credentials"
local support = require "spec.auth.support"

-- Every secret of this world has this in it, and nothing else has.
local MARK = "hush/+="
local SSO_CACHE = "/h/.aws/sso/cache/" .. core.bytes.sha1_hex "s" .. ".json"
local LOGIN_CACHE = "/h/.aws/login/cache/" .. core.bytes.sha256_hex "l"
  .. ".json"

-- A key made for this spec; its lines are marked by their own beginning.
local PEM = [[
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEGty6pM7npZgqRNCsdWcPJ9r9TkNuH2alqh0FS6OYqLoAoGCCqGSM49
AwEHoUQDQgAE1Ab1bojMOC0RR1gNrHmLKMTTcmLDtpzaXA6xyMqa6exJh35Ew4ja
DY26b13b4oACKDONNbcRbILcprVKTIfJxA==
-----END EC PRIVATE KEY-----
]]
local MARKS = { MARK, "MHcCAQEEIEGty6pM7npZgqRNCsdWcPJ9r9TkNuH2alqh0FS6OYqL",
  core.bytes.uri_encode(MARK), (MARK:gsub("/", "\\/")) }

local FILES = {
  ["/h/.aws/config"] = ([[
[profile role]
role_arn = arn:aws:iam::1:role/r
source_profile = keys
[profile keys]
aws_access_key_id = AKID
aws_secret_access_key = keys-@
aws_session_token = session-@
[profile sso]
sso_session = s
sso_account_id = 1
sso_role_name = r
[sso-session s]
sso_region = eu-west-1
sso_start_url = u
[profile login]
login_session = l
[profile process]
credential_process = x
]]):gsub("@", MARK),
  ["/token"] = "token-" .. MARK,
  [SSO_CACHE] = cjson.encode { accessToken = "sso-" .. MARK,
    expiresAt = "1970-01-12T13:50:00Z", clientId = "c",
    clientSecret = "client-" .. MARK, refreshToken = "refresh-" .. MARK },
  [LOGIN_CACHE] = cjson.encode { clientId = "c", dpopKey = PEM,
    refreshToken = "refresh-" .. MARK, accessToken = { accessKeyId = "a",
      secretAccessKey = "secret-" .. MARK, sessionToken = "login-" .. MARK,
      expiresAt = "1970-01-01T00:00:00Z" } },
}

local WAYS = {
  environment = { AWS_ACCESS_KEY_ID = "a",
    AWS_SECRET_ACCESS_KEY = "env-" .. MARK .. "\1" },
  half = { AWS_SECRET_ACCESS_KEY = "env-" .. MARK },
  role = { AWS_PROFILE = "role" }, sso = { AWS_PROFILE = "sso" },
  login = { AWS_PROFILE = "login" }, process = { AWS_PROFILE = "process" },
  web_identity = { AWS_WEB_IDENTITY_TOKEN_FILE = "/token",
    AWS_ROLE_ARN = "r" },
  container = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/",
    AWS_CONTAINER_AUTHORIZATION_TOKEN = "Basic " .. MARK },
  imds = {},
}

-- All that a request holds, as a service might repeat it.
local function told(request)
  local words = { request.url, request.body or "" }
  for name, value in pairs(request.headers) do
    words[#words + 1] = name .. ":" .. value
  end
  return table.concat(words, " ")
end

local function echo(status)
  return function(request)
    local words = told(request)
    if request.url:find "/latest/api/token" then return 200, "imds" .. MARK end
    if request.url:find "/security%-credentials/$" then return 200, "role" end
    if request.url:find "/security%-credentials/role$" then
      return 200, cjson.encode { Code = "Refused", Message = words }
    end
    local form = (request.headers["content-type"] or ""):find "form"
    if form then
      return status, "<Error><Code>Refused</Code><Message>" .. words
        .. "</Message></Error>"
    end
    return status, cjson.encode { code = "Refused", message = words,
      error = "refused", error_description = words }
  end
end

local HALF = '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"out-' .. MARK
  .. '","Expiration":"soon","SessionToken":5'

local PRINTED = ('{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b",'
  .. '"Expiration":"@","Code":"@","Message":"@"}'):gsub("@", MARK)

local RESPONSES = {
  ["refuses and repeats"] = echo(400), ["forbids and repeats"] = echo(403),
  ["is lost"] = function() return nil, "reset" end,
  ["breaks off"] = function() return 200, HALF end,
  ["answers nonsense"] = function() return 200, HALF .. "}" end,
  ["answers half"] = function()
    return 200, "<SecretAccessKey>x-" .. MARK .. "</SecretAccessKey>"
  end,
}

local function check(text)
  for _, mark in ipairs(MARKS) do
    assert.is_nil(text:find(mark, 1, true), text)
  end
end

-- An error with all that hangs on it.
local function check_error(err)
  while err do
    check(tostring(err))
    check(tostring(err.message))
    err = err.cause
  end
end

describe("secrets stay secret where a service", function()
  for response, respond in pairs(RESPONSES) do
    for way, env in pairs(WAYS) do
      it(response .. ": " .. way, function()
        local given = { AWS_REGION = "eu-west-1" }
        for name, value in pairs(env) do given[name] = value end
        local texts = {}
        for path, text in pairs(FILES) do texts[path] = text end
        local c = support.context { env = given, files = texts,
          respond = respond }
        c.files.full = true -- what is refreshed cannot be written, either
        function c.host.execute()
          return PRINTED, "you must log in", response:find "nonsense" and 0
            or 1
        end
        local held = credentials.new { host = c.host, settings = c.settings,
          files = c.files, log = c.log, random = c.random }
        local found, err = held:get()
        assert.is_nil(found)
        check_error(err)
        check(tostring(held))
        for _, line in ipairs(c.lines) do
          check(line[2])
          for _, value in pairs(line[3] or {}) do check(tostring(value)) end
        end
      end)
    end
  end
end)

describe("the doctor", function()
  it("keeps what it finds to itself", function()
    for _, options in ipairs { { bearer_token = "bearer-" .. MARK },
      { credentials = { access_key_id = "id-" .. MARK .. "1234",
        secret_access_key = "secret-" .. MARK .. "5678",
        session_token = "session-" .. MARK .. "9012" } },
      { env = { AWS_BEARER_TOKEN_BEDROCK = "b-" .. MARK .. "\2" } } } do
      options.host = support.host(echo(403))
      options.region = "eu-west-1"
      options.env = options.env or {}
      check(tostring(bedrock.doctor(options)))
      check(tostring(bedrock.new(options)))
    end
  end)

  it("and the bearer token of a function that fails", function()
    check_error(select(2, bearer.token(function() return MARK .. "\n\n x" end,
      "option")))
  end)
end)
