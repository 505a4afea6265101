-- bedrock.auth.login: sessions of `aws login`.
local cjson = require "cjson"
local core = require "bedrock.core"
local from_profile = require "bedrock.auth.from_profile"
local login = require "bedrock.auth.login"
local support = require "spec.auth.support"
local timestamp = require "bedrock.service.timestamp"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-config/test-data/"
  .. "login-provider-test-cases.json"

local NOW = timestamp.parse "2025-11-19T00:00:00Z"

-- A key made for these specs, in both forms that PEM has for it.
local SEC1 = [[
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEGty6pM7npZgqRNCsdWcPJ9r9TkNuH2alqh0FS6OYqLoAoGCCqGSM49
AwEHoUQDQgAE1Ab1bojMOC0RR1gNrHmLKMTTcmLDtpzaXA6xyMqa6exJh35Ew4ja
DY26b13b4oACKDONNbcRbILcprVKTIfJxA==
-----END EC PRIVATE KEY-----
]]
local PKCS8 = [[
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQa3LqkzuelmCpE0K
x1Zw8n2v1OQ24fZqWqHQVLo5iouhRANCAATUBvVuiMw4LRFHWA2seYsoxNNyYsO2
nNpcDrHIyprp7EmHfkTDiNoNjbpvXdvigAIoM401txFsgtymtUpMh8nE
-----END PRIVATE KEY-----
]]
local POINT = "d406f56e88cc382d1147580dac798b28c4d37262c3b69cda5c0eb1c8ca9ae9ec"
  .. "49877e44c388da0d8dba6f5ddbe2800228338d35b7116c82dca6b54a4c87c9c4"

-- Keys that will not do: another curve, a passphrase, cut short.
local P384 = [[
-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDBZ8gXhqVRL6QSnDSNf2ZHrXlKXpEXJ5+f9U/OdA4JYZs3gNXqjjJ58
XOq1s8OC2V2gBwYFK4EEACKhZANiAARms2lsgb12LKDJz1hjbP84rDbMFDsFiY9y
w52R6ZpdQ6I155bDGxoifaJ3e5zA38stLuLK8fi9Oqz6v6MepNk6P/7KoECALGpB
qMMaR+a75OONofjLlxq+6OnBRbSLBb4=
-----END EC PRIVATE KEY-----
]]
local ENCRYPTED = [[
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhggLUJT+jnTQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBD686F0UpQF2PkvR+brheIEgZCR
5TpPHjpdjg+G9MSkMCa2n2zms3lZ38XjOZVNrmIbRh5OamGHOm2AYknI/eLhfQ8Y
UYNBd90GTw0psWXnnlZx1a78f2HiYfMzjiwVI5dCBlm+gF1IiunTs0TB/X5t+yln
i1EpqxgS+Ru0PBHo9PG1meF/xcXVkhTDOrmGflVLhRdV+jJs+sCgHroszO+8L9I=
-----END ENCRYPTED PRIVATE KEY-----
]]

local function decode(text)
  return core.bytes.base64_decode(text:gsub("[-_]", { ["-"] = "+",
    ["_"] = "/" }) .. ("="):rep(-#text % 4))
end

-- The parts of a proof.
local function parts(proof)
  local head, claims, signature = proof:match "^([^.]+)%.([^.]+)%.([^.]+)$"
  return cjson.decode(decode(head)), cjson.decode(decode(claims)),
    decode(signature)
end

describe("AWS's login suite", function()
  if not vectors.available() then
    pending "login-provider-test-cases.json is not here"
    return
  end

  local function context_of(case)
    local files = { ["/h/.aws/config"] = case.configContents }
    for name, content in pairs(case.cacheContents) do
      files["/h/.aws/login/cache/" .. name] = cjson.encode(content)
    end
    local calls = case.mockApiCalls or {}
    local context = support.context { files = files,
      options = { profile = "signin", region = "us-east-1" },
      respond = function(request, number)
        local call = calls[number]
        assert.same(call.request.tokenInput, cjson.decode(request.body))
        if call.responseCode then return call.responseCode, "" end
        return 200, cjson.encode(call.response.tokenOutput)
      end }
    context.host.time = NOW
    return context
  end

  local function check(outcome, context, found, err)
    if outcome.result == "error" then
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.truthy(err.message:find("aws login --profile signin", 1, true))
    elseif outcome.result == "credentials" then
      assert.same({ access_key_id = outcome.accessKeyId,
        secret_access_key = outcome.secretAccessKey,
        session_token = outcome.sessionToken,
        account_id = outcome.accountId, source = "login",
        expiration = timestamp.parse(outcome.expiresAt) }, found)
    else
      for name, content in pairs(outcome) do
        if name ~= "result" then
          assert.same(content, cjson.decode(
            context.files.written["/h/.aws/login/cache/" .. name]))
        end
      end
    end
  end

  local cases = cjson.decode(vectors.read(SUITE))
  for number, case in ipairs(cases) do
    it(("%d: %s"):format(number, case.documentation), function()
      local context = context_of(case)
      local found, err = from_profile.new(context):resolve()
      for _, outcome in ipairs(case.outcomes) do
        check(outcome, context, found, err)
      end
      assert.equal(#(case.mockApiCalls or {}), #context.host.requests)
    end)
  end
  it("has all its cases", function() assert.equal(8, #cases) end)

  it("proves that it holds the key", function()
    local context = context_of(cases[7])
    assert(from_profile.new(context):resolve())
    local request = context.host.requests[1]
    assert.equal("https://us-east-1.signin.aws.amazon.com/v1/token",
      request.url)
    local head, claims, signature = parts(request.headers.dpop)
    assert.equal("dpop+jwt", head.typ)
    assert.equal("ES256", head.alg)
    assert.equal("ILkGG7rNOnxiIJlMgimY1UPP8eDMFP0DAY6WGjngP4Y", head.jwk.x)
    assert.equal("70wIlAkPyH37rdt-_bj_jgQptqLxqQTiUYK5dUbKVDk", head.jwk.y)
    assert.equal("POST", claims.htm)
    assert.equal(request.url, claims.htu)
    assert.equal(NOW, claims.iat)
    assert.equal(36, #claims.jti)
    assert.equal(64, #signature)
  end)
end)

describe("a login session", function()
  it("moves with AWS_LOGIN_CACHE_DIRECTORY", function()
    local context = support.context {
      env = { AWS_LOGIN_CACHE_DIRECTORY = "/cache/" } }
    assert.equal("/cache/4b0ba8f99f075c0633e122fd73346ce203a3faf18ea0310eb2"
      .. "d29df1bab2e255.json", login.new(context, { profile = "p",
      login_session = "arn:aws:sts::012345678910:assumed-role/Admin/admin"
    }):path())
  end)

  local function session(respond, expires_at)
    local context = support.context { options = { region = "eu-west-1" },
      respond = respond }
    local provider = login.new(context, { profile = "p", login_session = "s" })
    context.files.texts[provider:path()] = cjson.encode { clientId = "c",
      refreshToken = "secret-r", dpopKey = SEC1,
      accessToken = { accessKeyId = "a", secretAccessKey = "secret-b",
        sessionToken = "secret-c", expiresAt = expires_at } }
    return provider, context
  end

  it("says why sign-in refused", function()
    for code, words in pairs { TOKEN_EXPIRED = "has expired",
      USER_CREDENTIALS_CHANGED = "password", OTHER = "HTTP 403" } do
      local found, err = session(function()
        return 403, cjson.encode { error = code }
      end, "1970-01-02T00:00:00Z"):resolve()
      assert.is_nil(found)
      assert.truthy(err.message:find(words, 1, true), err.message)
      assert.truthy(err.message:find("run: aws login --profile p", 1, true))
      assert.is_nil(tostring(err):find("secret", 1, true))
    end
  end)

  it("goes on with what still holds when a refresh fails", function()
    local provider, context = session(function() return 500, "" end,
      "1970-01-12T13:50:40Z")
    assert.equal("a", provider:resolve().access_key_id)
    assert.equal(3, #context.host.requests)
    assert.equal("warn", context.lines[1][1])
  end)

  it("goes on with what it could not write back", function()
    local asked = {}
    local provider, context = session(function(request)
      asked[#asked + 1] = cjson.decode(request.body).refreshToken
      return 200, cjson.encode { expiresIn = 900, refreshToken = "secret-2",
        accessToken = { accessKeyId = "id" .. #asked,
          secretAccessKey = "b", sessionToken = "c" } }
    end, "1970-01-02T00:00:00Z")
    context.files.full = true
    assert.equal("id1", provider:resolve().access_key_id)
    assert.equal("id1", provider:resolve().access_key_id)
    context.host.time = context.host.time + 700
    assert.equal("id2", provider:resolve().access_key_id)
    assert.same({ "secret-r", "secret-2" }, asked)
  end)

  it("refuses answers that are none", function()
    for _, body in ipairs { "", "[]", "{}", '{"accessToken":{}}',
      '{"accessToken":{"accessKeyId":"a","secretAccessKey":"b"}}',
      '{"expiresIn":1e300,"accessToken":{"accessKeyId":"a",'
        .. '"secretAccessKey":"b","sessionToken":"c"}}',
      '{"expiresIn":900,"accessToken":{"accessKeyId":"a",'
        .. '"secretAccessKey":"b","sessionToken":5}}' } do
      local provider, context = session(function() return 200, body end,
        "1970-01-02T00:00:00Z")
      local found, err = provider:resolve()
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.same({}, context.files.written)
    end
  end)
end)

describe("ES256", function()
  it("reads both forms of a key", function()
    for _, pem in ipairs { SEC1, PKCS8 } do
      local x, y = core.ecdsa.public(pem)
      assert.equal(POINT, core.bytes.hex(x .. y))
      assert.equal(64, #core.ecdsa.sign(pem, "message"))
    end
  end)

  -- The signature itself is judged by openssl(1), where it is installed.
  it("signs what openssl accepts", function()
    if not os.execute "openssl version >/dev/null 2>&1" then
      return pending "there is no openssl(1)"
    end
    local function integer(bytes)
      bytes = bytes:gsub("^%z+", "")
      if bytes:byte() >= 128 then bytes = "\0" .. bytes end
      return "\2" .. string.char(#bytes) .. bytes
    end
    local function write(text)
      local name = os.tmpname()
      local file = assert(io.open(name, "wb"))
      file:write(text)
      file:close()
      return name
    end
    for number = 1, 5 do
      local message = "message " .. number
      local raw = core.ecdsa.sign(SEC1, message)
      local der = integer(raw:sub(1, 32)) .. integer(raw:sub(33))
      local key, text, signature = write(SEC1), write(message),
        write("\48" .. string.char(#der) .. der)
      local pipe = io.popen(("openssl dgst -sha256 -prverify %s -signature %s "
        .. "%s 2>&1"):format(key, signature, text))
      local said = pipe:read "*a"
      pipe:close()
      for _, name in ipairs { key, text, signature } do os.remove(name) end
      assert.equal("Verified OK", said:match "[^\n]+")
    end
  end)

  it("refuses what is no P-256 key, and never asks for a passphrase", function()
    for _, pem in ipairs { "", "junk", P384, ENCRYPTED, SEC1:sub(1, 100),
      "\0" .. SEC1:sub(30) } do
      local signature, message, code = core.ecdsa.sign(pem, "x")
      assert.is_nil(signature)
      assert.equal("InvalidArgument", code)
      assert.equal("not a PEM text with a P-256 private key", message)
      assert.is_nil((core.ecdsa.public(pem)))
      assert.is_nil((login.proof(pem, "https://x/", 0, "id")))
    end
  end)
end)
