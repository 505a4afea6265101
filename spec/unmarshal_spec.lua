-- Answers, errors and events become tables of AWS's names.

local core = require "bedrock.core"
local json = require "bedrock.json"
local model = require "bedrock.service.model"
local shapes = require "bedrock.service.shapes"
local unmarshal = require "bedrock.service.unmarshal"

local function response(operation, headers, body)
  return assert(unmarshal.response(operation, 200, headers, body))
end

local function failure(operation, status, headers, body)
  local value, err = unmarshal.response(operation, status, headers, body)
  assert.is_nil(value)
  return err
end

local function event(operation, name, payload, is_odd)
  local made = unmarshal.event(operation)(name, payload, is_odd)
  assert.equal(payload, made[name])
  assert.is_nil(next(made, name))
  return made[name]
end

describe("unmarshal: answers", function()
  it("drop null members, outside documents", function()
    local got = response("Converse", {}, [[{
      "stopReason": null, "newMember": {"a": null},
      "additionalModelResponseFields": {"a": null, "b": []},
      "output": {"message": {"role": "assistant", "content": [
        {"text": "x", "image": null},
        {"toolUse": {"toolUseId": "i", "name": "n", "input":
          {"k": null}, "type": null}}]}}}]])
    assert.is_nil(got.stopReason)
    local content = got.output.message.content
    assert.same({ text = "x" }, content[1])
    assert.is_nil(content[2].toolUse.type)
    assert.equal(json.null, content[2].toolUse.input.k)
    assert.equal(json.null, got.additionalModelResponseFields.a)
    assert.is_true(json.is_array(got.additionalModelResponseFields.b))
    assert.equal(json.null, got.newMember.a)
  end)

  it("give blobs raw, times in seconds", function()
    local got = response("Converse", {}, [[{"output": {"message": {"content":
      [{"reasoningContent": {"redactedContent": "AP8="}},
       {"image": {"format": "png", "source": {"bytes": "not base64!"}}}]}}}]])
    local content = got.output.message.content
    assert.equal("\0\255", content[1].reasoningContent.redactedContent)
    assert.equal("not base64!", content[2].image.source.bytes)
    got = response("GetAsyncInvoke", {}, [[{"submitTime":
      "2025-01-02T03:04:05.5Z", "endTime": 12.5, "status": "Completed"}]])
    assert.equal(1735787045.5, got.submitTime)
    assert.equal(12.5, got.endTime)
    assert.equal("Completed", got.status)
  end)

  it("have their payload and headers", function()
    assert.same({ body = "\0raw", contentType = "application/json",
      performanceConfigLatency = "optimized" }, response("InvokeModel", {
        ["content-type"] = "application/json", ["x-other"] = "1",
        ["x-amzn-bedrock-performanceconfig-latency"] = "optimized" },
        "\0raw"))
    assert.same({ body = "" }, response("InvokeModel", {}, ""))
    assert.same({ contentType = "application/json" },
      unmarshal.headers("InvokeModelWithResponseStream", 200, {
        ["content-type"] = "application/vnd.amazon.eventstream",
        ["x-amzn-bedrock-content-type"] = "application/json" }))
  end)

  it("that are none are told as such", function()
    local err = failure("Converse", 200, { ["x-amzn-requestid"] = "r" },
      "<html><title>Sign in</title></html>")
    assert.equal("protocol", err.kind)
    assert.equal("response", err.stage)
    assert.equal("r", err.request_id)
    assert.truthy(err.message:find("HTML or XML", 1, true))
    assert.truthy(err.message:find("Sign in", 1, true))
    for _, body in ipairs { '{"a":', "5", "null", "[]", '[{"a":1}]', "" } do
      assert.equal("protocol", failure("Converse", 200, {}, body).kind, body)
    end
    assert.equal("protocol", failure("StartAsyncInvoke", 204, {}, "").kind)
    assert.same({}, response("ListAsyncInvokes", {}, ""))
  end)

  it("may be errors in spite of their status", function()
    for _, case in ipairs {
      { '{"Output":{"__type":"x#ThrottlingException"},"Version":"1.0"}' },
      { '{"__type":"x#ThrottlingException","message":"m"}' },
      { '{"message":"m"}', "ThrottlingException:http://x/" },
    } do
      local err = failure("Converse", 200, { ["x-amzn-errortype"] = case[2] },
        case[1])
      assert.equal("service", err.kind, case[1])
      assert.equal("ThrottlingException", err.code, case[1])
      assert.is_true(err.retryable, case[1])
    end
    assert.same({ __type = "com.amazon#ConverseResponse", stopReason = "x" },
      response("Converse", {}, '{"__type":"com.amazon#ConverseResponse",'
        .. '"stopReason":"x"}'))
  end)
end)

describe("unmarshal: errors", function()
  it("take their name from the header, the body's type or its code",
    function()
      for _, case in ipairs {
        { "ThrottlingException", {} },
        { "ThrottlingException:http://internal.amazon.com/coral/", {} },
        { "com.amazon.bedrock#ThrottlingException:http://x#y", {} },
        { nil, { __type = "com.amazon.coral.service#ThrottlingException" } },
        { nil, { code = "throttlingException" } },
        { nil, { Code = "THROTTLINGEXCEPTION" } },
        { " ThrottlingException ", {} },
        { ":http://x", { code = "ThrottlingException" } },
        { "", { __type = "#", code = "ThrottlingException:x" } },
        { "ThrottlingException", { __type = "Other", code = "Another" } },
      } do
        local body = json.encode(json.object(case[2]))
        local err = unmarshal.error("Converse", 429,
          { ["x-amzn-errortype"] = case[1] }, body)
        assert.equal("service", err.kind)
        assert.equal("ThrottlingException", err.code)
        assert.equal(429, err.status)
        assert.is_true(err.retryable)
        assert.is_true(err.throttling)
      end
    end)

  it("take their message in any casing", function()
    for _, name in ipairs { "message", "Message", "MESSAGE", "errorMessage",
      "ErrorMessage" } do
      local err = unmarshal.error("Converse", 400, {},
        json.encode { __type = "ValidationException", [name] = "Because." })
      assert.equal("Because.", err.message)
      assert.is_false(err.retryable)
    end
    for _, body in ipairs { '{"error":{"message":"Because."}}',
      '{"Error":{"Code":"x","Message":"Because."}}', '{"error":"Because."}',
      '{"message":null,"error":{"code":1,"errorMessage":"Because."}}' } do
      assert.equal("Because.",
        unmarshal.error("Converse", 400, {}, body).message, body)
    end
  end)

  it("are read as well as they can be", function()
    for body, message in pairs {
      ['\239\187\191{"code":"ValidationException","message":"m"}'] = "m",
      ['{"code":"ValidationException","message":"caf\233"}'] = "caf?",
      ["<ValidationException>\n<Message>m</Message></ValidationException>"] =
        "m",
      ['<?xml version="1.0"?><Response><Error><Code>ValidationException</Code>'
        .. "<Message>m</Message></Error></Response>"] = "m",
      ["<ValidationException/>"] =
        "HTTP 400 with a page of HTML or XML, perhaps from a proxy",
    } do
      local err = unmarshal.error("Converse", 400, {}, body)
      assert.equal("ValidationException", err.code, body)
      assert.equal(message, err.message)
    end
    local err = unmarshal.error("Converse", 400, {},
      '{"code":"no name at all","message":"m"}')
    assert.equal("400", err.code)
    assert.equal("m", err.message)
  end)

  it("keep the request id, whoever gave it", function()
    for _, name in ipairs { "x-amzn-requestid", "x-amz-request-id" } do
      assert.equal("id-1", unmarshal.error("Converse", 400,
        { [name] = "id-1" }, "{}").request_id)
    end
  end)

  it("have what the model gives them", function()
    local err = unmarshal.error("InvokeModel", 424, {
      ["x-amzn-errortype"] = "ModelErrorException" }, [[{"message": "m",
      "originalStatusCode": 500, "resourceName": "r", "kind": "x"}]])
    assert.equal("service", err.kind)
    assert.equal(500, err.originalStatusCode)
    assert.equal("r", err.resourceName)
    assert.is_false(err.retryable)
  end)

  it("without a name have the status, and what came, bounded", function()
    local err = unmarshal.error("Converse", 503, {}, "")
    assert.equal("503", err.code)
    assert.is_true(err.retryable)
    err = unmarshal.error("Converse", 502, {},
      "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
      .. ("x"):rep(5000))
    assert.equal("502", err.code)
    assert.is_true(err.retryable)
    assert.truthy(err.message:find("proxy: 502 Bad Gateway", 1, true))
    assert.equal(1024, #err.body)
    err = unmarshal.error("Converse", 400, {}, ("plain\n"):rep(1000))
    assert.is_true(#err.message < 250)
    assert.is_nil(tostring(err):find("\n", 1, true))
    assert.is_false(err.retryable)
    err = unmarshal.error("Converse", 403, {
      ["x-amzn-errortype"] = "AccessDeniedException" }, "Go away.")
    assert.equal("AccessDeniedException", err.code)
    assert.equal("Go away.", err.message)
    assert.equal("Go away.", err.body)
  end)

  it("hidden under status 200 are found", function()
    local body = '{"Output":{"__type":"com.amazon.coral.service'
      .. '#UnknownOperationException"},"Version":"1.0"}'
    for _, err in ipairs {
      failure("Converse", 200, {}, body),
      unmarshal.unexpected("ConverseStream", 200,
        { ["content-type"] = "application/json" }, body),
      unmarshal.error("ConverseStream", 200, {}, body),
    } do
      assert.equal("service", err.kind)
      assert.equal("UnknownOperationException", err.code)
    end
    local err = unmarshal.unexpected("ConverseStream", 200,
      { ["content-type"] = "text/html" }, "<html>")
    assert.equal("protocol", err.kind)
    assert.truthy(err.message:find("text/html", 1, true))
  end)

  it("do not repeat the request that was signed", function()
    for _, tail in ipairs {
      "\n\nThe Canonical String for this request should have been\n'POST\n"
        .. "x-amz-security-token:hunter2'",
      "\n\nThe String-to-Sign should have been\n'hunter2'",
    } do
      local text = "The signature does not match." .. tail
      for _, body in ipairs {
        json.encode { message = text }, text,
        "<Error><Code>SignatureDoesNotMatch</Code><Message>" .. text
          .. "</Message></Error>",
        "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does"
          .. " not match.</Message><StringToSign>hunter2</StringToSign>"
          .. "<CanonicalRequest>hunter2</CanonicalRequest></Error>",
      } do
        local err = unmarshal.error("Converse", 403, {
          ["x-amzn-errortype"] = "InvalidSignatureException" }, body)
        assert.equal("The signature does not match.", err.message)
        for _, value in pairs(err) do
          assert.is_nil(tostring(value):find("hunter2", 1, true))
        end
      end
    end
  end)

  it("in a stream have the model's status and spelling", function()
    local wanted = {
      throttlingException = { 429, true },
      internalServerException = { 500, true },
      serviceUnavailableException = { 503, true },
      validationException = { 400, false },
      modelStreamErrorException = { 424, false },
      modelTimeoutException = { 408, false },
    }
    for name, about in pairs(wanted) do
      for _, payload in ipairs { { message = "m" }, '{"Message":"m"}' } do
        local err = unmarshal.exception("ConverseStream", name, payload)
        assert.equal("service", err.kind)
        assert.equal((name:gsub("^%l", string.upper)), err.code)
        assert.equal(about[1], err.status)
        assert.equal(about[2], err.retryable, name)
        assert.equal("stream", err.stage)
        assert.equal("m", err.message)
      end
    end
    local err = unmarshal.exception("ConverseStream", "brandNewException",
      "no JSON")
    assert.equal("BrandNewException", err.code)
    assert.equal("no JSON", err.message)
    assert.is_nil(err.status)
    err = unmarshal.exception("ConverseStream", "InternalFailure", "",
      "It broke.")
    assert.equal("InternalFailure", err.code)
    assert.equal("It broke.", err.message)
    err = unmarshal.exception("InvokeModelWithResponseStream",
      "modelStreamErrorException",
      '{"originalStatusCode":529,"originalMessage":"Overloaded"}')
    assert.equal(529, err.originalStatusCode)
    assert.equal("Overloaded", err.originalMessage)
  end)
end)

describe("unmarshal: events", function()
  it("pass as they came but for their blobs", function()
    local payload = { contentBlockIndex = 0, delta = { text = "Hi" } }
    assert.equal(payload, event("ConverseStream", "contentBlockDelta",
      payload))
    assert.same({ contentBlockIndex = 0, delta = { text = "Hi" } }, payload)
    assert.equal("\0\255", event("ConverseStream", "contentBlockDelta", {
      delta = { reasoningContent = { redactedContent = "AP8=" } },
    }).delta.reasoningContent.redactedContent)
    assert.equal("\0\255", event("ConverseStream", "contentBlockDelta", {
      delta = { image = { source = { bytes = "AP8=" } } },
    }).delta.image.source.bytes)
  end)

  it("survive what the model does not know, or does not fit", function()
    for _, payload in ipairs { { a = { b = 1 } }, {}, "text", 5, true,
      { delta = 5 }, { delta = { reasoningContent = 5 } },
      { delta = { reasoningContent = { redactedContent = 5 } } },
      { delta = { image = { source = { bytes = "%" } } } },
      { delta = json.null }, json.null } do
      assert.equal(payload, event("ConverseStream", "contentBlockDelta",
        payload))
      assert.equal(payload, event("ConverseStream", "brandNew", payload))
      assert.equal(payload, event("InvokeModelWithResponseStream", "chunk",
        payload))
    end
  end)

  it("lose members that are null, if there are some", function()
    local function stop()
      return { stopReason = "end_turn", newMember = json.null,
        additionalModelResponseFields = { a = json.null } }
    end
    local got = event("ConverseStream", "messageStop", stop(), true)
    assert.is_nil(got.newMember)
    assert.equal(json.null, got.additionalModelResponseFields.a)
    got = event("ConverseStream", "contentBlockDelta", {
      delta = { reasoningContent = { text = json.null,
        redactedContent = "AP8=" } } }, true)
    assert.same({ redactedContent = "\0\255" }, got.delta.reasoningContent)
  end)

  it("are the same however many came before", function()
    local decoder = core.eventstream.decoder()
    for _, text in ipairs { '{"delta":{"text":"x","__type":"com#Delta"}}',
      '{"delta":{"text":"x","more":null}}', '{"p":"abc","delta":{"text":"x"}}',
      '{"delta":{"text":"x"},"start":null}' } do
      local read = unmarshal.event(shapes.new(model)
        :operation "ConverseStream")
      for _ = 1, 30 do
        decoder:feed(core.eventstream.encode({ { ":message-type", "event" },
          { ":event-type", "contentBlockDelta" } }, text))
        assert.same({ contentBlockDelta = { delta = { text = "x" } } },
          read(decoder:event()))
      end
    end
  end)

  it("of a model's own are bytes, and JSON when asked", function()
    for _, operation in ipairs { "InvokeModelWithResponseStream",
      "InvokeModelWithBidirectionalStream" } do
      local chunk = event(operation, "chunk", { bytes = "eyJhIjpbXX0=" })
      assert.equal('{"a":[]}', chunk.bytes)
      assert.same({ a = json.array {} }, chunk.json)
      assert.equal(chunk.json, chunk.json)
      assert.is_nil(chunk.other)
      assert.is_nil(event(operation, "chunk", { bytes = "AP8=" }).json)
      assert.is_nil(event(operation, "chunk", {}).json)
      assert.is_nil(event(operation, "chunk", { bytes = 5 }).json)
      local bare = event(operation, "chunk", { generation = "x" })
      assert.equal(bare, bare.json)
      assert.same({ generation = "x" }, bare)
    end
  end)
end)
