-- Parameters become requests: what is checked, what is converted.

local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local shapes = require "bedrock.service.shapes"

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"

local function request(operation, params, options)
  return assert(marshal.request(operation, params, options))
end

local function body(operation, params, options)
  return assert(json.decode(request(operation, params, options).body))
end

-- The lines of the error that a request gives.
local function problems(operation, params, options)
  local good, err = marshal.request(operation, params, options)
  assert.is_nil(good)
  assert.equal("validation", err.kind)
  assert.equal(operation, err.operation)
  local lines = {}
  for i, problem in ipairs(err.problems) do
    lines[i] = problem.path == "" and problem.message
      or problem.path .. ": " .. problem.message
    assert.truthy(err.message:find(lines[i], 1, true))
  end
  return lines
end

local function converse(fields)
  local params = { modelId = MODEL }
  for name, value in pairs(fields) do params[name] = value end
  return params
end

local function says(blocks)
  return converse { messages = { { role = "user", content = blocks } } }
end

-- A deep copy, to see that nothing was changed.
local function copy(value)
  if type(value) ~= "table" then return value end
  local twin = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do twin[key] = copy(item) end
  return twin
end

describe("marshal: what is wrong", function()
  it("names the path and the nearest member, as the README says", function()
    assert.same({ "messages[1].content[1].txt: unknown member, did you mean"
      .. ' "text"?' }, problems("Converse", says { { txt = "Hello" } }))
  end)

  it("tells every problem at once, in order", function()
    assert.same({
      "inferenceConfig.maxTokens: 1.5 is not an integer",
      'inferenceConfig.max_tokens: unknown member, did you mean "maxTokens"?',
      "inferenceConfig.stopSequences[1]: expected a string, got a number",
      "inferenceConfig.temperature: must be a finite number",
      "inferenceConfig.topP: expected a number, got a boolean",
      "messages[2].content: required member is missing",
      "messages[10].role: expected a string, got a number",
      "modelId: required member is missing",
    }, problems("Converse", {
      messages = (function()
        local list = {}
        for i = 1, 10 do
          list[i] = { role = "user", content = { { text = "x" } } }
        end
        list[2].content, list[10].role = nil, 10
        return list
      end)(),
      inferenceConfig = {
        max_tokens = 1, maxTokens = 1.5, temperature = 0 / 0, topP = true,
        stopSequences = { 5 },
      },
    }))
  end)

  it("knows what a union is", function()
    local lines = problems("Converse", says {
      {}, { text = "a", cachePoint = { type = "default" } }, { foo = 1 },
    })
    assert.equal(3, #lines)
    assert.truthy(lines[1]:find("content[1]: needs one of text, image", 1,
      true))
    assert.equal("messages[1].content[2]: holds one member, not cachePoint"
      .. " and text", lines[2])
    assert.equal("messages[1].content[3].foo: unknown member", lines[3])
  end)

  it("lets pass what the service wrote in an answer, and only there", function()
    local function with(role)
      return converse { messages = {
        { role = "user", content = { { text = "a" } } },
        { role = role, content = { { text = "b" },
          { hologram = { depth = 3 } },
          { toolUse = { toolUseId = "t", name = "n", input = {},
            mood = "good" } } } } } }
    end
    local content = body("Converse", with "assistant").messages[2].content
    assert.same({ hologram = { depth = 3 } }, content[2])
    assert.equal("good", content[3].toolUse.mood)
    assert.same({ "messages[2].content[2].hologram: unknown member",
      "messages[2].content[3].toolUse.mood: unknown member" },
      problems("Converse", with "user"))
    local both = with "assistant"
    both.messages[2].content[3].toolUse.name = 5
    both.messages[3] = { role = "user", content = { { txt = "c" } } }
    assert.same({
      "messages[2].content[3].toolUse.name: expected a string, got a number",
      'messages[3].content[1].txt: unknown member, did you mean "text"?' },
      problems("Converse", both))
  end)

  it("knows lists from maps and both from the rest", function()
    assert.same({
      "messages[1].content: expected a list of ContentBlock such as"
        .. ' { { text = "..." } }, got a string',
    }, problems("Converse", says "Hello"))
    assert.same({ "messages: expected a list of Message, got a table" },
      problems("Converse", converse { messages = { role = "user" } }))
    assert.same({ "messages[1]: expected named members of Message, not a list",
      "messages[1].content: required member is missing",
      "messages[1].role: required member is missing" },
      problems("Converse", converse { messages = { { "user", "Hello" } } }))
    assert.same({ "requestMetadata: expected a map, got a string" },
      problems("Converse", converse { requestMetadata = "a" }))
    assert.same({ "requestMetadata[1]: the keys of a map are strings" },
      problems("Converse", converse { requestMetadata = { "a" } }))
    assert.same({ "messages: a list must have the indices 1, 2, 3 ... and no"
      .. " other" }, problems("Converse", converse { messages = {
        { role = "user", content = {} }, nil, nil,
        { role = "user", content = {} } } }))
    assert.same({ "messages[1]: null in a list" },
      problems("Converse", converse { messages = { json.null } }))
  end)

  it("refuses an empty or absent label whatever the options say", function()
    for _, options in ipairs { {}, { validate = false } } do
      assert.same({ "modelId: required member is missing" },
        problems("Converse", {}, options))
      assert.same({ "modelId: must not be empty" },
        problems("Converse", { modelId = "" }, options))
    end
    local _, err = marshal.request("Converse", { modelId = {} },
      { validate = false })
    assert.equal("validation", err.kind)
  end)

  it("refuses what JSON cannot hold, in documents too", function()
    local inside = {}
    inside.a = { b = inside }
    assert.same({
      "additionalModelRequestFields.f: a function cannot be JSON",
      "additionalModelRequestFields.i: must be a finite number",
      "additionalModelRequestFields.loop.a.b: a table inside itself",
      "additionalModelRequestFields.mixed: a table with both names and"
        .. " indices",
      "additionalModelRequestFields.s: not UTF-8 at byte 3; raw bytes go"
        .. " into blobs",
      "messages[1].content[1].text: not UTF-8 at byte 1; raw bytes go into"
        .. " blobs",
      "messages[1].content[1].txet: unknown member, did you mean \"text\"?",
    }, problems("Converse", converse {
      messages = { { role = "user",
        content = { { text = "\255", txet = "x" } } } },
      additionalModelRequestFields = { f = print, i = 1 / 0, loop = inside,
        s = "ab\237", mixed = { 1, a = 2 } },
    }))
  end)

  it("refuses what cannot be sent also without validation", function()
    local lines = problems("Converse", says { { text = "\200" } },
      { validate = false })
    assert.same({ "messages[1].content[1].text: not UTF-8 at byte 1; raw"
      .. " bytes go into blobs" }, lines)
  end)

  it("stops at a table inside itself", function()
    local list = {}
    list[1] = { role = "user", content = list }
    assert.truthy(marshal.request("Converse", converse { messages = list })
      == nil)
    -- In a model whose shapes recurse, and without validation.
    local schema = shapes.new {
      operations = "Put PUT /x json Tree -\n",
      shapes = "Tree structure leaf:Tree\n",
    }
    local tree = {}
    tree.leaf = tree
    local _, err = marshal.request(schema:operation "Put", tree,
      { validate = false })
    assert.truthy(err.message:find("a table inside itself", 1, true))
  end)

  it("stops at documents that are too deep, and says where they begin",
    function()
      local deep = {}
      for _ = 1, 1001 do deep = { a = deep } end
      local lines = problems("Converse", converse {
        additionalModelRequestFields = deep })
      assert.equal(1, #lines)
      assert.truthy(lines[1]:find("^additionalModelRequestFields.a.a.a"))
      assert.truthy(lines[1]:find("%.a %.%.%.: nested too deeply$"))
    end)

  it("lets no header be made of a value", function()
    for _, options in ipairs { {}, { validate = false } } do
      assert.same({ "accept: a header holds no control characters" },
        problems("InvokeModel", { modelId = MODEL, body = "{}",
          accept = "a\r\nauthorization: x" }, options))
    end
  end)

  it("takes no float for an integer that it cannot be", function()
    for value, why in pairs { [1.5] = "1.5 is not an integer",
      [2 ^ 63] = "is too large for an integer of 64 bits",
      [-2 ^ 64] = "is too large for an integer of 64 bits",
      [math.huge] = "inf is not an integer" } do
      local lines = problems("Converse", converse {
        inferenceConfig = { maxTokens = value } })
      assert.equal(1, #lines)
      assert.truthy(lines[1]:find(why, 1, true), lines[1])
    end
    assert.equal('{"inferenceConfig":{"maxTokens":4611686018427387904}}',
      request("Converse", converse {
        inferenceConfig = { maxTokens = 2 ^ 62 } }).body)
  end)

  it("reads tables raw, so that nothing counts that is not sent", function()
    local function strict(t)
      local function no() error "a metamethod ran" end
      return setmetatable(t, { __index = no, __len = no, __pairs = no,
        __ipairs = no, __eq = no, __newindex = no })
    end
    local sent = request("Converse", strict { modelId = MODEL,
      messages = strict { strict { role = "user", content = strict {
        strict { text = "Hi" }, strict { toolResult = strict {
          toolUseId = "t", content = strict { strict { json = strict {
            a = strict { 1 } } } } } } } } },
      inferenceConfig = strict { maxTokens = 5 } })
    assert.equal('{"inferenceConfig":{"maxTokens":5},"messages":[{"content":['
      .. '{"text":"Hi"},{"toolResult":{"content":[{"json":{"a":[1]}}],'
      .. '"toolUseId":"t"}}],"role":"user"}]}', sent.body)
    local given = { __index = { modelId = MODEL, role = "user" } }
    assert.same({ "messages[1].role: required member is missing",
      "modelId: required member is missing" }, problems("Converse",
      setmetatable({ messages = {
        setmetatable({ content = { { text = "x" } } }, given) } }, given)))
  end)

  it("counts what is too much to tell", function()
    local blocks = {}
    for i = 1, 50 do blocks[i] = { text = i } end
    local _, err = marshal.request("Converse", says(blocks))
    assert.equal(50, #err.problems)
    assert.truthy(err.message:find("; and 30 more", 1, true))
  end)

  it("wants a table", function()
    assert.same({ "expected a table of parameters, got a string" },
      problems("Converse", "Hello"))
  end)

  it("keeps silent with validate = false, and still converts", function()
    local sent = body("Converse", {
      modelId = MODEL, newMember = { a = 1 },
      messages = { { role = 5, content = { { txt = "x" },
        { image = { source = { bytes = "\255" }, more = true } } } } },
      inferenceConfig = { maxTokens = 10.0 },
    }, { validate = false })
    assert.same({
      newMember = { a = 1 },
      messages = json.array { { role = 5, content = json.array {
        { txt = "x" },
        { image = { source = { bytes = "/w==" }, more = true } } } } },
      inferenceConfig = { maxTokens = 10 },
    }, sent)
  end)
end)

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
      local counted = body("CountTokens", { modelId = MODEL,
        input = { invokeModel = { body = { a = 1 } } } })
      assert.equal("eyJhIjoxfQ==", counted.input.invokeModel.body)
      local broken = { read = function() return nil, "disk on fire" end }
      assert.same({ "body: could not be read: disk on fire" },
        problems("InvokeModel", { modelId = MODEL, body = broken }))
      assert.truthy(problems("InvokeModel", { modelId = MODEL,
        body = { f = print } })[1]:find("^body: "))
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
      "submitTimeBefore: is no time in seconds since the epoch" }, problems("ListAsyncInvokes", {
        submitTimeAfter = "yesterday", submitTimeBefore = 1735787045678 }))
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
