-- bedrock.auth.sso: tokens of `aws sso login`, and what they open.
local cjson = require "cjson"
local core = require "bedrock.core"
local sso = require "bedrock.auth.sso"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local TESTDATA = "aws-sdk-go-v1/aws/credentials/ssocreds/testdata/"
local PATH = "/h/.aws/sso/cache/" .. core.bytes.sha1_hex "s" .. ".json"

local function base(change)
  local given = { session = "s", region = "eu-west-1", profile = "p",
    start_url = "https://start", account_id = "123", role_name = "r" }
  for name, value in pairs(change or {}) do given[name] = value or nil end
  return given
end

-- The fake clock stands at 1000000, 12 January 1970.
local function token_file(change)
  local token = { accessToken = "secret-token", refreshToken = "secret-refresh",
    expiresAt = "1970-01-12T14:46:40Z", clientId = "id",
    clientSecret = "secret-client", unknown = { 1, 2 } }
  for name, value in pairs(change or {}) do token[name] = value or nil end
  return cjson.encode(token)
end

local NEAR = { expiresAt = "1970-01-12T13:50:40Z" } -- 240 s are left
local OVER = { expiresAt = "1970-01-12T13:46:39Z" }

local function context(text, respond)
  return support.context { files = { [PATH] = text }, respond = respond }
end

local function fresh(request)
  if request.url == "https://oidc.eu-west-1.amazonaws.com/token" then
    return 200, '{"accessToken":"secret-new","expiresIn":3600,'
      .. '"refreshToken":"secret-refresh-2"}'
  end
  return 200, '{"roleCredentials":{"accessKeyId":"a","secretAccessKey":"b",'
    .. '"sessionToken":"c","expiration":1893456000123}}'
end

describe("an SSO token", function()
  it("is used while it holds", function()
    local c = context(token_file())
    local token, expires = sso.token(c, base()):resolve()
    assert.equal("secret-token", token)
    assert.equal(1003600, expires)
  end)

  it("is refreshed when less than five minutes are left", function()
    local c = context(token_file(NEAR), fresh)
    assert.equal("secret-new", (sso.token(c, base()):resolve()))
    local sent = cjson.decode(c.host.requests[1].body)
    assert.same({ clientId = "id", clientSecret = "secret-client",
      grantType = "refresh_token", refreshToken = "secret-refresh" }, sent)
    local written = cjson.decode(c.files.written[PATH])
    assert.same({ accessToken = "secret-new", clientId = "id",
      clientSecret = "secret-client", refreshToken = "secret-refresh-2",
      expiresAt = "1970-01-12T14:46:40Z", unknown = { 1, 2 } }, written)
  end)

  it("survives a failed refresh while it holds, without a storm", function()
    local c = context(token_file(NEAR), function() return 400, "{}" end)
    local token = sso.token(c, base())
    assert.equal("secret-token", (token:resolve()))
    assert.equal("secret-token", (token:resolve()))
    assert.equal(1, #c.host.requests)
    c.host.time = c.host.time + 31
    token:resolve()
    assert.equal(2, #c.host.requests)
    assert.equal("warn", c.lines[1][1])
  end)

  it("is good although it cannot be written back", function()
    local c = context(token_file(OVER), fresh)
    c.files.full = true
    assert.equal("secret-new", (sso.token(c, base()):resolve()))
    assert.equal("No space left on device", c.lines[1][3].reason)
  end)

  it("that cannot be written back is remembered until the file changes",
    function()
      local asked = {}
      local c = context(token_file(OVER), function(request)
        asked[#asked + 1] = cjson.decode(request.body).refreshToken
        return 200, ('{"accessToken":"secret-%d","expiresIn":3600,'
          .. '"refreshToken":"once-%d"}'):format(#asked, #asked)
      end)
      c.host.write_private = nil -- as in nginx
      local token = sso.token(c, base())
      assert.equal("secret-1", (token:resolve()))
      assert.equal("secret-1", (token:resolve()))
      c.host.time = c.host.time + 3500
      assert.equal("secret-2", (sso.token(c, base()):resolve()))
      assert.same({ "secret-refresh", "once-1" }, asked)
      c.files.texts[PATH] = token_file { accessToken = "signed-in",
        expiresAt = "2030-01-01T00:00:00Z" }
      assert.equal("signed-in", (token:resolve()))
    end)

  it("says how to sign in when it is over", function()
    for _, case in ipairs {
      { token_file(OVER), function() return 400,
        '{"error":"invalid_grant"}' end },
      { token_file { expiresAt = OVER.expiresAt, refreshToken = false } },
      { token_file { expiresAt = OVER.expiresAt,
        registrationExpiresAt = OVER.expiresAt } },
      { token_file(OVER), function() return 200,
        '{"accessToken":"secret","expiresIn":1e300}' end },
      { nil }, { "{" }, { "[]" }, { token_file { accessToken = false } },
      { token_file { expiresAt = "soon" } } } do
      local c = context(case[1], case[2])
      local token, err = sso.token(c, base()):resolve()
      assert.is_nil(token)
      assert.equal("credentials", err.kind)
      assert.truthy(err.message:find("run: aws sso login --profile p", 1, true))
      assert.is_nil(tostring(err):find("secret", 1, true))
    end
  end)

  it("of a profile with blanks in its name is advised for a shell", function()
    local _, err = sso.token(context(nil), base { profile = "my name" })
      :resolve()
    assert.truthy(err.message:find("run: aws sso login --profile 'my name'", 1,
      true))
  end)

  it("of the older form is never refreshed", function()
    local path = "/h/.aws/sso/cache/"
      .. core.bytes.sha1_hex "https://start" .. ".json"
    local c = support.context { files = { [path] = token_file(NEAR) } }
    local old = base { session = false }
    assert.equal("secret-token", (sso.token(c, old):resolve()))
    c.files.texts[path] = token_file(OVER)
    assert.is_nil((sso.token(c, old):resolve()))
  end)

  it("needs a home", function()
    local c = support.context { env = { HOME = "" } }
    local token, err = sso.token(c, base()):resolve()
    assert.is_nil(token)
    assert.truthy(err.message:find "HOME")
  end)
end)

describe("SSO credentials", function()
  it("are asked for with the token", function()
    local c = context(token_file(), fresh)
    local found = assert(sso.new(c, base { role_name = "r/ä" }):resolve())
    assert.same({ access_key_id = "a", secret_access_key = "b",
      session_token = "c", expiration = 1893456000.123, account_id = "123",
      source = "sso" }, found)
    local request = c.host.requests[1]
    assert.equal("https://portal.sso.eu-west-1.amazonaws.com/federation/"
      .. "credentials?role_name=r%2F%C3%A4&account_id=123", request.url)
    assert.equal("secret-token", request.headers["x-amz-sso_bearer_token"])
  end)

  it("fail in words that help", function()
    for status, words in pairs { [401] = "aws sso login --profile p",
      [403] = "HTTP 403, No access", [404] = "role r in account 123" } do
      local c = context(token_file(), function()
        return status, '{"message":"No access"}'
      end)
      local found, err = sso.new(c, base()):resolve()
      assert.is_nil(found)
      assert.truthy(err.message:find(words, 1, true), err.message)
    end
    for _, body in ipairs { "", "[]", "{}", '{"roleCredentials":1}',
      '{"roleCredentials":{"accessKeyId":"a"}}' } do
      local c = context(token_file(), function() return 200, body end)
      assert.is_nil((sso.new(c, base()):resolve()))
    end
  end)
end)

describe("aws-sdk-go's SSO test data", function()
  if not vectors.available() then
    pending "ssocreds/testdata is not here"
    return
  end

  -- Name of the file -> is there a token? (at 19 January 2021, 22:00)
  local cases = { valid_token = true, invalid_json = false,
    missing_accessToken = false, missing_expiresAt = false,
    missing_clientId = true, missing_clientSecret = true,
    missing_refreshToken = true, expired_token = true,
    custom_cached_token = true,
    ["00126f0eb29dc1310529dcc8fc178693e1493135"] = true,
    b5f90cb535abf87a12eb4c57db2b1e837e229ea0 = false,
    f7f7ff326478d8c33d47eeb3408cf1c783cb611e = false }
  for name, good in pairs(cases) do
    it(name, function()
      local c = context(vectors.read(TESTDATA .. name .. ".json"))
      c.host.time = 1611093600
      local token = sso.token(c, base()):resolve()
      assert.equal(good, token ~= nil)
    end)
  end

  it("is all there", function()
    local count = 0
    for _ in pairs(cases) do count = count + 1 end
    assert.equal(count, #vectors.files(TESTDATA, ".json"))
  end)

  it("expired_token is refreshed", function()
    local c = context(vectors.read(TESTDATA .. "expired_token.json"), fresh)
    c.host.time = 1640089261
    assert.equal("secret-new", (sso.token(c, base()):resolve()))
    assert.equal("some value",
      cjson.decode(c.files.written[PATH]).unknownField)
  end)
end)
