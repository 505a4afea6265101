-- bedrock.auth.bearer and .schemes: API keys instead of signatures.
local bearer = require "bedrock.auth.bearer"
local bedrock = require "bedrock"
local cjson = require "cjson"
local core = require "bedrock.core"
local fakehost = require "spec.support.fakehost"
local schemes = require "bedrock.auth.schemes"
local support = require "spec.auth.support"
local task = require "bedrock.task"
local vectors = require "spec.support.vectors"

local unpack = table.unpack or unpack

local SSO = "[default]\nsso_session = s\n[sso-session s]\n"
  .. "sso_region = eu-west-1\nsso_start_url = u\n"
local CACHE = "/h/.aws/sso/cache/" .. core.bytes.sha1_hex "s" .. ".json"

local function context(options, env, config)
  return support.context { options = options, env = env, files = {
    ["/h/.aws/config"] = config, [CACHE] =
      '{"accessToken":"sso-token","expiresAt":"2030-01-01T00:00:00Z"}' } }
end

-- choose, and the token itself.
local function choose(options, env, config)
  local c = context(options, env, config)
  local scheme, token, source = schemes.choose(c.settings)
  if scheme ~= "bearer" then return scheme, token end
  token = assert(bearer.token(token, source, c))
  return scheme, token, source, c
end

describe("the JavaScript SDK's bearer cases", function()
  if not vectors.available() then
    pending "js-golden/requests.json is not here"
    return
  end
  local count = 0
  for _, case in ipairs(cjson.decode(vectors.read
    "js-golden/requests.json")) do
    if case.name:find "^bearer" then
      count = count + 1
      it(case.name, function()
        local given = case.config.token
        local scheme, token = choose({
          bearer_token = given and given.token }, case.env)
        assert.equal("bearer", scheme)
        assert.equal(case.request.headers.authorization
          or case.request.headers.Authorization, "Bearer " .. token)
      end)
    end
  end
  it("are all there", function() assert.equal(4, count) end)
end)

describe("the choice", function()
  it("is SigV4 where nothing speaks of a token", function()
    assert.equal("sigv4", (choose()))
    assert.equal("sigv4", (choose({}, { AWS_BEARER_TOKEN_BEDROCK = " " })))
    assert.equal("sigv4", (choose({}, {}, SSO)))
  end)

  it("is the token of the environment, whatever credentials there are",
    function()
      local env = { AWS_BEARER_TOKEN_BEDROCK = "t", AWS_ACCESS_KEY_ID = "a",
        AWS_SECRET_ACCESS_KEY = "b", AWS_AUTH_SCHEME_PREFERENCE = "sigv4" }
      assert.same({ "bearer", "t", "AWS_BEARER_TOKEN_BEDROCK" },
        { unpack({ choose({ credentials = {} }, env) }, 1, 3) })
    end)

  it("is the option's, before the environment's", function()
    local env = { AWS_BEARER_TOKEN_BEDROCK = "t" }
    assert.equal("o", (select(2, choose({ bearer_token = "o" }, env))))
    assert.equal("sigv4", (choose({ auth = "sigv4" }, env)))
    assert.equal("sigv4", (choose({ auth = "sigv4", bearer_token = "o" })))
    assert.equal("f", (select(2, choose { bearer_token = function()
      return "f"
    end })))
  end)

  it("is the SSO session's where bearer is preferred", function()
    for _, case in ipairs { { {}, { AWS_AUTH_SCHEME_PREFERENCE =
      "httpBearerAuth,sigv4" } }, { { auth = "bearer" }, {} } } do
      local scheme, token = choose(case[1], case[2], SSO)
      assert.equal("bearer", scheme)
      assert.equal("sso-token", token)
    end
    assert.equal("sigv4", (choose({}, { AWS_AUTH_SCHEME_PREFERENCE =
      "httpBearerAuth" })))
  end)

  it("of an SSO token renews it once for all who ask", function()
    local c = context({}, {}, SSO)
    c.files.texts[CACHE] = cjson.encode { accessToken = "old",
      expiresAt = "1970-01-01T00:00:00Z", clientId = "c", clientSecret = "s",
      refreshToken = "r" }
    local count = 0
    function c.host:send(request)
      count = count + 1
      for _ = 1, 3 do task.pause(self, nil) end
      assert.truthy(request.url:find "/token$")
      local text = ('{"accessToken":"new%d","expiresIn":3600}'):format(count)
      return { status = 200, close = function() end, read = function()
        local piece = text
        text = nil
        return piece
      end }
    end
    local _, token, source = schemes.choose(c.settings, { auth = "bearer" })
    local tasks, seen = {}, {}
    local function ask(number)
      seen[number] = bearer.token(token, source, c)
    end
    for i = 1, 5 do tasks[i] = task.new(ask, i) end
    for _ = 1, 10 do for _, one in ipairs(tasks) do one:step() end end
    assert.same({ "new1", "new1", "new1", "new1", "new1" }, seen)
    bearer.invalidate(c) -- and the file's own is fresh still
    assert.equal("new1", (bearer.token(token, source, c)))
    assert.equal(1, count)
  end)

  it("fails where a token is demanded and there is none", function()
    local scheme, err = choose { auth = "bearer" }
    assert.is_nil(scheme)
    assert.equal("credentials", err.kind)
    assert.truthy(err.message:find("AWS_BEARER_TOKEN_BEDROCK", 1, true))
  end)

  it("touches no file where a token is given", function()
    local _, _, _, c = choose({}, { AWS_BEARER_TOKEN_BEDROCK = "t",
      AWS_PROFILE = "unknown" }, "broken")
    assert.same({}, c.files.reads)
  end)
end)

describe("a token", function()
  it("that no header could hold is refused, and not shown", function()
    for _, token in ipairs { "a\r\nb", "secret token", "secr\195\164t", "",
      "secret\0" } do
      local found, err = bearer.token(token, "option")
      assert.is_nil(found)
      assert.equal("config", err.kind)
      assert.is_nil(tostring(err):find("secr", 1, true))
    end
  end)

  it("may end with a newline, as files do", function()
    assert.equal("t", bearer.token("t\n", "option"))
    assert.equal("t", bearer.token(function() return "t\r\n" end, "option"))
  end)

  it("may come from a function that fails", function()
    local found, err = bearer.token(function() return nil, "no" end, "option")
    assert.is_nil(found)
    assert.equal("no", err.message)
    found, err = bearer.token(function() end, "option")
    assert.is_nil(found)
    assert.equal("credentials", err.kind)
    assert.is_nil((bearer.token(function() return 1 end, "option")))
  end)

  it("that stays on this machine goes through nobody's proxy", function()
    for url, proxy in pairs { ["http://localhost:1"] = "",
      ["https://h.example"] = "http://proxy:1" } do
      local host = fakehost.new { '{"output":{"message":{"role":"assistant",'
        .. '"content":[]}}}' }
      assert(bedrock.new { host = host, region = "us-east-1", env = {},
        bearer_token = "t", endpoint_url = url, proxy = "http://proxy:1",
      }:converse { modelId = "m", messages = { { role = "user",
        content = { { text = "Hello" } } } } })
      assert.equal(proxy, host.sent[1].proxy)
    end
  end)

  it("goes over https, or stays on this machine", function()
    for _, url in ipairs { "https://x.example/", "HTTPS://x", "http://[::1]/",
      "http://localhost:80/x", "http://127.0.0.1:8080", "http://LocalHost" } do
      assert.is_true(bearer.allowed(url))
    end
    for _, url in ipairs { "http://x.example", "http://127.0.0.1.evil.example",
      "http://localhost@evil.example/", "ftp://localhost", "", "localhost",
      "http://[::2]/", "http://10.0.0.1", "http://127.0.0.1234/" } do
      local fine, err = bearer.allowed(url)
      assert.is_nil(fine)
      assert.equal("config", err.kind)
    end
  end)
end)
