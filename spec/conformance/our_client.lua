-- Our client against a server made of AWS's own signer and codec
-- (sdk_server.mjs): an independent judge of signatures, marshalling, frames.
--
--   BEDROCK_PEERS=.../node_modules lua5.4 spec/conformance/our_client.lua
--
-- Prints TAP lines and at the end "N passed, N failed".

package.path = "spec/conformance/?.lua;" .. package.path

local bedrock = require "bedrock"
local core = require "bedrock.core"
local reply_body = require "bedrock.body"
local json = require "bedrock.json"
local judge = require "judge"
local process = require "bedrock.emulator.process"

local equal, is_error, test = judge.equal, judge.is_error, judge.test
local by_name = judge.by_name

local server = process.start "node spec/conformance/sdk_server.mjs"
local url = (server.line or ""):match "listening on (%S+)"
if not url then error("no server: " .. tostring(server.line)) end

local PLAIN = { access_key_id = "AKIDPLAIN",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
local SESSION = { access_key_id = "ASIASESSION",
  secret_access_key = "other/secret+key",
  session_token = "FwoGZXIvYXdzEBYaD/+==token/with+signs=" }
local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local ARN = "arn:aws:bedrock:eu-west-3:123456789012:"
local BLOB = "\0\1\254\255\n"

local function client(more)
  local options = { endpoint_url = url, region = "eu-west-3", env = {},
    credentials = PLAIN, max_attempts = 1 }
  for name, value in pairs(more or {}) do options[name] = value end
  return bedrock.new(options)
end

local aws = client()

local function say(text, more)
  local params = { modelId = MODEL, messages = {
    { role = "user", content = { { text = text } } } } }
  for name, value in pairs(more or {}) do params[name] = value end
  return params
end

-- ---- signatures -----------------------------------------------------------

for name, credentials in by_name { plain = PLAIN, session = SESSION } do
  for _, id in ipairs { MODEL, ARN .. "inference-profile/eu.a.b-v1:0",
    "eu.amazon.nova-lite-v1:0", ARN .. "prompt/ABC123:7" } do
    test(("signature of %s keys, model %s"):format(name, id), function()
      local by = client { credentials = credentials }
      local got = assert(by:converse(say("Hi", { modelId = id })))
      equal("You said: Hi", got.output.message.content[1].text)
      equal("/model/" .. id:gsub("[:/]", { [":"] = "%3A", ["/"] = "%2F" })
        .. "/converse", got.seen.url)
      equal(credentials.session_token, got.seen.headers["x-amz-security-token"])
      local text = assert(by:converse_stream(say("echo", { modelId = id }))
        :response()).output.message.content[1].text
      equal(got.seen.path .. "-stream", json.decode(text).path)
    end)
  end
end

local REFUSED = {
  ["a wrong secret"] = { "InvalidSignatureException", { access_key_id =
    PLAIN.access_key_id, secret_access_key = "wrong" } },
  ["an unknown key"] = { "UnrecognizedClientException", { access_key_id =
    "AKIDNOBODY", secret_access_key = "x" } },
  ["a wrong session token"] = { "UnrecognizedClientException", {
    access_key_id = SESSION.access_key_id, secret_access_key =
    SESSION.secret_access_key, session_token = "another" } },
}
for name, row in by_name(REFUSED) do
  test(name .. " is refused", function()
    local by = client { credentials = row[2] }
    local fields = { kind = "service", code = row[1], status = 403,
      retryable = false, stage = "response" }
    local got, err = by:converse(say "Hi")
    equal(nil, got)
    is_error(fields, err)
    equal(nil, tostring(err):find "Canonical", "canonical request told")
    is_error(fields, select(2, by:converse_stream(say "text"):response()))
    is_error(fields, select(2, by:list_async_invokes {}))
  end)
end

test("the region of the signature is checked", function()
  local _, err = client { region = "us-east-1" }:converse(say "Hi")
  is_error({ code = "InvalidSignatureException" }, err)
end)

test("many requests on one connection, each signed", function()
  for i = 1, 50 do
    local text = ("%d \195\188 %s"):format(i, ("x"):rep(i * 37))
    equal("You said: " .. text,
      assert(aws:converse(say(text))).output.message.content[1].text)
  end
end)

-- ---- operations -----------------------------------------------------------

test("Converse: members out and in", function()
  local request = say("Hi", {
    system = { { text = "Be brief." } },
    inferenceConfig = { maxTokens = 100, temperature = 0.1,
      stopSequences = { "END" } },
    toolConfig = { tools = { { toolSpec = { name = "f", inputSchema = {
      json = { type = "object", properties = json.object {} } } } } } },
    additionalModelRequestFields = { list = json.array {}, none = json.null },
    requestMetadata = { team = "a" }, serviceTier = { type = "flex" } })
  request.messages[1].content[2] = { image = { format = "png",
    source = { bytes = BLOB } } }
  local got = assert(aws:converse(request))
  equal("application/json", got.seen.headers["content-type"])
  equal(nil, got.seen.headers.accept)
  equal(nil, got.seen.headers["accept-encoding"])
  equal(nil, got.seen.headers.expect)
  request.modelId = nil
  request.messages[1].content[2].image.source.bytes =
    core.bytes.base64_encode(BLOB)
  equal(request, json.decode(got.seen.body))
  equal(true, got.seen.body:find('"list":[]', 1, true) ~= nil)
  equal(true, got.seen.body:find('"properties":{}', 1, true) ~= nil)
  equal("end_turn", got.stopReason)
  equal({ inputTokens = 12, outputTokens = 34, totalTokens = 46 }, got.usage)
  equal('{"deep":[{},[],null,""]}',
    json.encode(got.additionalModelResponseFields))
  equal(200, bedrock.metadata(got).status)
  equal("request-", bedrock.metadata(got).request_id:match "^request%-")
end)

test("Converse: tool input, reasoning, and back again", function()
  local tool = assert(aws:converse(say "tool")).output.message.content[2]
  equal({ city = "Paris", days = { 1, 2.5, 1e21 }, none = json.object {},
    nothing = json.array {} }, tool.toolUse.input)
  local message = assert(aws:converse(say "reasoning")).output.message
  equal(BLOB, message.content[2].reasoningContent.redactedContent)
  local request = say "and?"
  table.insert(request.messages, 1, message)
  local sent = json.decode(assert(aws:converse(request)).seen.body)
  equal(core.bytes.base64_encode(BLOB),
    sent.messages[1].content[2].reasoningContent.redactedContent)
end)

local ERRORS = {
  throttled = { code = "ThrottlingException", status = 429, retryable = true,
    message = "Too many requests" },
  model = { code = "ModelErrorException", status = 424, retryable = false,
    originalStatusCode = 400, resourceName = "abc" },
  ["not ready"] = { code = "ModelNotReadyException", retryable = true },
  denied = { code = "AccessDeniedException", status = 403, retryable = false },
}
for name, fields in by_name(ERRORS) do
  test("Converse: error " .. name, function()
    fields.kind, fields.attempts = "service", 1
    is_error(fields, select(2, aws:converse(say(name))))
  end)
end

test("InvokeModel: body, headers both ways", function()
  local got = assert(aws:invoke_model { modelId = ARN .. "custom-model/a/b",
    body = { prompt = "x", list = json.array {} }, accept = "application/json",
    trace = "ENABLED", guardrailIdentifier = "gr1", guardrailVersion = "2",
    performanceConfigLatency = "optimized", serviceTier = "flex" })
  local body = json.decode(got.body)
  equal(ARN .. "custom-model/a/b", body.model)
  equal({ prompt = "x", list = json.array {} }, json.decode(body.seen.body))
  equal(true, body.seen.body:find('"list":[]', 1, true) ~= nil)
  local headers = body.seen.headers
  equal({ "application/json", "ENABLED", "gr1", "2", "optimized", "flex" },
    { headers.accept, headers["x-amzn-bedrock-trace"],
      headers["x-amzn-bedrock-guardrailidentifier"],
      headers["x-amzn-bedrock-guardrailversion"],
      headers["x-amzn-bedrock-performanceconfig-latency"],
      headers["x-amzn-bedrock-service-tier"] })
  equal({ "application/json", "optimized", "flex" }, { got.contentType,
    got.performanceConfigLatency, got.serviceTier })
  equal("3", bedrock.metadata(got).headers["x-amzn-bedrock-input-token-count"])
end)

test("CountTokens", function()
  local got = assert(aws:count_tokens { modelId = MODEL, input = {
    invokeModel = { body = BLOB } } })
  equal(77, got.inputTokens)
  equal(core.bytes.base64_encode(BLOB),
    json.decode(got.seen.body).input.invokeModel.body)
end)

test("ApplyGuardrail: two labels", function()
  local got = assert(aws:apply_guardrail { guardrailVersion = "DRAFT",
    guardrailIdentifier = ARN .. "guardrail/x1", source = "INPUT",
    content = { { text = { text = "bad" } } } })
  equal(ARN .. "guardrail/x1@DRAFT", got.outputs[1].text)
  equal("GUARDRAIL_INTERVENED", got.action)
  equal("[]", json.encode(got.assessments[1].wordPolicy.managedWordLists))
end)

test("InvokeGuardrailChecks", function()
  local got = assert(aws:invoke_guardrail_checks {
    messages = { { role = "user", content = { { text = "x" } } } },
    checks = { contentFilter = { categories = { {
      category = "VIOLENCE" } } } } })
  equal(0.95, got.results.contentFilter.results[1].severityScore)
end)

test("StartAsyncInvoke fills its token, GetAsyncInvoke reads times", function()
  local request = { modelId = "amazon.nova-reel-v1:0",
    modelInput = { deep = { json.object {}, json.array {} } },
    outputDataConfig = { s3OutputDataConfig = { s3Uri = "s3://b/x" } } }
  local started = assert(aws:start_async_invoke(request))
  local sent = json.decode(started.seen.body)
  equal(36, #sent.clientRequestToken)
  equal('{"deep":[{},[]]}', json.encode(sent.modelInput))
  local job = assert(aws:get_async_invoke {
    invocationArn = started.invocationArn })
  equal(started.invocationArn, job.invocationArn)
  equal(1768472430.25, job.submitTime)
  equal("GET", job.seen.method)
  equal("", job.seen.body)
  equal(nil, job.seen.headers["content-type"])
end)

test("ListAsyncInvokes: a signed query of every kind", function()
  local got = assert(aws:list_async_invokes { maxResults = 7,
    statusEquals = "InProgress", sortBy = "SubmissionTime",
    submitTimeAfter = 1700000000, nextToken = "a b/+=&%~*'\195\169" })
  equal({ maxResults = "7", statusEquals = "InProgress",
    sortBy = "SubmissionTime", submitTimeAfter = "2023-11-14T22:13:20Z",
    nextToken = "a b/+=&%~*'\195\169" }, got.seen.query)
end)

test("each_async_invoke follows the pages", function()
  local last = {}
  for entry in client { credentials = SESSION }:each_async_invoke {
    sortOrder = "Descending" } do
    last[#last + 1] = entry.invocationArn:match "%d$"
  end
  equal("0123" .. "5", table.concat(last))
end)

-- ---- streams --------------------------------------------------------------

local TEXT = "Gr\195\188\195\159e \226\130\172 \240\159\140\153 \"q\" \\ \1 "
  .. "\226\128\168 end"

local function response(text)
  local stream = aws:converse_stream(say(text))
  return assert(stream:response()), stream
end

test("ConverseStream, a byte at a time, headers of every type", function()
  local got, stream = response "text"
  equal({ { text = TEXT } }, got.output.message.content)
  equal({ "end_turn", 46, 321 }, { got.stopReason, got.usage.totalTokens,
    got.metrics.latencyMs })
  equal("request-", stream.request_id:match "^request%-")
  equal(200, stream.status)
end)

test("ConverseStream: the order of events, padding", function()
  local kinds = {}
  for event in aws:converse_stream(say "text") do
    kinds[#kinds + 1] = next(event)
    equal(nil, next(event, next(event)))
  end
  equal("messageStart" .. (" contentBlockDelta"):rep(5)
    .. " contentBlockStop messageStop metadata", table.concat(kinds, " "))
end)

test("ConverseStream: interleaved tool calls", function()
  local content = response "tool".output.message.content
  equal({ city = "Paris", n = json.array {} }, content[2].toolUse.input)
  equal({ city = "Rome" }, content[3].toolUse.input)
  equal("{}", json.encode(content[4].toolUse.input))
  equal("tooluse_3", content[4].toolUse.toolUseId)
end)

test("ConverseStream: reasoning, redacted reasoning, citations", function()
  local content = response "reasoning".output.message.content
  equal({ { reasoningContent = { reasoningText = { text = "Let me think.",
    signature = "c2lnbmF0dXJl" } } }, { reasoningContent = {
      redactedContent = BLOB } }, { text = "Answer" } }, content)
  content = response "citations".output.message.content
  equal("Cited.", content[1].citationsContent.content[1].text)
  local citation = content[1].citationsContent.citations[1]
  equal(5, citation.location.documentChar["end"])
end)

test("ConverseStream: what the model does not know passes", function()
  local found
  for event in aws:converse_stream(say "of tomorrow") do
    found = found or event.somethingNew
  end
  equal("[1,{}]", json.encode(found.a))
  local got = response "of tomorrow"
  equal("brand_new_reason", got.stopReason)
  equal({ hologram = { x = 1 } }, got.output.message.content[1])
end)

test("ConverseStream: 3000 events, an event of 3 MB", function()
  local text = response "long".output.message.content[1].text
  equal("0 1 2", text:sub(1, 5))
  equal("2998 2999 ", text:sub(-10))
  equal(3e6, #response "big".output.message.content[1].text)
end)

local STREAM_ERRORS = {
  ["exception first"] = { kind = "service", code = "ThrottlingException",
    retryable = true, stage = "stream", message = "Too many tokens" },
  ["exception midway"] = { kind = "service",
    code = "ModelStreamErrorException", originalStatusCode = 500,
    originalMessage = "boom", message = "model fell over" },
  ["error midway"] = { kind = "service", code = "InternalError",
    message = "something broke" },
  ["no end"] = { kind = "protocol", code = "IncompleteStream" },
  cut = { kind = "protocol" },
  flipped = { kind = "protocol", code = "MessageChecksumMismatch" },
  ["not json"] = { kind = "protocol", code = "InvalidEvent" },
}
for name, fields in by_name(STREAM_ERRORS) do
  test("ConverseStream: " .. name, function()
    local stream = aws:converse_stream(say(name))
    local got, err = stream:response()
    equal(nil, got)
    is_error(fields, err)
    equal("ConverseStream", err.operation)
    if name:find "midway" then
      equal("Half an", stream:partial().output.message.content[1].text)
    end
  end)
end

local function invoke(prompt)
  return aws:invoke { modelId = MODEL, body = { prompt = prompt },
    accept = "application/json" }
end

test("InvokeModelWithResponseStream: chunks, answer, text", function()
  local stream = invoke "hi"
  local got = assert(stream:response())
  equal("Gr\195\188\195\159e \240\159\140\153", got.content[1].text)
  equal("end_turn", got.stop_reason)
  equal(7, got["amazon-bedrock-invocationMetrics"].outputTokenCount)
  equal("application/json", stream.content_type)
  local pieces = {}
  for piece in invoke "hi":text() do pieces[#pieces + 1] = piece end
  equal({ "Gr\195\188\195\159e ", "\240\159\140\153" }, pieces)
end)

test("InvokeModelWithResponseStream: headers, raw bytes", function()
  local seen = assert(invoke "seen":next()).chunk.json.seen
  equal("application/json", seen.headers["x-amzn-bedrock-accept"])
  local event = assert(invoke "not json":next())
  equal("\0\1plain, no JSON", event.chunk.bytes)
  equal(nil, event.chunk.json)
end)

test("InvokeModelWithResponseStream: an exception after a chunk", function()
  local stream = invoke "exception"
  equal("message_start", assert(stream:next()).chunk.json.type)
  local event, err = stream:next()
  equal(nil, event)
  is_error({ code = "ModelTimeoutException", stage = "stream" }, err)
end)

test("twenty streams at once, one of them left", function()
  local streams = {}
  for i = 1, 20 do
    streams[i] = aws:converse_stream(say(i % 2 == 0 and "tool" or "long"))
  end
  assert(streams[20]:next())
  streams[20]:close()
  for i = 1, 19 do assert(streams[i]:response(), i) end
end)

-- ---- the codec by itself --------------------------------------------------

local function post(path, body)
  local host = require "bedrock.host.curl".new()
  local reply = assert(host:send({ method = "POST", url = url .. path,
    headers = {}, body = body }, { connect = 5, idle = 10 }))
  return assert(reply_body.read_all(reply, 65536))
end

local UUID = core.bytes.unhex "0123456789abcdef0123456789abcdef"

test("codec: AWS encodes, we decode every header type", function()
  local decoder = core.eventstream.decoder()
  assert(decoder:feed(post("/codec/frames", "")))
  local payload, headers = decoder:next()
  equal("\1\0\2", payload)
  equal({ yes = true, no = false, byte = -7, short = -30000,
    integer = 2147483647, long = -9007199254740991, binary = "\0\255\128\n",
    text = "Gr\195\188\195\159e \226\130\172 \240\159\140\153", empty = "",
    when = { timestamp = 1700000000123 }, id = UUID }, headers)
  assert(decoder:finish())
end)

test("codec: we encode every header type, AWS decodes", function()
  local got = json.decode(post("/codec/decode", core.eventstream.encode({
    { "yes", true }, { "no", false }, { "byte", -7, "byte" },
    { "short", -30000, "short" }, { "integer", -2147483647 },
    { "long", -9007199254740991, "long" }, { "binary", "\0\255", "bytes" },
    { "text", "Gr\195\188\195\159e" },
    { "when", 1700000000123, "timestamp" }, { "id", UUID, "uuid" } },
    "\1\0\2")))
  equal({ body = "010002", headers = { yes = { "boolean", true },
    no = { "boolean", false }, byte = { "byte", -7 },
    short = { "short", -30000 }, integer = { "integer", -2147483647 },
    long = { "long", "-9007199254740991" }, binary = { "binary", "00ff" },
    text = { "string", "Gr\195\188\195\159e" },
    when = { "timestamp", 1700000000123 },
    id = { "uuid", "01234567-89ab-cdef-0123-456789abcdef" } } }, got)
end)

server:stop()
judge.finish()
