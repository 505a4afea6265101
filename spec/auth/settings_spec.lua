-- bedrock.auth.settings: option > environment > profile > default.
local cjson = require "cjson"
local settings = require "bedrock.auth.settings"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local ENDPOINTS = "botocore/tests/functional/configured_endpoint_urls/"
  .. "profile-tests.json"

local function new(options, env, config, credentials)
  env = env or {}
  env.HOME = "/h"
  local files = support.files { ["/h/.aws/config"] = config,
    ["/h/.aws/credentials"] = credentials }
  return settings.new { options = options, env = support.env(env),
    files = files, windows = false }, files
end

-- The suite's tables as a config file.
local function config_text(suite)
  local lines = {}
  local function section(header, properties)
    lines[#lines + 1] = "[" .. header .. "]"
    for key, value in pairs(properties) do
      if type(value) == "table" then
        lines[#lines + 1] = key .. " ="
        for nested, text in pairs(value) do
          lines[#lines + 1] = "  " .. nested .. " = " .. text
        end
      else
        lines[#lines + 1] = key .. " = " .. value
      end
    end
  end
  for name, properties in pairs(suite.profiles) do
    section("profile " .. name, properties)
  end
  for name, services in pairs(suite.services) do
    section("services " .. name, services)
  end
  return table.concat(lines, "\n")
end

-- What boto3 makes up itself where nothing is configured.
local function configured(url)
  if url:find "fake%-region" then return nil end
  return url
end

describe("botocore's configured endpoint suite", function()
  if not vectors.available() then
    pending "profile-tests.json is not here"
    return
  end
  local suite = cjson.decode(vectors.read(ENDPOINTS)).testSuites[1]
  local text = config_text(suite)
  for number, case in ipairs(suite.endpointUrlTests) do
    it(("%d: %s"):format(number, case.name), function()
      local options = { profile = case.profile }
      for key, value in pairs(suite.client_configs[case.client_config]) do
        options[key] = value
      end
      local s = new(options, suite.environments[case.environment], text)
      local url = options.endpoint_url or s:endpoint(case.service)
      assert.equal(configured(case.output.endpointUrl), url)
    end)
  end
  it("has all its cases", function()
    assert.equal(39, #suite.endpointUrlTests)
  end)
end)

describe("settings", function()
  it("prefer option, then environment, then profile", function()
    local text = "[default]\nregion = eu-west-3\n"
    local s = new({ region = "eu-west-1" }, { AWS_REGION = "eu-west-2" }, text)
    assert.same({ "eu-west-1", "option" }, { s:get "region" })
    s = new({}, { AWS_REGION = "eu-west-2", AWS_DEFAULT_REGION = "x" }, text)
    assert.same({ "eu-west-2", "AWS_REGION" }, { s:get "region" })
    s = new({}, { AWS_DEFAULT_REGION = "eu-west-2" }, text)
    assert.same({ "eu-west-2", "AWS_DEFAULT_REGION" }, { s:get "region" })
    s = new({}, {}, text)
    assert.same({ "eu-west-3", "profile default in /h/.aws/config, line 2" },
      { s:get "region" })
    assert.same({}, { new():get "region" })
    assert.same({ 3, "default" }, { new():get "max_attempts" })
  end)

  it("take empty and blank variables for unset ones", function()
    local s = new({}, { AWS_REGION = "", AWS_DEFAULT_REGION = " \t" })
    assert.is_nil(s:get "region")
    assert.is_nil(s:env "AWS_REGION")
  end)

  it("take an empty option for an absent one", function()
    local s = new({ region = "", profile = "", endpoint_url = "",
      bearer_token = "", proxy = "" }, { AWS_REGION = "eu-west-1",
      AWS_ENDPOINT_URL = "http://h" })
    assert.same({ "eu-west-1", "AWS_REGION" }, { s:get "region" })
    assert.same({ "default", "default" }, { s:get "profile" })
    assert.equal("http://h", (s:get "endpoint_url"))
    assert.is_nil((s:get "bearer_token"))
    assert.same({ "", "option" }, { s:get "proxy" }) -- none is a choice
  end)

  it("do not mind white space around a variable, nor its type", function()
    local s = new({}, { AWS_REGION = "eu-west-1\n", AWS_MAX_ATTEMPTS = 5,
      AWS_USE_FIPS_ENDPOINT = true, AWS_ENDPOINT_URL = " http://h\t" })
    assert.equal("eu-west-1", s:get "region")
    assert.equal(5, s:get "max_attempts")
    assert.is_true((s:get "use_fips"))
    assert.equal("http://h", s:get "endpoint_url")
  end)

  it("let the credentials file configure, too", function()
    local s = new({ profile = "a" }, {}, "[profile a]\nregion = eu-west-1",
      "[a]\nregion = eu-west-2\n")
    assert.same({ "eu-west-2", "profile a in /h/.aws/credentials, line 2" },
      { s:get "region" })
  end)

  it("touch no file before they must", function()
    local s, files = new({ region = "eu-west-1" }, { AWS_PROFILE = "x" },
      "broken")
    assert.equal("eu-west-1", s:get "region")
    assert.equal("x", s:get "profile")
    assert.equal(10, s:get "connect_timeout")
    assert.same({}, files.reads)
    assert.is_nil(s:get "use_fips")
    assert.same({ "/h/.aws/config", "/h/.aws/credentials" }, files.reads)
  end)

  it("read the files once, and again after reload", function()
    local s, files = new({}, {}, "[default]\nregion = eu-west-1")
    s:get "region"
    s:get "use_fips"
    s:get "max_attempts"
    assert.equal(2, #files.reads)
    files.texts["/h/.aws/config"] = "[default]\nregion = eu-west-2"
    assert.equal("eu-west-1", s:get "region")
    s:reload()
    assert.equal("eu-west-2", s:get "region")
  end)

  it("understand their types and name what they do not", function()
    local s = new({}, { AWS_USE_FIPS_ENDPOINT = "True",
      AWS_MAX_ATTEMPTS = "5", AWS_RETRY_MODE = "Adaptive" },
      "[default]\nuse_dualstack_endpoint = false")
    assert.is_true((s:get "use_fips"))
    assert.is_false((s:get "use_dualstack"))
    assert.equal(5, s:get "max_attempts")
    assert.equal("adaptive", s:get "retry_mode")
    for name, wrong in pairs { AWS_USE_FIPS_ENDPOINT = "yes",
      AWS_MAX_ATTEMPTS = "0", AWS_RETRY_MODE = "fast",
      AWS_REGION = '"eu-west-1"' } do
      local setting = ({ AWS_USE_FIPS_ENDPOINT = "use_fips",
        AWS_MAX_ATTEMPTS = "max_attempts", AWS_RETRY_MODE = "retry_mode",
        AWS_REGION = "region" })[name]
      local value, err = new({}, { [name] = wrong }):get(setting)
      assert.is_nil(value)
      assert.equal("config", err.kind)
      assert.truthy(err.message:find(name, 1, true))
    end
  end)

  it("take only plain numbers of attempts", function()
    for _, wrong in ipairs { "0", "00", "-1", "3.0", "0x3", "1e1", "10000",
      "99999999999999999999", "inf", "three" } do
      local value, err = new({}, { AWS_MAX_ATTEMPTS = wrong })
        :get "max_attempts"
      assert.is_nil(value, wrong)
      assert.equal("config", err.kind)
    end
    assert.equal(12, (new({}, { AWS_MAX_ATTEMPTS = "12" }):get
      "max_attempts"))
  end)

  it("take botocore's legacy mode for standard", function()
    assert.equal("standard",
      (new({}, { AWS_RETRY_MODE = "legacy" }):get "retry_mode"))
  end)

  it("read lists of auth schemes in all their spellings", function()
    local s = new({}, { AWS_AUTH_SCHEME_PREFERENCE =
      "sigv4a, aws.auth#sigv4 ,smithy.api#httpBearerAuth" })
    assert.same({ "sigv4", "bearer" }, (s:get "auth_scheme_preference"))
  end)

  it("fail for a profile that was asked for and is not there", function()
    local s = new({}, { AWS_PROFILE = "prd" }, "[profile dev]\n[profile prod]")
    local value, err = s:get "region"
    assert.is_nil(value)
    assert.equal('no profile "prd" in /h/.aws/config or '
      .. "/h/.aws/credentials: there are dev, prod (the name comes from "
      .. "AWS_PROFILE)", err.message)
  end)

  it("need no default profile", function()
    assert.is_nil(new({}, {}, "[profile dev]\nregion = x"):get "region")
    assert.is_false((new({}, {}, "[profile dev]\nregion = x"):get "use_fips"))
  end)

  it("raise for a setting that does not exist", function()
    assert.has_error(function() new():get "regoin" end)
  end)
end)
