-- Parameters become requests: what is converted, and how it is sent.

local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local requests = require "spec.support.requests"

local MODEL = requests.MODEL
local request, body = requests.request, requests.body
local problems = requests.problems
local converse, says = requests.converse, requests.says

-- A deep copy, to see that nothing was changed.
local function copy(value)
  if type(value) ~= "table" then return value end
  local twin = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do twin[key] = copy(item) end
  return twin
end

describe("marshal: what is sent", function()
  it("has no more than what was asked for", function()
    assert.same({ method = "POST", path = "/model/m/converse", query = "",
      headers = { ["content-type"] = "application/json" }, body = "{}" },
      request("Converse", { modelId = "m" }))
    assert.same({ method = "GET", path = "/async-invoke", query = "",
      headers = {} }, request("ListAsyncInvokes", {}))
  end)

  it("encodes a model id as one segment", function()
    assert.equal("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
      .. "application-inference-profile%2Fabc/converse",
      request("Converse", { modelId = "arn:aws:bedrock:us-east-1:"
        .. "123456789012:application-inference-profile/abc" }).path)
    assert.equal("/model/%20%25%C3%A9~-._/converse",
      request("Converse", { modelId = " %é~-._" }).path)
  end)

  it("keeps empty lists lists and empty maps maps", function()
    local text = request("Converse", converse {
      messages = {}, requestMetadata = {}, inferenceConfig = {},
      toolConfig = { tools = {}, toolChoice = { auto = {} } },
      additionalModelRequestFields = { a = {}, b = json.array {} },
    }).body
    assert.equal('{"additionalModelRequestFields":{"a":{},"b":[]},'
      .. '"inferenceConfig":{},"messages":[],"requestMetadata":{},'
      .. '"toolConfig":{"toolChoice":{"auto":{}},"tools":[]}}', text)
    -- A mark that contradicts the model does not survive.
    assert.equal('{"inferenceConfig":{},"messages":[]}',
      request("Converse", converse { messages = json.object {},
        inferenceConfig = json.array {} }).body)
  end)

  it("takes null for absent", function()
    local given = converse {
      messages = { { role = "user", content = { { text = "a",
        image = json.null } } } },
      system = json.null, toolConfig = json.null,
      inferenceConfig = { maxTokens = json.null },
      requestMetadata = { a = "b", c = json.null },
      additionalModelRequestFields = { n = json.null },
    }
    assert.equal('{"additionalModelRequestFields":{"n":null},'
      .. '"inferenceConfig":{},"messages":[{"content":[{"text":"a"}],'
      .. '"role":"user"}],"requestMetadata":{"a":"b"}}',
      request("Converse", given).body)
    assert.same({ "modelId: required member is missing" },
      problems("Converse", { modelId = json.null }))
  end)

  it("writes whole numbers as integers, and documents as they are", function()
    local sent = request("Converse", converse {
      inferenceConfig = { maxTokens = 1e3, temperature = 1, topP = 0.1 },
      additionalModelRequestFields = { i = 7, f = 7.25 },
    }).body
    assert.equal('{"additionalModelRequestFields":{"f":7.25,"i":7},'
      .. '"inferenceConfig":{"maxTokens":1000,"temperature":1,"topP":0.1}}',
      sent)
    local zero = -1 / math.huge
    assert.equal("maxResults=0",
      request("ListAsyncInvokes", { maxResults = zero }).query)
    assert.equal('{"inferenceConfig":{"maxTokens":0,"topP":-0.0}}',
      request("Converse", converse { inferenceConfig = { maxTokens = zero,
        topP = zero } }).body)
  end)

  it("takes documents of any type", function()
    for _, value in ipairs { json.array { 1, 2 }, "text", 5, true } do
      assert.same(value, body("StartAsyncInvoke", { modelId = MODEL,
        modelInput = value, outputDataConfig = {
          s3OutputDataConfig = { s3Uri = "s3://b" } } }).modelInput)
    end
  end)

  it("writes the same parameters as the same bytes", function()
    local names = {}
    for i = 1, 40 do names["name" .. i] = i end
    local first = request("Converse", converse {
      additionalModelRequestFields = names }).body
    local again = {}
    for i = 40, 1, -1 do again["name" .. i] = i end
    assert.equal(first, request("Converse", converse {
      additionalModelRequestFields = again }).body)
  end)

  it("changes nothing that it was given", function()
    local given = converse {
      messages = {
        { role = "user", content = { { text = "a", image = json.null },
          { image = { format = "png", source = { bytes = "\1\2" } } } } },
        { role = "assistant", content = {} },
      },
      inferenceConfig = { maxTokens = 5.0 }, requestMetadata = {},
    }
    local before = copy(given)
    request("Converse", given)
    assert.same(before, given)
  end)

  it("encodes blobs once, from strings and from files", function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    bytes = table.concat(bytes)
    local core = require "bedrock.core"
    local expected = core.bytes.base64_encode(bytes)
    local file = assert(io.tmpfile())
    file:write(bytes)
    file:seek("set")
    local sent = body("Converse", says {
      { image = { format = "png", source = { bytes = bytes } } },
      { image = { format = "png", source = { bytes = file } } },
      { reasoningContent = { redactedContent = bytes } },
    }).messages[1].content
    assert.equal(expected, sent[1].image.source.bytes)
    assert.equal(expected, sent[2].image.source.bytes)
    assert.equal(expected, sent[3].reasoningContent.redactedContent)
    file:close()
    assert.same({ "messages[1].content[1].image.source.bytes: is a closed"
      .. " file", "messages[1].content[2].image.source.bytes: expected a"
      .. " string of raw bytes or an open file, got an empty table" },
      problems("Converse", says {
        { image = { format = "png", source = { bytes = file } } },
        { image = { format = "png", source = { bytes = {} } } } }))
  end)

  it("takes an invoke body as string, table or whatever can be read",
    function()
      local pieces = { "{\"a\"", ":1}" }
      local reader = { read = function() return table.remove(pieces, 1) end }
      local bodies = { '{"a":1}', { a = 1 }, reader }
      for _, given in ipairs(bodies) do
        for _, name in ipairs { "InvokeModel",
          "InvokeModelWithResponseStream" } do
          if given ~= reader or name == "InvokeModel" then
            local sent = request(name, { modelId = MODEL, body = given })
            assert.equal('{"a":1}', sent.body)
            assert.equal("application/json", sent.headers["content-type"])
          end
        end
      end
      assert.equal("\0\255", request("InvokeModel", { modelId = MODEL,
        body = "\0\255", contentType = "application/x-own" }).body)
      assert.equal("application/json", request("InvokeModel", {
        modelId = MODEL, body = "{}", contentType = "" })
        .headers["content-type"])
      local counted = body("CountTokens", { modelId = MODEL,
        input = { invokeModel = { body = { a = 1 } } } })
      assert.equal("eyJhIjoxfQ==", counted.input.invokeModel.body)
      local broken = { read = function() return nil, "disk on fire" end }
      assert.same({ "body: could not be read: disk on fire" },
        problems("InvokeModel", { modelId = MODEL, body = broken }))
      assert.truthy(problems("InvokeModel", { modelId = MODEL,
        body = { f = print } })[1]:find("^body%.f: a function"))
    end)

  it("binds headers", function()
    local sent = request("InvokeModelWithResponseStream", {
      modelId = MODEL, body = {}, accept = "application/json",
      contentType = "text/plain", trace = "ENABLED",
      guardrailIdentifier = "g", guardrailVersion = "1",
      performanceConfigLatency = "optimized", serviceTier = "flex",
      requestMetadata = { team = "Grün 😹" },
    })
    assert.same({
      ["content-type"] = "text/plain",
      ["x-amzn-bedrock-accept"] = "application/json",
      ["x-amzn-bedrock-trace"] = "ENABLED",
      ["x-amzn-bedrock-guardrailidentifier"] = "g",
      ["x-amzn-bedrock-guardrailversion"] = "1",
      ["x-amzn-bedrock-performanceconfig-latency"] = "optimized",
      ["x-amzn-bedrock-service-tier"] = "flex",
      ["x-amzn-bedrock-request-metadata"] =
        '{"team":"Gr\\u00fcn \\ud83d\\ude39"}',
    }, sent.headers)
    assert.equal("{}", sent.body)
    local text = request("InvokeModel", { modelId = MODEL, body = "{}",
      requestMetadata = '{"a":"b"}', accept = "*/*" }).headers
    assert.equal('{"a":"b"}', text["x-amzn-bedrock-request-metadata"])
    assert.equal("*/*", text.accept)
  end)

  it("writes times as seconds or ISO 8601 are given", function()
    local sent = request("ListAsyncInvokes", {
      submitTimeAfter = 1735787045.678, submitTimeBefore = 1735787045,
      maxResults = 10.0, nextToken = "a b/+=", sortBy = "SubmissionTime" })
    assert.equal("submitTimeAfter=2025-01-02T03%3A04%3A05.678Z"
      .. "&submitTimeBefore=2025-01-02T03%3A04%3A05Z&maxResults=10"
      .. "&nextToken=a%20b%2F%2B%3D&sortBy=SubmissionTime", sent.query)
    assert.equal("submitTimeAfter=2025-01-02T02%3A04%3A05Z",
      request("ListAsyncInvokes", {
        submitTimeAfter = "2025-01-02T03:04:05+01:00" }).query)
    assert.same({ "submitTimeAfter: expected seconds since the epoch or an"
      .. ' ISO 8601 time such as "2025-01-02T03:04:05Z", got a string',
      "submitTimeBefore: is no time in seconds since the epoch" },
      problems("ListAsyncInvokes", { submitTimeAfter = "yesterday",
        submitTimeBefore = 1735787045678 }))
  end)

  it("makes idempotency tokens up, if not given", function()
    local params = { modelId = MODEL, modelInput = {}, outputDataConfig = {
      s3OutputDataConfig = { s3Uri = "s3://b" } } }
    local options = { uuid = function() return "made-up" end }
    assert.equal("made-up",
      body("StartAsyncInvoke", params, options).clientRequestToken)
    params.clientRequestToken = "mine"
    assert.equal("mine",
      body("StartAsyncInvoke", params, options).clientRequestToken)
  end)

  it("sends the events of a duplex stream one by one", function()
    local sent = request("InvokeModelWithBidirectionalStream",
      { modelId = "amazon.nova-sonic-v1:0" })
    assert.same({ ["content-type"] = "application/vnd.amazon.eventstream" },
      sent.headers)
    assert.is_nil(sent.body)
    local operation = "InvokeModelWithBidirectionalStream"
    local name, payload = marshal.event(operation,
      { chunk = { bytes = "\0raw\255" } })
    assert.equal("chunk", name)
    assert.equal('{"bytes":"AHJhd/8="}', payload)
    assert.equal('{"bytes":"eyJldmVudCI6e319"}',
      select(2, marshal.event(operation, { chunk = { bytes = {
        event = json.object {} } } })))
    for _, bad in ipairs { {}, { chunk = {}, other = {} }, { chnk = {} },
      "chunk", { chunk = { byts = "" } } } do
      local none, err = marshal.event(operation, bad)
      assert.is_nil(none)
      assert.equal("validation", err.kind)
    end
  end)
end)
