-- bedrock.auth.imds: credentials of an EC2 instance.
local cjson = require "cjson"
local errors = require "bedrock.errors"
local imds = require "bedrock.auth.imds"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-config/test-data/imds-config/"
  .. "imds-endpoint-tests.json"

local function context(env, respond, files)
  return support.context { env = env, respond = respond, files = files }
end

describe("AWS's IMDS endpoint suite", function()
  if not vectors.available() then
    pending "imds-endpoint-tests.json is not here"
    return
  end
  local cases = cjson.decode(vectors.read(SUITE)).tests
  it("has all its cases", function() assert.equal(14, #cases) end)
  for number, case in ipairs(cases) do
    it(("%d: %s"):format(number, case.docs), function()
      local url, err = imds.endpoint(context(case.env, nil, case.fs).settings,
        { endpoint = case.endpoint_override, mode = case.mode_override })
      if case.result.Err then
        assert.is_nil(url)
        assert.truthy(err.message:find(case.result.Err, 1, true), err.message)
      else
        assert.equal(case.result.Ok, url .. "/latest/api/token")
      end
    end)
  end
end)

local GOOD = [[{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"b",
  "Token":"c","Expiration":"%s"}]]
local LATER, EARLIER = "2030-01-01T00:00:00Z", "1970-01-02T00:00:00Z"

-- An instance; `change` may answer in its place.
local function instance(change)
  local state = { tokens = 0, expiration = LATER }
  return function(request, number)
    local status, body = (change or function() end)(request, number, state)
    if status ~= nil or body then return status or nil, body end
    if request.method == "PUT" then
      state.tokens = state.tokens + 1
      return 200, "token" .. state.tokens,
        { ["x-aws-ec2-metadata-token-ttl-seconds"] = "600" }
    elseif request.headers["x-aws-ec2-metadata-token"] ~= "token"
      .. state.tokens then
      return 401, ""
    elseif request.url:find "/security%-credentials/$" then
      return 200, "role-1\n"
    end
    return 200, GOOD:format(state.expiration)
  end, state
end

describe("IMDS", function()
  it("gives the role's credentials, without a proxy", function()
    local c = context({}, (instance()))
    local found = assert(imds.new(c):resolve())
    assert.equal("a", found.access_key_id)
    assert.equal("c", found.session_token)
    assert.equal("imds", found.source)
    assert.equal(3, #c.host.requests)
    for _, request in ipairs(c.host.requests) do
      assert.equal("", request.proxy)
    end
    assert.equal("http://169.254.169.254/latest/meta-data/iam/"
      .. "security-credentials/role-1", c.host.requests[3].url)
  end)

  it("keeps its token, and renews it before it ends", function()
    local respond, state = instance()
    local c = context({}, respond)
    local provider = imds.new(c)
    provider:resolve()
    c.host.time = c.host.time + 479
    provider:resolve()
    assert.equal(1, state.tokens)
    c.host.time = c.host.time + 1
    provider:resolve()
    assert.equal(2, state.tokens)
  end)

  it("gets a new token when the old one is refused", function()
    local respond, state = instance()
    local c = context({}, respond)
    local provider = imds.new(c)
    provider:resolve()
    state.tokens = 7
    assert.equal("a", provider:resolve().access_key_id)
    assert.equal(8, state.tokens)
  end)

  it("passes where nobody answers, after one try", function()
    local c = context({}, function() return nil, "no route" end)
    local found, err, reason = imds.new(c):resolve()
    assert.is_nil(found)
    assert.is_nil(err)
    assert.equal("no answer from http://169.254.169.254: no route", reason)
    assert.equal(1, #c.host.requests)
    assert.equal(0, c.host.slept)
  end)

  it("is more patient where that is configured", function()
    local seen
    local c = context({ AWS_METADATA_SERVICE_TIMEOUT = "2.5" },
      function() return nil, "no route" end,
      { ["/h/.aws/config"] = "[default]\nmetadata_service_num_attempts = 2\n" })
    local send = c.host.send
    function c.host:send(request, deadlines)
      seen = deadlines.total_seconds
      return send(self, request, deadlines)
    end
    assert.is_nil((imds.new(c):resolve()))
    assert.equal(2.5, seen)
    assert.equal(2, #c.host.requests)
    for _, wrong in ipairs { "0", "-1", "1e3", "soon", "99999" } do
      c = context { AWS_METADATA_SERVICE_TIMEOUT = wrong }
      local found, err = imds.new(c):resolve()
      assert.is_nil(found)
      assert.equal("config", err.kind)
    end
  end)

  it("passes where it is disabled", function()
    local c = context { AWS_EC2_METADATA_DISABLED = "TRUE" }
    local found, err, reason = imds.new(c):resolve()
    assert.is_nil(found)
    assert.is_nil(err)
    assert.equal("AWS_EC2_METADATA_DISABLED is set", reason)
  end)

  it("never falls back to version 1", function()
    for _, status in ipairs { 400, 403, 404, 405 } do
      local c = context({}, function() return status, "" end)
      local found, err = imds.new(c):resolve()
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.equal(1, #c.host.requests)
    end
  end)

  it("refuses tokens and roles that could break out", function()
    local c = context({}, function() return 200, "a\r\nb: c" end)
    assert.is_nil((imds.new(c):resolve()))
    assert.equal(1, #c.host.requests)
    for _, role in ipairs { "../../x", "..", "", "a b" } do
      c = context({}, (instance(function(request)
        if request.url:find "/security%-credentials/$" then
          return 200, role
        end
      end)))
      local found, err = imds.new(c):resolve()
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.equal(2, #c.host.requests)
    end
  end)

  it("stays with its last credentials when it fails", function()
    local broken = false
    local c = context({}, (instance(function()
      if broken then return nil, errors.new("timeout", "1 s passed") end
    end)))
    local provider = imds.new(c)
    provider:resolve()
    broken = true
    c.host.time = c.host.time + 10
    local found = assert(provider:resolve())
    assert.equal("a", found.access_key_id)
    assert.equal(c.host.time + 750, found.expiration)
    assert.equal("warn", c.lines[1][1])
  end)

  it("stays with credentials that have expired", function()
    local respond, state = instance()
    state.expiration = EARLIER
    local c = context({}, respond)
    local found = assert(imds.new(c):resolve())
    assert.equal(c.host.time + 750, found.expiration)
  end)
end)
