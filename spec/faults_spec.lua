-- Faults of what is below us: each a clear error, and the client goes on.
local child = require "bedrock.emulator.child"
local odd = require "spec.support.odd"

describe("a fault of the network", function()
  local server, alert

  setup(function()
    server = odd.start()
    alert = odd.start { "alert" }
  end)
  teardown(function()
    server:stop()
    alert:stop()
  end)

  local function failure(options)
    options.connect_timeout = options.connect_timeout or 5
    local one = server:client(options)
    local response, err = one:converse(odd.ask "plain")
    assert.is_nil(response)
    assert.equal("request", err.stage)
    assert.equal("Converse", err.operation)
    local _, streamed = one:converse_stream(odd.ask "plain"):next()
    assert.equal(err.code, streamed.code)
    return err
  end

  local function https(url) return (url:gsub("^http:", "https:")) end

  it("of the name", function()
    local err = failure { endpoint_url = "http://no-such-host.invalid" }
    assert.equal("transport", err.kind)
    assert.equal("HostNotFound", err.code)
    assert.is_true(err.retryable)
  end)

  it("that refuses the connection", function()
    local err = failure { endpoint_url = "http://127.0.0.1:1" }
    assert.equal("ConnectionRefused", err.code)
    assert.is_true(err.retryable)
  end)

  it("that answers TLS with an alert", function()
    local err = failure { endpoint_url = https(alert.url) }
    assert.equal("transport", err.kind)
    assert.equal("TlsFailed", err.code)
  end)

  it("that ends the TLS handshake in a tunnel", function()
    local err = failure { endpoint_url = "https://elsewhere.invalid",
      proxy = server.url }
    assert.equal("transport", err.kind)
  end)

  it("that is a proxy which refuses", function()
    local err = failure { endpoint_url = "https://refuse.invalid",
      proxy = server.url }
    assert.equal("transport", err.kind)
    assert.truthy(tostring(err):find "407")
  end)

  it("that is a proxy which is not there", function()
    assert.equal("ConnectionRefused", failure {
      proxy = "http://127.0.0.1:1" }.code)
    assert.equal("ProxyNotFound", failure {
      proxy = "http://no-such-host.invalid:81" }.code)
  end)

  it("that closes a kept connection as it is used again", function()
    local one = server:client() -- tries once
    for i = 1, 60 do
      local response, err = one:converse(odd.ask(i % 2 == 0 and "bye"
        or "plain"))
      assert.truthy(response, tostring(err))
      if i % 7 == 0 then os.execute "sleep 0.01" end
    end
  end)

  -- Requests that the server has left without a word since the last call.
  local seen = 0
  local function dropped()
    local before = seen
    seen = select(3, server:state())
    return seen - before
  end

  it("that lets go of a kept connection costs one more request, told",
    function()
      local outcomes = {}
      local one = server:client { retry_mode = "off",
        log = function(_, message, fields)
          if not message:find "^attempt" then return end
          outcomes[#outcomes + 1] = ("%s %d"):format(message, fields.attempt)
        end }
      assert.truthy(one:converse(odd.ask "plain"))
      dropped()
      assert.truthy(one:converse(odd.ask "lapse"))
      assert.equal(1, dropped())
      assert.same({ "attempt succeeded 1", "attempt failed 1",
        "attempt succeeded 2" }, outcomes)
      assert.equal(500, one.quota.tokens)
    end)

  it("that lets go of a kept connection is none to who finds credentials",
    function()
      local request = require "bedrock.auth.request"
      local context = { host = require "bedrock.host.curl".new(),
        random = math.random }
      dropped()
      for _ = 1, 2 do
        local answer = assert(request.send(context, { method = "GET",
          url = server.url .. "/model/lapse/x", proxy = "", attempts = 1 }))
        assert.equal(200, answer.status)
      end
      assert.equal(1, dropped())
    end)

  it("that drops every connection is not asked for ever", function()
    local one = server:client()
    for kept = 0, 1 do
      if kept == 1 then assert.truthy(one:converse(odd.ask "plain")) end
      dropped()
      local _, err = one:converse_stream(odd.ask "drop"):next()
      assert.equal("transport", err.kind)
      assert.equal(1 + kept, err.attempts)
      assert.equal(1 + kept, dropped())
    end
  end)

  it("on a kept connection after an event is final", function()
    local one = server:client { max_attempts = 3 }
    assert.truthy(one:converse(odd.ask "plain"))
    dropped()
    local stream = one:converse_stream(odd.ask "falter")
    assert.truthy(stream:next())
    local _, err = stream:next()
    assert.equal("Truncated", err.code)
    assert.equal(1, err.attempts)
    assert.equal(1, dropped())
  end)

  it("that leaves rubbish on a kept connection", function()
    local one = server:client { max_attempts = 3 }
    one.random = function() return 0 end
    for i = 1, 30 do
      local response, err = one:converse(odd.ask(i % 2 == 0 and "spill"
        or "plain"))
      assert.truthy(response, tostring(err))
      if i % 5 == 0 then os.execute "sleep 0.01" end
    end
  end)

  it("leaves the client whole", function()
    local one = server:client { idle_timeout = 0.1 }
    for _, what in ipairs { "mute", "hold", "head", "errors", "bye", "spill" }
    do
      one:converse_stream(odd.ask(what)):next()
    end
    one = server:client()
    assert.truthy(one:converse(odd.ask "plain"))
  end)
end)

describe("a certificate", function()
  local function code_with(options, given)
    local emulator = assert(child.start(options))
    given = given or {}
    if not given.untrusted then given.ca_bundle = emulator.ca_file end
    given.untrusted = nil
    given.credentials = emulator.options.credentials
    local one = odd.client_of(emulator.url, given)
    local response, err = one:converse(odd.ask "m")
    emulator:stop()
    return response and "accepted" or err.code, err
  end

  it("is accepted when it is right", function()
    assert.equal("accepted", (code_with { tls = true }))
  end)

  it("is refused when nobody vouches for it", function()
    local code, err = code_with({ tls = true }, { untrusted = true })
    assert.equal("CertificateRejected", code)
    assert.is_false(err.retryable)
  end)

  it("is refused when it is somebody else's", function()
    assert.equal("CertificateRejected",
      (code_with { tls = true, tls_name = "example.com" }))
  end)

  it("is refused when it has expired", function()
    assert.equal("CertificateRejected",
      (code_with { tls = true, tls_expired = true }))
  end)

  it("needs a bundle that can be read", function()
    local code, err = code_with({ tls = true }, {
      ca_bundle = "/nonexistent.pem", untrusted = true })
    assert.equal("CaBundleUnreadable", code)
    assert.equal("config", err.kind)
  end)
end)

describe("several clients in one process", function()
  it("do not share what is theirs", function()
    local first, second = odd.start(), odd.start()
    local host = require "bedrock.host.curl".new()
    local one = first:client { host = host }
    local other = second:client { host = host }
    local a = one:converse_stream(odd.ask "tick.5.10")
    local b = other:converse_stream(odd.ask "tick.5.10")
    first:stop()
    local _, err = a:response()
    assert.equal("transport", err.kind)
    assert.truthy(b:response())
    assert.equal(0, one.clock_offset)
    assert.are_not.equal(one.quota, other.quota)
    second:stop()
  end)
end)
