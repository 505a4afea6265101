-- bedrock.auth.container: ECS and EKS Pod Identity.
local cjson = require "cjson"
local container = require "bedrock.auth.container"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-config/test-data/ecs-tests.json"

local GOOD = [[{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c",
  "Expiration":"2030-01-01T00:00:00Z","AccountId":"123"}]]

local function context(env, respond, files)
  return support.context { env = env, respond = respond, files = files }
end

local RELATIVE = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/x" }

describe("AWS's container suite", function()
  if not vectors.available() then
    pending "ecs-tests.json is not here"
    return
  end
  local cases = cjson.decode(vectors.read(SUITE)).tests
  it("has all its cases", function() assert.equal(11, #cases) end)
  for number, case in ipairs(cases) do
    it(("%d: %s"):format(number, case.docs), function()
      local url, err, reason = container.url(context(case.env).settings)
      assert.equal(case.result.Ok, url)
      local expected = case.result.ErrorContains
      if expected then
        local message = err and err.message or reason
        assert.truthy(message:find(expected, 1, true), message)
      end
    end)
  end
end)

describe("a container's URI", function()
  for _, uri in ipairs { "http://evil.example/c", "http://169.254.170.2.evil",
    "http://127.0.0.1@evil.example/c", "ftp://127.0.0.1/c",
    "http://127.0.0.1.evil.example/", "http://localhost\r\nx: y/",
    "http://[fd00:ec2::24]/", "http://0x7f.1/" } do
    it(("may not be %q"):format(uri), function()
      local url, err = container.url(context {
        AWS_CONTAINER_CREDENTIALS_FULL_URI = uri }.settings)
      assert.is_nil(url)
      assert.equal("config", err.kind)
    end)
  end

  it("may be on loopback, in any case of letters", function()
    for _, uri in ipairs { "http://127.9.8.7:80/c", "HTTP://LOCALHOST/c",
      "http://[::1]:9/c", "https://anything.example/c" } do
      assert.equal(uri, container.url(context {
        AWS_CONTAINER_CREDENTIALS_FULL_URI = uri }.settings))
    end
  end)
end)

describe("a container", function()
  it("gives credentials, asked without a proxy", function()
    local c = context(RELATIVE, function() return 200, GOOD end)
    local found = assert(container.new(c):resolve())
    assert.same({ access_key_id = "a", secret_access_key = "b",
      session_token = "c", account_id = "123", expiration = 1893456000,
      source = "container" }, found)
    assert.equal("", c.host.requests[1].proxy)
    assert.is_nil(c.host.requests[1].headers.authorization)
  end)

  it("may say when in seconds, or not at all", function()
    for text, wanted in pairs { ["1893456000"] = 1893456000, ['""'] = false,
      ["null"] = false } do
      local c = context(RELATIVE, function()
        return 200, '{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":'
          .. text .. "}"
      end)
      assert.equal(wanted or nil,
        assert(container.new(c):resolve()).expiration)
    end
  end)

  it("reads its token file at each use; the file beats the variable", function()
    local env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "variable",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/token" }
    local c = context(env, function() return 200, GOOD end,
      { ["/token"] = "one\n" })
    local provider = container.new(c)
    assert(provider:resolve())
    c.files.texts["/token"] = "two"
    assert(provider:resolve())
    assert.equal("one", c.host.requests[1].headers.authorization)
    assert.equal("two", c.host.requests[2].headers.authorization)
    c.files.texts["/token"] = "three\r\nx-evil: y"
    local found, err = provider:resolve()
    assert.is_nil(found)
    assert.is_nil(tostring(err):find("three", 1, true))
    assert.equal(2, #c.host.requests)
  end)

  it("tries three times, and tells what the endpoint said", function()
    local c = context(RELATIVE, function() return 503, "" end)
    local _, err = container.new(c):resolve()
    assert.equal(3, #c.host.requests)
    assert.equal(503, err.status)
    c = context(RELATIVE, function()
      return 403, '{"code":"Denied","message":"no role"}'
    end)
    _, err = container.new(c):resolve()
    assert.equal(1, #c.host.requests)
    assert.truthy(err.message:find("HTTP 403, Denied, no role", 1, true))
  end)

  it("refuses answers that are none", function()
    for _, body in ipairs { "", "junk", "[]", "{}", '{"AccessKeyId":"a"}',
      '{"AccessKeyId":1,"SecretAccessKey":"b"}',
      '{"Code":"Failed","Message":"m"}',
      '{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"}',
      '{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":true}',
      '{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":{}}',
      ("x"):rep(2 ^ 20 + 1) } do
      local found, err = container.new(context(RELATIVE, function()
        return 200, body
      end)):resolve()
      assert.is_nil(found)
      assert.truthy(err.kind)
    end
  end)
end)
