-- bedrock.auth.sts, assume_role and web_identity.
local assume_role = require "bedrock.auth.assume_role"
local core = require "bedrock.core"
local environment = require "bedrock.auth.environment"
local from_profile = require "bedrock.auth.from_profile"
local static = require "bedrock.auth.static"
local sts = require "bedrock.auth.sts"
local support = require "spec.auth.support"
local timestamp = require "bedrock.service.timestamp"
local web_identity = require "bedrock.auth.web_identity"

local ANSWER = [[
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><AssumedRoleUser>
    <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>
    <Credentials><AccessKeyId>a</AccessKeyId>
      <SecretAccessKey>b</SecretAccessKey>
      <SessionToken> c&amp;&#61; </SessionToken>
      <Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
  </AssumeRoleResult></AssumeRoleResponse>]]

local KEYS = { access_key_id = "AKID", secret_access_key = "secret-key",
  session_token = "secret-token" }

local function context(respond, env)
  env = env or {}
  env.AWS_REGION = "eu-west-1"
  return support.context { env = env, respond = respond }
end

local function good() return 200, ANSWER end

describe("an STS answer", function()
  it("is read field by field", function()
    assert.equal("c&=", sts.field(ANSWER, "SessionToken"))
    assert.is_nil(sts.field(ANSWER, "Access"))
    assert.is_nil(sts.field(ANSWER, "Credentials"))
    assert.equal("", sts.field("<A x='y'></A >", "A"))
    assert.equal("<&>'\"", sts.field(
      "<A>&lt;&amp;&gt;&apos;&quot;</A>", "A"))
    assert.equal("&unknown;&#9999;", sts.field(
      "<A>&unknown;&#9999;</A>", "A"))
  end)

  it("may be anything", function()
    for _, body in ipairs { "", "junk", "<AccessKeyId>a</AccessKeyId>",
      "<a><b>", ANSWER:sub(1, 200), ("x"):rep(2 ^ 20 + 1) } do
      local found, err = sts.assume_role(context(function()
        return 200, body
      end), { role_arn = "r" }, KEYS)
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
    end
  end)
end)

describe("AssumeRole", function()
  it("sends a signed form", function()
    local c = context(good)
    local found = assert(sts.assume_role(c, { role_arn = "arn:aws:iam::1:r/ö",
      role_session_name = "n", external_id = "e=&", duration_seconds = "900",
      mfa_serial = "m", mfa_code = "123456" }, KEYS))
    assert.same({ access_key_id = "a", secret_access_key = "b",
      session_token = "c&=", expiration = 1893456000, source = "assume_role",
      account_id = "123456789012" }, found)
    local request = c.host.requests[1]
    assert.equal("https://sts.eu-west-1.amazonaws.com/", request.url)
    assert.equal("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3A"
      .. "iam%3A%3A1%3Ar%2F%C3%B6&RoleSessionName=n&ExternalId=e%3D%26"
      .. "&DurationSeconds=900&SerialNumber=m&TokenCode=123456", request.body)
    assert.equal("secret-token", request.headers["x-amz-security-token"])
    assert.equal("19700112T134640Z", request.headers["x-amz-date"])
    local signer = core.sigv4.signer()
    assert.equal(signer:sign({ method = "POST", path = "/", query = "",
      normalize = true, payload_hash = core.bytes.sha256_hex(request.body),
      headers = { host = "sts.eu-west-1.amazonaws.com",
        ["content-type"] = "application/x-www-form-urlencoded",
        ["x-amz-date"] = "19700112T134640Z",
        ["x-amz-security-token"] = "secret-token" } }, KEYS, "eu-west-1",
      "sts", "19700112T134640Z"), request.headers.authorization)
  end)

  it("signs the port and the path of a configured endpoint", function()
    local c = context(good, { AWS_ENDPOINT_URL_STS = "http://127.0.0.1:9/p/" })
    assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
    local request = c.host.requests[1]
    assert.equal("http://127.0.0.1:9/p/", request.url)
    assert.equal("127.0.0.1:9", request.headers.host)
    assert.is_nil(request.body:find("secret", 1, true))
  end)

  it("goes to the old host where that is configured", function()
    for region, url in pairs { ["eu-west-1"] = "https://sts.amazonaws.com/",
      ["eu-south-1"] = "https://sts.eu-south-1.amazonaws.com/" } do
      local c = support.context { respond = good, env = {
        AWS_REGION = region, AWS_STS_REGIONAL_ENDPOINTS = "Legacy" } }
      assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
      local request = c.host.requests[1]
      assert.equal(url, request.url)
      assert.truthy(request.headers.authorization:find(region == "eu-west-1"
        and "/us-east-1/sts/" or "/eu-south-1/sts/", 1, true))
    end
    local c = context(nil, { AWS_STS_REGIONAL_ENDPOINTS = "global" })
    local found, err = sts.assume_role(c, { role_arn = "r" }, KEYS)
    assert.is_nil(found)
    assert.equal('sts_regional_endpoints from AWS_STS_REGIONAL_ENDPOINTS must '
      .. 'be regional or legacy, and is "global"', err.message)
  end)

  it("names the session itself where the profile does not", function()
    local c = context(good)
    assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
    assert.truthy(c.host.requests[1].body
      :find("RoleSessionName=lua-bedrock-1000000", 1, true))
  end)

  it("tells what kept it from asking", function()
    local c = context(nil)
    local _, err = sts.assume_role(c, { role_arn = "r" }, {
      access_key_id = "a", secret_access_key = "b", session_token = "c\nd" })
    assert.equal("credentials", err.kind)
    assert.is_nil(err.message:find("did not answer", 1, true), err.message)
    c = context(nil, { AWS_CA_BUNDLE = "x", AWS_PROFILE = "none" })
    _, err = sts.assume_role(c, { role_arn = "r" }, KEYS)
    assert.equal("config", err.kind)
    assert.equal(0, #c.host.requests)
  end)

  it("tells what STS said", function()
    local c = context(function()
      return 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>"
        .. "not authorized to perform: sts:AssumeRole</Message></Error>"
        .. "<RequestId>id-1</RequestId></ErrorResponse>"
    end)
    local provider = assume_role.new(c, { role_arn = "r", profile = "p" },
      static.new(c, KEYS))
    local found, err = provider:resolve()
    assert.is_nil(found)
    assert.equal("profile p, role r: STS refused AssumeRole: AccessDenied: "
      .. "not authorized to perform: sts:AssumeRole", err.message)
    assert.equal("id-1", err.request_id)
    assert.equal(1, #c.host.requests)
  end)

  it("is tried three times, with growing pauses", function()
    local c = context(function() return nil, "reset" end)
    local found, err = sts.assume_role(c, { role_arn = "r" }, KEYS)
    assert.is_nil(found)
    assert.equal(3, #c.host.requests)
    assert.equal(0.5 * 0.05 + 0.5 * 0.1, c.host.slept)
    assert.truthy(err.message:find("reset", 1, true))
    c = context(function(_, number) return number == 1 and 500 or 200, ANSWER
    end)
    assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
  end)

  it("goes from role to role, each signed with the one before", function()
    local c = support.context { env = { AWS_REGION = "eu-west-1",
      AWS_PROFILE = "a" }, files = { ["/h/.aws/config"] = [[
[profile a]
role_arn = A
source_profile = b
[profile b]
role_arn = B
source_profile = c
external_id = e
[profile c]
role_arn = C
source_profile = d
[profile d]
aws_access_key_id = id0
aws_secret_access_key = secret
]] }, respond = function(_, number)
      return 200, (ANSWER:gsub(">a<", ">id" .. number .. "<")
        :gsub(" c&amp;&#61; ", "token" .. number))
    end }
    assert.equal("id3", from_profile.new(c):resolve().access_key_id)
    assert.equal(3, #c.host.requests)
    for number, role in ipairs { "C", "B", "A" } do
      local sent = c.host.requests[number]
      assert.truthy(sent.body:find("RoleArn=" .. role .. "&", 1, true))
      assert.equal(role == "B", sent.body:find "ExternalId=e" ~= nil)
      assert.truthy(sent.headers.authorization:find("Credential=id"
        .. number - 1 .. "/", 1, true))
      assert.equal(number > 1 and "token" .. number - 1 or nil,
        sent.headers["x-amz-security-token"])
    end
  end)

  it("is signed by the clock of STS, once it is known", function()
    local function date(seconds)
      return { date = timestamp.rfc822(seconds) }
    end
    local refusal = "<Error><Code>SignatureDoesNotMatch</Code><Message>"
      .. "Signature expired</Message></Error>"
    local c = context(function(request, number)
      if number == 1 then return 403, refusal, date(1000000 + 7200) end
      assert.equal("19700112T154640Z", request.headers["x-amz-date"])
      return 200, ANSWER
    end)
    assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
    assert.equal("warn", c.lines[1][1])
    assert(sts.assume_role(c, { role_arn = "r" }, KEYS))
    assert.equal(3, #c.host.requests)
    for _, headers in ipairs { date(1000000 + 60), {}, { date = "x" } } do
      c = context(function() return 403, refusal, headers end)
      local found, err = sts.assume_role(c, { role_arn = "r" }, KEYS)
      assert.is_nil(found)
      assert.equal("SignatureDoesNotMatch", err.code)
      assert.equal(1, #c.host.requests)
    end
    c = context(function(_, number) -- never right
      return 403, refusal, date(1000000 + number * 7200)
    end)
    assert.is_nil((sts.assume_role(c, { role_arn = "r" }, KEYS)))
    assert.equal(2, #c.host.requests)
  end)

  it("needs a region", function()
    local c = support.context { respond = good }
    local found, err = sts.assume_role(c, { role_arn = "r" }, KEYS)
    assert.is_nil(found)
    assert.equal("config", err.kind)
  end)

  it("asks for the second factor", function()
    local role = { role_arn = "r", mfa_serial = "m", profile = "p" }
    local c = context(good)
    local found, err = assume_role.new(c, role, static.new(c, KEYS)):resolve()
    assert.is_nil(found)
    assert.truthy(err.message:find("option mfa_code", 1, true))
    c.mfa_code = function(serial)
      assert.equal("m", serial)
      return "654321"
    end
    assert(assume_role.new(c, role, static.new(c, KEYS)):resolve())
    assert.truthy(c.host.requests[1].body:find("TokenCode=654321", 1, true))
    assert.is_nil(role.mfa_code)
  end)

  it("takes nothing but six digits for a code", function()
    local role = { role_arn = "r", mfa_serial = "m", profile = "p" }
    for _, case in ipairs { { 12345, "012345" }, { " 000042\n", "000042" } } do
      local c = context(good)
      c.mfa_code = function() return case[1] end
      assert(assume_role.new(c, role, static.new(c, KEYS)):resolve())
      assert.truthy(c.host.requests[1].body:find("TokenCode=" .. case[2]
        .. "$"))
    end
    local nobody = function() end
    for words, give in pairs { ["gave none"] = nobody,
      ["gave none: too late"] = function() return nil, "too late" end,
      ["not six digits"] = function() return "12345" end,
      ["not six digits "] = function() return "12345a&X=1" end,
      ["not six digits  "] = function() return {} end,
      ["not six digits   "] = function() return -1 end,
      ["not six digits    "] = function() return 1 / 0 end } do
      local c = context(good)
      c.mfa_code = give
      local found, err = assume_role.new(c, role, static.new(c, KEYS))
        :resolve()
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.truthy(err.message:find(words:gsub(" +$", ""), 1, true),
        err.message)
      assert.truthy(err.message:find("profile p asks for the code of m", 1,
        true))
      assert.equal(0, #c.host.requests)
    end
  end)
end)

describe("AssumeRoleWithWebIdentity", function()
  local ENV = { AWS_WEB_IDENTITY_TOKEN_FILE = "/token", AWS_ROLE_ARN = "r",
    AWS_ROLE_SESSION_NAME = "n" }

  it("reads the token at each use and signs nothing", function()
    local c = context(good, ENV)
    c.files.texts["/token"] = "secret-1\n"
    local provider = web_identity.new(c)
    assert.equal("web_identity", provider:resolve().source)
    c.files.texts["/token"] = "secret-2"
    provider:resolve()
    for number, request in ipairs(c.host.requests) do
      assert.is_nil(request.headers.authorization)
      assert.truthy(request.body:find("&WebIdentityToken=secret-" .. number,
        1, true))
    end
  end)

  it("passes, or says what is missing", function()
    assert.same({ n = 3, nil, nil, "AWS_WEB_IDENTITY_TOKEN_FILE is not set" },
      { n = select("#", web_identity.new(context()):resolve()),
        web_identity.new(context()):resolve() })
    local found, err = web_identity.new(context(nil,
      { AWS_WEB_IDENTITY_TOKEN_FILE = "/token" })):resolve()
    assert.is_nil(found)
    assert.truthy(err.message:find("AWS_ROLE_ARN", 1, true))
    found, err = web_identity.new(context(nil, ENV)):resolve()
    assert.is_nil(found)
    assert.truthy(err.message:find("/token: No such file", 1, true))
    local c = context(nil, ENV)
    c.files.texts["/token"] = " \n"
    assert.is_nil((web_identity.new(c):resolve()))
  end)

  it("is tried again when the identity provider was slow", function()
    local c = context(function(_, number)
      if number > 1 then return 200, ANSWER end
      return 400, "<Code>IDPCommunicationError</Code>"
    end, ENV)
    c.files.texts["/token"] = "t"
    assert(web_identity.new(c):resolve())
    assert.equal(2, #c.host.requests)
  end)
end)

describe("the environment", function()
  local function resolve(env)
    return environment.new(support.context { env = env }):resolve()
  end

  it("gives trimmed keys", function()
    assert.same({ access_key_id = "a", secret_access_key = "b",
      session_token = "c", account_id = "1", expiration = 1893456000,
      source = "environment" }, (resolve { AWS_ACCESS_KEY_ID = " a ",
      AWS_SECRET_ACCESS_KEY = "b\n", AWS_SESSION_TOKEN = "c",
      AWS_ACCOUNT_ID = "1",
      AWS_CREDENTIAL_EXPIRATION = "2030-01-01T00:00:00Z" }))
    assert.equal("old", resolve { AWS_ACCESS_KEY_ID = "a",
      AWS_SECRET_ACCESS_KEY = "b", AWS_SECURITY_TOKEN = "old"
    }.session_token)
  end)

  it("does not hide half of a pair", function()
    for _, env in ipairs { { AWS_ACCESS_KEY_ID = "a" },
      { AWS_SECRET_ACCESS_KEY = "secret" }, { AWS_ACCESS_KEY_ID = "a",
        AWS_SECRET_ACCESS_KEY = "b", AWS_CREDENTIAL_EXPIRATION = "soon" } } do
      local found, err = resolve(env)
      assert.is_nil(found)
      assert.equal("config", err.kind)
      assert.is_nil(err.message:find("secret", 1, true))
    end
  end)
end)

describe("keys given as they are", function()
  it("are copied, with an expiration in either form", function()
    local given = { access_key_id = "a", secret_access_key = "b",
      expiration = "2030-01-01T00:00:00Z" }
    local found = static.check(given, "option")
    assert.same({ access_key_id = "a", secret_access_key = "b",
      expiration = 1893456000, source = "option" }, found)
    assert.equal(5, static.check({ access_key_id = "a",
      secret_access_key = "b", expiration = 5 }).expiration)
    assert.is_nil(static.check({ access_key_id = "a",
      secret_access_key = "b", session_token = "" }).session_token)
  end)

  it("must be texts that fit into a header; none is shown", function()
    for _, given in ipairs { {}, { access_key_id = "secret" },
      { access_key_id = "secret", secret_access_key = "" },
      { access_key_id = "secret\r\nx: y", secret_access_key = "secret" },
      { access_key_id = "secret", secret_access_key = 1 },
      { access_key_id = "a", secret_access_key = "b", session_token = "\n" },
      { access_key_id = "a", secret_access_key = "b", expiration = "x" },
      "secret", false } do
      local found, err = static.check(given)
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
      assert.is_nil(tostring(err):find("secret%f[^%w_]"))
    end
  end)
end)
