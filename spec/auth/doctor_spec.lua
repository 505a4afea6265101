-- bedrock.doctor: what a client would do, and why.
local bedrock = require "bedrock"
local doctor = require "bedrock.doctor"
local support = require "spec.auth.support"

local KEYS = { AWS_ACCESS_KEY_ID = "AKIDSECRETSECRET1234",
  AWS_SECRET_ACCESS_KEY = "secretsecretsecret5678",
  AWS_SESSION_TOKEN = "tokensecretsecretsecret9abc",
  AWS_REGION = "eu-west-1", HOME = "/nowhere" }

local function report_of(options, respond)
  options.host = support.host(respond or function() return 404, "" end)
  return bedrock.doctor(options), options.host
end

local function with(env, change)
  local copy = {}
  for name, value in pairs(env) do copy[name] = value end
  for name, value in pairs(change) do copy[name] = value end
  return copy
end

local function setting(report, name)
  for _, found in ipairs(report.settings) do
    if found.name == name then return found.value, found.source end
  end
end

describe("bedrock.doctor", function()
  it("tells what would be used and where it comes from", function()
    local report, host = report_of { env = KEYS, max_attempts = 5 }
    assert.same({ "eu-west-1", "AWS_REGION" }, { setting(report, "region") })
    assert.same({ 5, "option" }, { setting(report, "max_attempts") })
    assert.equal("sigv4", report.auth.scheme)
    assert.same({ { name = "environment", answer = "gave credentials" } },
      report.providers)
    assert.equal("environment", report.credentials.source)
    assert.equal("https://bedrock-runtime.eu-west-1.amazonaws.com",
      report.endpoint.url)
    assert.equal(404, report.endpoint.status)
    assert.is_nil(host.requests[1].headers.authorization)
    assert.same({}, report.problems)
  end)

  it("shows four characters of a secret at most", function()
    local text = tostring((report_of { env = with(KEYS, {
      HTTPS_PROXY = "http://user:secret@p@proxy:1/" }) }))
    assert.is_nil(text:lower():find "secret%l")
    assert.is_nil(text:find("secret@", 1, true))
    for _, last in ipairs { "****1234", "****5678", "****9abc",
      "http://****@proxy:1/" } do
      assert.truthy(text:find(last, 1, true), last)
    end
    assert.equal("****", doctor.mask "short")
    assert.is_nil(doctor.mask(nil))
    text = tostring((report_of { env = with(KEYS, { AWS_ENDPOINT_URL =
      "https://h/?key=secretsecret" }) }))
    assert.is_nil(text:find("secretsecret", 1, true))
    text = tostring((report_of { bearer_token = "secretsecrettoken",
      region = "eu-west-1", env = { HOME = "/nowhere" } }))
    assert.is_nil(text:find("secret", 1, true))
    assert.truthy(text:find("****oken", 1, true))
  end)

  it("asks nobody for credentials where a token is used", function()
    local report = report_of { env = with(KEYS, {
      AWS_BEARER_TOKEN_BEDROCK = "bedrock-api-key-xyz" }) }
    assert.equal("bearer", report.auth.scheme)
    assert.equal("AWS_BEARER_TOKEN_BEDROCK", report.auth.source)
    assert.same({}, report.providers)
    assert.is_nil(report.credentials)
  end)

  it("says what decided how to sign, and what is not set", function()
    local function who(options, env)
      options.env = with({ HOME = "/nowhere", AWS_ACCESS_KEY_ID = "a",
        AWS_SECRET_ACCESS_KEY = "b" }, env or {})
      local report = report_of(options)
      return report.auth.source, tostring(report)
    end
    local source, text = who {}
    assert.equal("default", source)
    assert.truthy(text:find("region +not set\n"), text)
    assert.equal("option", (who { auth = "sigv4" }))
    local preference = { AWS_AUTH_SCHEME_PREFERENCE = "sigv4" }
    assert.equal("AWS_AUTH_SCHEME_PREFERENCE", (who({}, preference)))
    preference.AWS_AUTH_SCHEME_PREFERENCE = "httpBearerAuth"
    assert.equal("default", (who({}, preference)))
  end)

  it("warns of a token that would go out in the clear", function()
    local report = report_of { env = { HOME = "/nowhere" },
      region = "eu-west-1", bearer_token = "x",
      endpoint_url = "http://10.0.0.1" }
    assert.truthy(report.problems[1]:find("only sent over https", 1, true))
  end)

  it("says for how long credentials are valid", function()
    for expiration, words in pairs { [1000000 + 3660] = "61 min\n",
      [1000000 - 3660] = "0 min\n", [1e300] = "%d+ min\n" } do
      local report = report_of { env = { HOME = "/nowhere" },
        region = "eu-west-1", credentials = { access_key_id = "a",
          secret_access_key = "b", expiration = expiration } }
      local text = tostring(report)
      assert.truthy(text:find("valid for +" .. words), text)
      assert.equal(expiration < 1000000 and "the credentials expired 61 min "
        .. "ago: get new ones, or set the clock of this machine right" or nil,
        report.problems[1])
    end
  end)

  it("tells what a function, or who else was given, said", function()
    local report = report_of { env = { HOME = "/nowhere" },
      region = "eu-west-1", credentials = function()
        return nil, "the vault is sealed"
      end }
    assert.same({ { name = "function", answer = "the vault is sealed" } },
      report.providers)
    report = report_of { env = { HOME = "/nowhere" }, region = "eu-west-1",
      credentials = { access_key_id = "a", secret_access_key = "b" } }
    assert.same({ { name = "option", answer = "gave credentials" } },
      report.providers)
  end)

  it("does not list what it cannot tell", function()
    local text = tostring((report_of { env = { HOME = "/nowhere",
      AWS_PROFILE = "x", AWS_REGION = "eu-west-1" } }))
    assert.truthy(text:find("cannot be told +endpoint_url, use_fips, "), text)
    assert.is_nil(text:find("?", 1, true))
  end)

  it("measures the clock", function()
    local report = report_of({ env = KEYS }, function()
      return 403, "", { date = "Mon, 12 Jan 1970 14:46:40 GMT" }
    end)
    assert.equal(3600, report.clock_offset)
    assert.truthy(report.problems[1]:find("wrong by 3600 s", 1, true))
  end)

  it("names every problem once and comes to its end", function()
    local report = report_of { env = { HOME = "/nowhere", AWS_PROFILE = "x" } }
    assert.equal(1, #report.problems)
    assert.truthy(report.problems[1]:find('no profile "x"', 1, true))
    assert.truthy(tostring(report):find('no profile "x"', 1, true))
    report = report_of({ env = { HOME = "/nowhere", AWS_REGION = "eu-west-1" }
    }, function() return nil, "no route" end)
    assert.equal(2, #report.problems)
    assert.equal("imds", report.providers[5].name)
    assert.truthy(report.providers[5].answer:find("no route", 1, true))
  end)

  it("raises for an option that does not exist", function()
    assert.has_error(function() bedrock.doctor { regoin = "x" } end)
  end)

  it("explains the plan of a profile", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("[default]\nregion = eu-west-1\nrole_arn = ROLE\n"
      .. "source_profile = b\n[profile b]\naws_access_key_id = a\n"
      .. "aws_secret_access_key = secret\n")
    file:close()
    local report = report_of { env = { HOME = "/nowhere",
      AWS_CONFIG_FILE = path } }
    os.remove(path)
    assert.equal("role ROLE, with keys in the profile (profile b)",
      report.plan)
    assert.truthy(report.problems[1]:find("STS refused AssumeRole", 1, true))
    assert.is_nil(tostring(report):find("secret%f[^%w_]"))
  end)
end)
