-- bedrock.host.record and bedrock.host.replay.
local bytes = require "bedrock.core".bytes
local errors = require "bedrock.errors"
local fakehost = require "spec.support.fakehost"
local json = require "bedrock.json"
local record = require "bedrock.host.record"
local recording = require "bedrock.host.recording"
local replay = require "bedrock.host.replay"
local vectors = require "spec.support.vectors"

local URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"

local function request(body, url, headers)
  return { method = "POST", url = url or URL, body = body,
           headers = headers or { ["content-type"] = "application/json" } }
end

-- All that a caller sees of an exchange.
local function observed(host, asked)
  local reply, err = host:send(asked, {})
  if not reply then return { kind = err.kind, message = err.message,
    code = err.code, retryable = err.retryable } end
  local seen = { status = reply.status, headers = reply.headers, pieces = {} }
  while true do
    local piece, failed = reply:read()
    if not piece then
      seen.err = failed and tostring(failed)
      break
    end
    seen.pieces[#seen.pieces + 1] = piece
  end
  reply:close()
  return seen
end

local function recorded(answers, requests, options)
  local file = fakehost.file()
  local host = assert(record.new(fakehost.new((table.unpack or unpack)(
    answers)), file, options))
  local seen = {}
  for i, asked in ipairs(requests) do seen[i] = observed(host, asked) end
  return file, seen
end

describe("a recording", function()
  local bodies = {
    "", "text", "text\n", "\n", "\n\n", " a\n  b\n| c\n= d\n# e\n", "\r\n",
    "a\0b", "\255", "\226\130\172", "\226\130", "\t", "> GET x @1",
    ("x"):rep(1000), ("\1\2\3"):rep(300), "at 1", "no recording",
  }

  it("gives back what was read, piece by piece, and fails alike", function()
    local answers, requests = {}, {}
    for i, body in ipairs(bodies) do
      answers[#answers + 1] = { status = 200 + i,
        headers = { ["x-a"] = "1: 2", ["content-type"] = "text/plain" },
        body, bodies[i % #bodies + 1] }
      requests[#requests + 1] = request(body, URL .. "?n=" .. i)
    end
    for i, err in ipairs {
      errors.new("timeout", "idle_timeout of 3 s passed", {
        code = "IdleTimeout", retryable = true }),
      errors.new("transport", "connection refused", { retryable = true }),
    } do
      answers[#answers + 1] = err
      requests[#requests + 1] = request("x", URL .. "/e" .. i)
      answers[#answers + 1] = { "some", err }
      requests[#requests + 1] = request("x", URL .. "/s" .. i)
    end
    local file, seen = recorded(answers, requests)
    local host = assert(replay.new(file))
    assert.equal(#requests, #host:unused())
    for i, asked in ipairs(requests) do
      assert.same(seen[i], observed(host, asked), "exchange " .. i)
    end
    assert.same({}, host:unused())
    -- and what is written of it once more is the same text
    local list, epoch = recording.read(file.text)
    local again = recording.head(epoch)
    for _, exchange in ipairs(list) do
      again = again .. recording.write(exchange, function(t) return t end)
    end
    assert.equal(file.text, again)
  end)

  it("is text that a person can read", function()
    local file = recorded({ { headers = { ["content-type"] =
      "application/vnd.amazon.eventstream" },
      "\0\0\0\5contentBlockDelta\7\1{\"text\":\"Hi\"}\255" } },
      { request '{"messages":[]}' })
    assert.truthy(file.text:find('\n| {"messages":[]}\n', 1, true))
    assert.truthy(file.text:find("\n> POST " .. URL, 1, true))
    assert.truthy(file.text:find(
      '\n# contentBlockDelta {"text":"Hi"}\n= ', 1, true))
    assert.is_nil(file.text:find "[\128-\255%z\1-\9\11-\31]")
  end)

  it("is whole for each byte there is", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local body = table.concat(all)
    local pieces = {}
    for i = 0, 255 do pieces[#pieces + 1] = string.char(i) end
    local file, seen = recorded({ pieces, { body } },
      { request(body), request "x" })
    local host = assert(replay.new(file))
    assert.same(seen[1], observed(host, request(body)))
    assert.same(seen[2], observed(host, request "x"))
  end)

  it("survives Windows' line ends and editors that trim lines", function()
    local file, seen = recorded({ { "a\n\nb" } }, { request "x\n" })
    local text = file.text:gsub(" +\n", "\n"):gsub("\n", "\r\n")
    local host = assert(replay.new(fakehost.file(text)))
    assert.same(seen[1], observed(host, request "x\n"))
  end)

  it("says where it cannot be read", function()
    local good = recorded({ { "x" } }, { request "y" }).text
    for _, row in ipairs {
      { "", "line 1" }, { "hello", "line 1" },
      { good .. "nonsense\n", "not understood" },
      { "bedrock-recording 1\n| x\n", "line 2" },
      { "bedrock-recording 1\n< 200 @1\n", "line 2" },
      { good:gsub("| y", "= ?"), "recording" },
      { good:gsub("%. @%S+ end", ". @1 fin"), "no end" },
      { good .. "! @1 {}\n", "unknown kind" },
      { good .. "! @1 [\n", "no error" },
    } do
      local host, err = replay.new(fakehost.file(row[1]))
      assert.is_nil(host)
      assert.equal("InvalidRecording", err.code)
      assert.truthy(err.message:find(row[2], 1, true), err.message)
    end
    local host, err = replay.new "/nowhere/at/all.rec"
    assert.is_nil(host)
    assert.equal("config", err.kind)
    host, err = record.new(fakehost.new(), "/nowhere/at/all.rec")
    assert.is_nil(host)
    assert.equal("config", err.kind)
  end)
end)

describe("record", function()
  it("hands on all that the other host has", function()
    local inner = fakehost.new({ "a" })
    local host = assert(record.new(inner, fakehost.file()))
    assert.equal(7, host:fd())
    assert.equal(7, host:fd())
    assert.equal(7, host.descriptor)
    assert.equal(inner:clock(), host:clock())
    assert.equal(inner:now(), host:now())
    host:sleep(1)
    host:wait(2)
    assert.equal(3, inner.slept)
    assert.is_nil(host.nothing)
    local reply = host:send(request "x", {})
    assert.equal("extra", (reply:extra(1)))
    reply:close()
    reply:close()
    assert.equal(2, reply.inner.closed)
    local bare = { clock = function() return 0 end,
                   now = function() return 0 end }
    assert.is_nil(record.new(bare, fakehost.file()).wait)
  end)

  it("writes down that a reply was closed early", function()
    local file = fakehost.file()
    local host = assert(record.new(fakehost.new({ "a", "b" }), file))
    local reply = host:send(request "x", {})
    reply:read()
    reply:close()
    local again = assert(replay.new(file)):send(request "x", {})
    assert.equal("a", again:read())
    local piece, err = again:read()
    assert.is_nil(piece)
    assert.equal("ReplayEnded", err.code)
    again:close()
    piece, err = again:read()
    assert.is_nil(piece)
    assert.equal("closed", err.kind)
  end)

  it("writes nothing that is secret", function()
    local all = {
      key = "AKIAIOSFODNN7EXAMPLE", secret = "wJalrXUtnFEMI/K7MDENG/bPxRfi",
      session = "IQoJb3JpZ2luX2VjEXAMPLE//token==", bearer = "ABSKQmVkcm9ja0FQ",
      cookie = "session-cookie-1", imds = "AQAEAImdsTokenValue==",
      access = "sso-access-token-1", refresh = "sso-refresh-token",
      client = "oidc-client-secret", web = "web-identity-assertion",
      user = "proxyuser:hunter2", own = "my-own-header-value",
      id = "id-token-value-here", jwt = "a-gateways-jwt-assertion",
      oidc = "a-load-balancers-oidc", dpop = "proof-of-possession",
      external = "an-external-id-1", mfa = "an-mfa-code-123456",
      code = "a-code-of-a-log-in", verifier = "a-code-verifier-1",
      query = "AKIAQUERYEXAMPLE123", place = "uuid-of-a-container-1",
    }
    local function reply(kind, ...)
      return { headers = { ["content-type"] = kind,
                           ["set-cookie"] = "a=" .. all.cookie }, ... }
    end
    local echo = json.encode { message = "The Canonical String should have "
      .. "been 'POST\n/\nx-amz-security-token:" .. all.session .. "\n' or "
      .. all.bearer }
    local credentials = json.encode { AccessKeyId = all.key, Token =
      all.session, SecretAccessKey = all.secret, Expiration = "2030" }
    local file = recorded({
      reply("application/json", echo),
      reply("text/plain", all.imds:sub(1, 5), all.imds:sub(6)),
      -- cut in the middle of a secret
      reply("application/json", credentials:sub(1, 40),
        credentials:sub(41, 70), credentials:sub(71)),
      reply("text/xml", "<R><AccessKeyId>" .. all.key .. "</AccessKeyId>"
        .. "<SecretAccessKey>" .. all.secret .. "</SecretAccessKey>"
        .. "<SessionToken>" .. all.session .. "</SessionToken></R>"),
      reply("application/json", json.encode { accessToken = all.access,
        refreshToken = all.refresh, idToken = all.id, roleCredentials = {
          secretAccessKey = all.secret, sessionToken = all.session,
          accessKeyId = all.key } }),
      reply("application/json", '{"code":"AccessDenied"}'),
      reply("text/xml", '<a:SecretAccessKey xmlns:a="b">' .. all.secret
        .. "</a:SecretAccessKey>"),
      errors.new("transport", "could not send " .. all.session),
    }, {
      request("{}", URL, { authorization = "Bearer " .. all.bearer,
        ["x-amz-security-token"] = all.session, cookie = all.cookie,
        ["x-mine"] = all.own, ["content-type"] = "application/json" }),
      { method = "PUT", url = "http://169.254.169.254/latest/api/token",
        headers = {} },
      { method = "GET", headers = { ["x-aws-ec2-metadata-token"] = all.imds },
        url = "http://169.254.169.254/latest/meta-data/iam/x?token="
          .. all.imds },
      request("Action=AssumeRoleWithWebIdentity&WebIdentityToken=" .. all.web
        .. "&RoleArn=arn", "https://" .. all.user .. "@sts.amazonaws.com/?"
        .. "X-Amz-Security-Token=" .. all.session, { ["content-type"] =
          "application/x-www-form-urlencoded; charset=utf-8" }),
      request(json.encode { clientSecret = all.client,
        refreshToken = all.refresh }, "https://oidc.amazonaws.com/token",
        { ["x-amz-sso_bearer_token"] = all.access,
          ["content-type"] = "application/json" }),
      request(json.encode { code = all.code, codeVerifier = all.verifier },
        "http://169.254.170.2/v2/credentials/" .. all.place, { dpop = all.dpop,
          ["x-goog-iap-jwt-assertion"] = all.jwt,
          ["x-amzn-oidc-data"] = all.oidc }),
      request("Action=AssumeRole&ExternalId=" .. all.external .. "&TokenCode="
        .. all.mfa, "https://sts.amazonaws.com/?AWSAccessKeyId=" .. all.query,
        { ["content-type"] = "application/x-www-form-urlencoded" }),
      request "{}",
    }, { remove = { "X-Mine" } })
    for name, secret in pairs(all) do
      assert.is_nil(file.text:find(secret, 1, true), name)
      assert.is_nil(file.text:find(bytes.base64_encode(secret), 1, true))
    end
    assert.truthy(file.text:find('{"code":"AccessDenied"}', 1, true))
    assert.truthy(file.text:find("RoleArn=arn", 1, true))
    assert.truthy(file.text:find('"Expiration":"2030"', 1, true))
    assert.truthy(file.text:find("The Canonical String", 1, true))
  end)

  it("leaves the words of models alone, but for marks of chance", function()
    local body = json.encode({ signature = "a-long-signature-value",
      input = { token = "a-long-token-value" },
      text = '{"secretAccessKey":"in-a-text"}' }, { sorted = true })
    local file, seen = recorded({ { body }, { "{}" } }, { request(body),
      request('{"clientRequestToken":"0b0e1b2c-0000","modelId":"m"}',
        "https://bedrock-runtime.us-east-1.amazonaws.com/async-invoke") })
    local host = assert(replay.new(file))
    assert.same(seen[1], observed(host, request(body)))
    assert.truthy(host:send(request(
      '{"clientRequestToken":"another","modelId":"m"}',
      "https://bedrock-runtime.us-east-1.amazonaws.com/async-invoke"), {}))
  end)
end)

describe("replay", function()
  it("matches strictly: every word of the request, once each", function()
    local file = recorded({ { "1" }, { "2" }, { "3" } }, {
      request '{"a":1,"b":[{"c":"x"}]}', request '{"a":1,"b":[{"c":"x"}]}',
      request '{"a":2}' })
    local function ask(body, url, headers, match)
      local host = assert(replay.new(file, { match = match }))
      return host:send(request(body, url, headers), {})
    end
    -- The order of members means nothing, nor do signatures and dates.
    local reply = ask('{ "b":[{"c":"x"}], "a":1 }', nil, {
      ["content-type"] = "application/json", ["x-amz-date"] = "now",
      authorization = "AWS4-HMAC-SHA256 other" })
    assert.equal("1", reply:read())
    for _, row in ipairs {
      { '{"a":1,"b":[{"c":"y"}]}', nil, nil, 'body.b[1].c was "x", is "y"' },
      { '{"a":1,"b":[{}]}', nil, nil, 'body.b[1].c was "x", is nothing' },
      { "{", nil, nil, "the body differs" },
      { "{}", URL .. "x", nil, "the URL was " .. URL },
      { '{"a":2}', nil, { ["content-type"] = "text/plain" }, "content-type" },
      { '{"a":2}', nil, { ["content-type"] = "application/json",
        ["x-amzn-bedrock-trace"] = "ENABLED" }, "x-amzn-bedrock-trace" },
    } do
      local none, err = ask(row[1], row[2], row[3])
      assert.is_nil(none)
      assert.equal("transport", err.kind)
      assert.equal("ReplayMismatch", err.code)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find(row[4], 1, true), err.message)
    end
    local host = assert(replay.new(file))
    local body = '{"a":1,"b":[{"c":"x"}]}'
    assert.equal("1", host:send(request(body), {}):read())
    assert.equal("2", host:send(request(body), {}):read())
    assert.same({ "POST " .. URL }, host:unused())
    assert.is_nil((host:send(request(body), {})))
  end)

  it("matches loosely: method and path, over and over", function()
    local file = recorded({ { "1" }, { "2" } }, { request "a", request "b" })
    local host = assert(replay.new(file, { match = "loose" }))
    for _, expected in ipairs { "1", "2", "2", "2" } do
      assert.equal(expected, host:send(request("z",
        "http://127.0.0.1:9/model/m/converse?x=1"), {}):read())
    end
    assert.is_nil((host:send(request("z", "http://a/other"), {})))
  end)

  it("has a clock that moves with what is replayed and slept", function()
    local file = fakehost.file()
    local inner = fakehost.new({ "a", "b" })
    local host = assert(record.new(inner, file))
    local start, epoch = host:clock(), host:now()
    host:sleep(2)
    local reply = host:send(request "x", {})
    local times = { host:clock() - start }
    while reply:read() do times[#times + 1] = host:clock() - start end
    host = assert(replay.new(file))
    assert.near(epoch, host:now(), 1e-3)
    local zero = host:clock()
    host:sleep(1)
    host:wait(1)
    host:wait(nil)
    reply = host:send(request "x", {})
    local again = { host:clock() - zero }
    while reply:read() do again[#again + 1] = host:clock() - zero end
    for i, time in ipairs(times) do assert.near(time, again[i], 1e-5) end
    assert.near(epoch + host:clock() - zero, host:now(), 1e-3)
  end)

  it("takes the time it took, if asked to", function()
    local file = recorded({ { "a", "b" } }, { request "x" })
    local real = fakehost.new()
    local host = assert(replay.new(file, { timing = true, host = real }))
    local start = real:clock()
    local reply = host:send(request "x", {})
    assert.near(0.25, real:clock() - start, 1e-5)
    reply:read()
    assert.near(0.375, real:clock() - start, 1e-5)
    real.time = real.time + 5 -- a slow consumer waits no more
    reply:read()
    assert.near(5.375, real:clock() - start, 1e-5)
    host:sleep(1)
    assert.near(6.375, real:clock() - start, 1e-5)
  end)

  it("records once, or always, or never", function()
    local path = os.tmpname()
    local inner = fakehost.new({ "1" }, { "2" })
    os.remove(path)
    local function run(mode)
      local host, err = replay.new(path, { mode = mode, host = inner })
      if not host then return nil, err end
      return observed(host, request "x").pieces[1]
    end
    assert.is_nil((run "none"))
    assert.equal("1", run "once")
    assert.equal("1", run "once")
    assert.equal("1", run "none")
    assert.equal("2", run "all")
    assert.equal("2", run "none")
    assert.equal(2, #inner.sent)
    os.remove(path)
  end)

  it("raises for options that make no sense", function()
    for _, options in ipairs { { mode = "never" }, { match = "x" },
        { mode = "once" }, { mode = "all" }, { timing = true }, { x = 1 },
        { timing = 1 } } do
      assert.has_error(function() replay.new("x", options) end)
    end
    local _, message = pcall(replay.new, "x", { Match = "loose" })
    assert.truthy(message:find('did you mean "match"', 1, true))
  end)
end)

describe("a client on a recording", function()
  local bedrock = require "bedrock"

  local function client_on(host, session)
    return bedrock.new { host = host, region = "us-east-1", env = {},
      credentials = { access_key_id = "AKIAIOSFODNN7EXAMPLE",
        secret_access_key = "a-secret-access-key",
        session_token = session } }
  end

  it("needs no credentials, and takes those that there are", function()
    local file = fakehost.file()
    local body = '{"inputTokens":3}'
    local params = { modelId = "m", input = { invokeModel = { body = "{}" } } }
    assert(client_on(assert(record.new(fakehost.new({ body }), file)))
      :count_tokens(params))
    local sent = {}
    for _, keys in ipairs { false, { access_key_id = "AKIDOWN",
        secret_access_key = "own" } } do
      local host = assert(replay.new(file))
      local send = host.send
      host.send = function(self, asked, ...)
        sent[#sent + 1] = asked.headers.authorization:match "=(%w+)/"
        return send(self, asked, ...)
      end
      local client = bedrock.new { host = host, region = "us-east-1",
        credentials = keys or nil, env = { HOME = "/nonexistent",
          AWS_EC2_METADATA_DISABLED = "true" } }
      assert.equal(3, assert(client:count_tokens(params)).inputTokens)
    end
    assert.same({ "REPLAY", "AKIDOWN" }, sent)
  end)

  it("streams what was recorded", function()
    if not vectors.available() then return pending "no recordings here" end
    local compared = 0
    for _, path in ipairs(vectors.files("recorded/streams", ".bin")) do
      local about = json.decode(vectors.read((path:gsub("bin$", "json"))))
      if about.operation == "ConverseStream" and about.http_status == 200 then
        local body, pieces = vectors.read(path), {}
        for at = 1, #body, 100 do
          pieces[#pieces + 1] = body:sub(at, at + 99)
        end
        pieces.headers = { ["content-type"] =
          "application/vnd.amazon.eventstream" }
        local file = fakehost.file()
        local params = { modelId = about.model_id,
          messages = { { role = "user", content = { { text = "x" } } } } }
        local function events(host, session)
          local list, stream = {}, client_on(host, session):converse_stream(
            params)
          while true do
            local event, err = stream:next()
            if not event then
              list[#list + 1] = err and err.code
              return list
            end
            list[#list + 1] = event
          end
        end
        local before = events(assert(record.new(fakehost.new(pieces), file)),
          "the-session-token-of-then")
        assert.same(before, events(assert(replay.new(file)), "another"))
        assert.is_nil(file.text:find("the-session-token", 1, true))
        assert.is_nil(file.text:find("AKIAIOSFODNN7", 1, true))
        compared = compared + 1
      end
    end
    assert.is_true(compared > 40)
  end)
end)
