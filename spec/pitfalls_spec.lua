-- Forty things that other clients got wrong, one line each; most are proven
-- at length in the spec of their subject.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local core = require "bedrock.core"
local curl_host = require "bedrock.host.curl"
local fakehost = require "spec.support.fakehost"
local json = require "bedrock.json"
local odd = require "spec.support.odd"

local HEADERS = { ["content-type"] = "application/vnd.amazon.eventstream" }
local ARN = "arn:aws:bedrock:us-east-1:123456789012:"
  .. "application-inference-profile/abc"

local function message(headers, payload)
  local list = {}
  for name, value in pairs(headers) do list[#list + 1] = { name, value } end
  return core.eventstream.encode(list, payload)
end

local function event(kind, payload)
  return message({ [":message-type"] = "event", [":event-type"] = kind },
    payload)
end

local function exception(kind)
  return message({ [":message-type"] = "exception",
    [":exception-type"] = kind }, '{"message":"m"}')
end

local START = event("messageStart", '{"role":"assistant"}')
local STOP = event("messageStop", '{"stopReason":"end_turn"}')

local function delta(index, text)
  return event("contentBlockDelta",
    ('{"contentBlockIndex":%d,"delta":%s}'):format(index, text))
end

local function tool(index, input)
  return event("contentBlockStart", ('{"contentBlockIndex":%d,"start":'
    .. '{"toolUse":{"toolUseId":"t","name":"n"}}}'):format(index))
    .. (input and delta(index, ('{"toolUse":{"input":%q}}'):format(input))
      or "")
    .. event("contentBlockStop", ('{"contentBlockIndex":%d}'):format(index))
end

local function client_of(host, options)
  local given = { host = host, region = "us-east-1", env = {},
    max_attempts = 1,
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  return bedrock.new(given)
end

local function ask(model, text)
  return { modelId = model or "m",
    messages = { { role = "user", content = { { text = text or "x" } } } } }
end

-- What a stream of these pieces comes to.
local function run(...)
  local pieces = { ... }
  pieces.headers = pieces.headers or HEADERS
  local stream = client_of(fakehost.new(pieces)):converse_stream(ask())
  local events = {}
  while true do
    local one, err = stream:next()
    if not one then return err, events, stream end
    events[#events + 1] = one
  end
end

local function answer_of(...)
  local err, _, stream = run(...)
  assert.is_nil(err)
  return stream:response()
end

local function refused(status, body, headers)
  local host = fakehost.new { body, status = status, headers = headers or {} }
  return select(2, client_of(host):converse(ask()))
end

local server, emulator

describe("pitfall", function()
  setup(function()
    server = odd.start()
    emulator = assert(child.start())
  end)
  teardown(function()
    server:stop()
    emulator:stop()
  end)

  local function emulated(options)
    local given = { host = curl_host.new(), max_attempts = 1 }
    for name, value in pairs(emulator.options) do given[name] = value end
    for name, value in pairs(options or {}) do given[name] = value end
    return bedrock.new(given)
  end

  it("P1: no total timeout, 300 s of silence, 10 s to connect", function()
    local plan = assert(client_of(fakehost.new()):plan())
    assert.equal(10, plan.connect_timeout)
    assert.equal(300, plan.idle_timeout)
    assert.is_nil(plan.total_timeout)
  end)

  it("P2: silence ends", function()
    local _, err = server:client { idle_timeout = 0.1 }:converse_stream(
      odd.ask "hold"):next()
    assert.equal("IdleTimeout", err.code)
  end)

  it("P3: slow is no stall", function()
    assert.truthy(server:client { idle_timeout = 2 }:converse_stream(
      odd.ask "tick.200.12"):response())
  end)

  it("P4: a generation that fell silent is not paid twice", function()
    local one = server:client { idle_timeout = 0.1, max_attempts = 3 }
    local _, err = one:converse(odd.ask "mute")
    assert.equal(1, err.attempts)
  end)

  it("P5: nothing is tried again once an event was seen", function()
    local host = fakehost.new({ START, headers = HEADERS }, { START, STOP,
      headers = HEADERS })
    local stream = client_of(host, { max_attempts = 3 }):converse_stream(ask())
    assert.truthy(stream:next())
    local _, err = stream:next()
    assert.equal("stream", err.stage)
    assert.is_boolean(err.retryable)
    assert.equal(1, #host.sent)
  end)

  it("P6: leaving closes the socket", function()
    local stream = server:client():converse_stream(odd.ask "tick.10.500")
    stream:next()
    stream:close()
    assert.is_true(odd.eventually(function()
      return select(2, server:state()) <= 1
    end))
  end)

  it("P7: streams that failed leave no socket behind", function()
    local one = server:client()
    for _ = 1, 100 do one:converse_stream(odd.ask "hold"):close() end
    one.host:wait(0)
    assert.equal(0, #one.host:sockets())
  end)

  it("P8: an error is raised in a loop, and can be asked for again", function()
    local stream = client_of(fakehost.new { START, headers = HEADERS })
      :converse_stream(ask())
    local ok, err = pcall(function() for _ in stream do end end)
    assert.is_false(ok)
    assert.equal("IncompleteStream", err.code)
    assert.equal(err, select(2, stream:next()))
  end)

  it("P9: events come as they are written", function()
    -- The next one would come in an hour.
    local stream = server:client():converse_stream(odd.ask "tick.3600000.1")
    assert.truthy(assert(stream:next(30)).messageStart)
    assert.is_false(stream:poll())
    stream:close()
  end)

  it("P10: HTTP/1.1 is enough, and proxies are asked", function()
    assert.equal("1.1", assert(client_of(fakehost.new()):plan()).http_version
      or "1.1")
    assert.truthy(server:client { proxy = server.url,
      endpoint_url = "http://elsewhere.invalid/base" }:converse(
      odd.ask "plain"))
    local host = fakehost.new { "{}" }
    client_of(host, { endpoint_url = "http://vpce.invalid:81/base/" })
      :converse(ask())
    assert.equal("http://vpce.invalid:81/base/model/m/converse",
      host.sent[1].url)
  end)

  it("P11: one region for address and signature", function()
    local host = fakehost.new { "{}" }
    client_of(host, { region = "eu-central-1" }):converse(ask())
    assert.truthy(host.sent[1].url:find("eu-central-1", 1, true))
    assert.truthy(host.sent[1].headers.authorization:find(
      "/eu-central-1/bedrock/", 1, true))
  end)

  it("P12: messages may be split anywhere", function()
    local bytes = START .. delta(0, '{"text":"é"}') .. STOP
    for at = 1, #bytes - 1 do
      local err, events = run(bytes:sub(1, at), bytes:sub(at + 1))
      assert.is_nil(err)
      assert.equal(3, #events)
    end
  end)

  it("P13: both checksums are checked", function()
    for at = 1, #START do
      local other = (START:byte(at) + 1) % 256
      local err, events = run(START:sub(1, at - 1) .. string.char(other)
        .. START:sub(at + 1) .. STOP)
      assert.equal("protocol", err.kind)
      assert.equal(0, #events)
    end
  end)

  it("P14: a message cut by the end is an error", function()
    assert.equal("TruncatedFrame", run(START, STOP:sub(1, -2)).code)
  end)

  it("P15: no messageStop is an error, metadata or not", function()
    assert.equal("IncompleteStream", run(START, event("metadata",
      '{"usage":{"inputTokens":1}}')).code)
  end)

  it("P16: exceptions inside 200 are errors", function()
    for _, kind in ipairs { "internalServerException",
        "modelStreamErrorException", "throttlingException",
        "validationException", "serviceUnavailableException",
        "modelTimeoutException", "somethingNewException" } do
      assert.equal((kind:gsub("^%l", string.upper)),
        run(START, exception(kind)).code)
    end
    local err = run(START, message({ [":message-type"] = "error",
      [":error-code"] = "Boom", [":error-message"] = "why" }, ""))
    assert.equal("Boom", err.code)
    assert.equal("why", err.message)
  end)

  it("P17: exceptions have their status, and may be tried again", function()
    for kind, status in pairs { throttlingException = 429,
        modelStreamErrorException = 424, internalServerException = 500,
        serviceUnavailableException = 503, validationException = 400 } do
      local err = run(START, exception(kind))
      assert.equal(status, err.status)
      assert.equal(status == 429 or status >= 500, err.retryable)
    end
  end)

  it("P18: what is unknown passes through, padding does not", function()
    local more = core.eventstream.encode({ { ":message-type", "event" },
      { ":event-type", "contentBlockStop" }, { "flag", true }, { "no", false },
      { "byte", 1, "byte" }, { "short", 2, "short" }, { "int", 3, "integer" },
      { "long", 4, "long" }, { "blob", "\0", "bytes" },
      { "when", 5, "timestamp" }, { "id", ("u"):rep(16), "uuid" } },
      '{"contentBlockIndex":0}')
    local err, events = run(event("messageStart",
      '{"p":"abcdef","role":"assistant"}'), event("novelty", '{"a":1}'),
      delta(0, '{"sparkle":{"x":true}}'), more, STOP)
    assert.is_nil(err)
    assert.equal(5, #events)
    assert.same({ messageStart = { role = "assistant" } }, events[1])
    assert.same({ novelty = { a = 1 } }, events[2])
    assert.is_true(events[3].contentBlockDelta.delta.sparkle.x)
  end)

  it("P19: 200 that is no event stream is an error", function()
    local host = fakehost.new { '{"Output":{"__type":'
      .. '"com.amazon.coral.service#UnknownOperationException"},'
      .. '"Version":"1.0"}', headers = {
      ["content-type"] = "application/json" } }
    local _, err = client_of(host):converse_stream(ask()):next()
    assert.equal("UnknownOperationException", err.code)
  end)

  it("P20: text may be split inside a character", function()
    local text = answer_of(START, event("contentBlockDelta",
      '{"contentBlockIndex":0,"delta":{"text":"\195\169"}}'):sub(1, 120),
      event("contentBlockDelta",
      '{"contentBlockIndex":0,"delta":{"text":"\195\169"}}'):sub(121), STOP)
    assert.equal("\195\169", text.output.message.content[1].text)
  end)

  it("P21: metadata comes after messageStop", function()
    local answer = answer_of(START, STOP, event("metadata",
      '{"usage":{"inputTokens":3}}'))
    assert.equal(3, answer.usage.inputTokens)
  end)

  it("P22: tool input is put together and parsed once", function()
    local answer = answer_of(START, tool(0, '{"a":[1]}'), tool(1), STOP)
    local content = answer.output.message.content
    assert.same({ a = { 1 } }, content[1].toolUse.input)
    assert.equal("{}", json.encode(content[2].toolUse.input))
  end)

  it("P23: tool input that was cut is told, stop reasons are kept", function()
    local _, _, stream = run(START, tool(0, '{"a":'), event("messageStop",
      '{"stopReason":"malformed_tool_use"}'))
    local answer = assert(stream:response())
    assert.equal("malformed_tool_use", answer.stopReason)
    local text, why = bedrock.answer.incomplete(
      answer.output.message.content[1])
    assert.equal('{"a":', text)
    assert.is_string(why)
  end)

  it("P24: blocks go by their index, and need no stop", function()
    local answer = answer_of(START, delta(0, '{"text":"a"}'),
      delta(1, '{"text":"x"}'), delta(0, '{"text":"b"}'), STOP)
    assert.equal("ab", answer.output.message.content[1].text)
    assert.equal("x", answer.output.message.content[2].text)
  end)

  it("P25: reasoning keeps its signature and what is redacted", function()
    local answer = answer_of(START,
      delta(0, '{"reasoningContent":{"text":"t"}}'),
      delta(0, '{"reasoningContent":{"signature":"s"}}'),
      delta(1, '{"reasoningContent":{"redactedContent":"cmF3"}}'), STOP)
    local content = answer.output.message.content
    assert.same({ text = "t", signature = "s" },
      content[1].reasoningContent.reasoningText)
    assert.equal("raw", content[2].reasoningContent.redactedContent)
  end)

  it("P26: no blank text block is made up", function()
    local answer = answer_of(START, delta(0, '{"text":""}'),
      delta(1, '{"text":" \\n"}'), tool(2, "{}"), STOP)
    assert.equal(1, #answer.output.message.content)
    assert.equal("n", answer.output.message.content[1].toolUse.name)
  end)

  it("P27: chunks of InvokeModel are their inner bytes", function()
    local stream = client_of(fakehost.new { event("chunk", '{"bytes":"'
      .. core.bytes.base64_encode '{"a":1}' .. '"}'), headers = HEADERS })
      :invoke { modelId = "m", body = "{}" }
    local one = stream:next()
    assert.equal('{"a":1}', one.chunk.bytes)
    assert.equal(1, one.chunk.json.a)
  end)

  it("P28: cache tokens stay apart, absent usage is nil", function()
    local usage = answer_of(START, STOP, event("metadata", '{"usage":'
      .. '{"inputTokens":1,"cacheReadInputTokens":5}}')).usage
    assert.equal(5, usage.cacheReadInputTokens)
    assert.is_nil(usage.outputTokens)
  end)

  it("P29: ids and ARNs are one segment, encoded again to sign", function()
    local host = fakehost.new { "{}" }
    client_of(host):converse(ask(ARN))
    assert.truthy(host.sent[1].url:find("%3Aapplication-inference-profile"
      .. "%2Fabc/converse", 1, true))
    assert.truthy(core.sigv4.canonical_request { method = "POST",
      path = "/model/a%3Ab/converse", query = "", headers = { host = "h" },
      payload_hash = ("0"):rep(64), normalize = true }:find("a%253Ab", 1,
      true))
    assert.truthy(emulated():converse(ask(ARN, "Hello")))
  end)

  it("P30: the signer is our own", function()
    local host = fakehost.new { "{}" }
    client_of(host):converse(ask())
    assert.truthy(host.sent[1].headers.authorization:find "^AWS4%-HMAC%-SHA256")
  end)

  it("P31: a bearer token skips all keys; an empty one is none", function()
    local host = fakehost.new({ "{}" }, { "{}" })
    client_of(host, { env = { AWS_BEARER_TOKEN_BEDROCK = "tok" },
      credentials = function() error "asked" end }):converse(ask())
    assert.equal("Bearer tok", host.sent[1].headers.authorization)
    client_of(host, { env = { AWS_BEARER_TOKEN_BEDROCK = "" } })
      :converse(ask())
    assert.truthy(host.sent[2].headers.authorization:find "^AWS4")
  end)

  it("P32: credentials that end are found anew", function()
    local host, given = fakehost.new({ "{}" }, { "{}" }), 0
    local one = client_of(host, { credentials = function()
      given = given + 1
      return { access_key_id = "a", secret_access_key = "b",
        expiration = host:now() + 1000 }
    end })
    one:converse(ask())
    host.time = host.time + 900
    one:converse(ask())
    assert.equal(2, given)
  end)

  it("P33: the metadata service is not asked where it is off", function()
    for off, asked in pairs { ["true"] = false, ["false"] = true } do
      local host = fakehost.new(function() return { "", status = 404 } end)
      local _, err = bedrock.new { region = "us-east-1", host = host, env = {
        AWS_EC2_METADATA_DISABLED = off, HOME = "/nonexistent" } }
        :converse(ask())
      assert.equal("credentials", err.kind)
      assert.equal(asked, #host.sent > 0)
    end
  end)

  it("P34: a wrong clock is mended once", function()
    local one = emulated()
    assert.truthy(one:converse(ask("emulator.skewed-clock", "Hello")))
    assert.is_true(math.abs(one.clock_offset) > 240)
  end)

  it("P35: errors are named by header or body, whatever its case", function()
    local err = refused(400, '{"Message":"why"}', {
      ["x-amzn-errortype"] = "ValidationException:http://x/",
      ["x-amzn-requestid"] = "id" })
    assert.equal("ValidationException", err.code)
    assert.equal("why", err.message)
    assert.equal("id", err.request_id)
    assert.equal("ThrottlingException", refused(429,
      '{"__type":"com.amazon.coral#ThrottlingException"}').code)
  end)

  it("P36: secrets are in no text", function()
    local one = client_of(fakehost.new { "{}", status = 403 }, {
      credentials = { access_key_id = "a", secret_access_key = "SECRET" } })
    local _, err = one:converse(ask())
    assert.is_nil((tostring(err) .. tostring(one)):find "SECRET")
  end)

  it("P37: the body holds nothing that was not asked for", function()
    local host = fakehost.new { START, STOP, headers = HEADERS }
    client_of(host):converse_stream(ask()):response()
    local body = json.decode(host.sent[1].body)
    assert.is_nil(body.stream)
    assert.is_nil(body.modelId)
  end)

  it("P38: empty objects and arrays stay what they are", function()
    local text = '{"a":{},"b":[],"c":null,"d":9007199254740991}'
    local value = assert(json.decode(text))
    assert.equal("{}", json.encode(value.a))
    assert.equal("[]", json.encode(value.b))
    assert.equal(bedrock.null, value.c)
    assert.equal("9007199254740991", json.encode(value.d))
  end)

  it("P39: an error in a caller's function ends that call alone", function()
    local one = server:client { log = function() error "mine" end }
    local ok, why = pcall(function() return one:converse(odd.ask "plain") end)
    assert.is_false(ok)
    assert.truthy(tostring(why):find "mine")
    assert.truthy(server:client { host = one.host }:converse(odd.ask "plain"))
  end)

  it("P40: blobs are raw strings, base64 on the wire", function()
    local host = fakehost.new { "{}" }
    client_of(host):converse { modelId = "m", messages = { { role = "user",
      content = { { image = { format = "png", source = {
        bytes = "\0\255raw" } } } } } } }
    local body = json.decode(host.sent[1].body)
    assert.equal(core.bytes.base64_encode "\0\255raw",
      body.messages[1].content[1].image.source.bytes)
  end)
end)
