-- What is wrong with parameters, told before anything is sent.

local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local requests = require "spec.support.requests"
local shapes = require "bedrock.service.shapes"

local MODEL = requests.MODEL
local request, body = requests.request, requests.body
local problems = requests.problems
local converse, says = requests.converse, requests.says

describe("validation", function()
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

  it("finds what was meant a level above", function()
    assert.same({
      'guardrailIdentifier: unknown member, did you mean'
        .. ' "guardrailConfig.guardrailIdentifier"?',
      'max_tokens: unknown member, did you mean "inferenceConfig.maxTokens"?',
      'model: unknown member, did you mean "modelId"?',
      "modelId: required member is missing",
      'tools: unknown member, did you mean "toolConfig.tools"?',
      'type: unknown member, did you mean "serviceTier.type"?',
    }, problems("Converse", { model = MODEL, max_tokens = 5, tools = {},
      guardrailIdentifier = "g", type = "x" }))
    assert.same({ "messages[1].content[1].type: unknown member" },
      problems("Converse", says { { type = "text", text = "x" } }))
  end)

  it("is strict about text outside of a body too", function()
    local options = { validate = true }
    assert.same({
      "guardrailIdentifier: not UTF-8 at byte 2; raw bytes go into blobs",
      "modelId: not UTF-8 at byte 1; raw bytes go into blobs",
    }, problems("InvokeModel", { modelId = "\200", body = "\255",
      guardrailIdentifier = "g\255" }, options))
    assert.same({ "nextToken: not UTF-8 at byte 1; raw bytes go into blobs" },
      problems("ListAsyncInvokes", { nextToken = "\192\128" }))
    assert.equal("/model/%C8/invoke", request("InvokeModel", {
      modelId = "\200", body = "x" }, { validate = false }).path)
    assert.same({ "requestMetadata.b.c: a function cannot be JSON",
      "requestMetadata.d: must be a finite number" },
      problems("InvokeModel", { modelId = MODEL, body = "x",
        requestMetadata = { a = "x", b = { c = print }, d = 0 / 0 } }))
  end)

  it("loses nothing silently without validation", function()
    for name, value in pairs { trace = {}, body = 5, accept = print,
      guardrailVersion = json.array {} } do
      local lines = problems("InvokeModel", { modelId = MODEL,
        [name] = value }, { validate = false })
      assert.equal(1, #lines)
      assert.equal(1, lines[1]:find(name .. ": has no ", 1, true), lines[1])
    end
    assert.same({ "statusEquals: has no text that a query could hold" },
      problems("ListAsyncInvokes", { statusEquals = {} },
        { validate = false }))
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
