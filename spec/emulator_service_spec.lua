-- The emulator as the whole service: every operation, and no request that
-- breaks it.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl_host = require "bedrock.host.curl"
local json = require "bedrock.json"
local shapes = require "bedrock.service.shapes"

local CLAUDE = "anthropic.claude-3-5-haiku-20241022-v1:0"
local REEL = "amazon.nova-reel-v1:0"

local function says(text)
  return { { role = "user", content = { { text = text } } } }
end

local OUTPUT = { s3OutputDataConfig = { s3Uri = "s3://bucket/folder" } }

-- Parameters with which each operation succeeds.
local GOOD = {
  Converse = function()
    local messages = says "Hi"
    messages[1].content[2] = { image = { format = "png",
      source = { bytes = "raw" } } }
    return { modelId = CLAUDE, messages = messages, system = { { text = "s" } },
      inferenceConfig = { maxTokens = 5, stopSequences = { "x" } },
      toolConfig = { tools = { { toolSpec = { name = "n",
        inputSchema = { json = { type = "object" } } } } } } }
  end,
  InvokeModel = function()
    return { modelId = CLAUDE, body = { max_tokens = 5, messages = {
      { role = "user", content = { { type = "text", text = "Hi" } } } } } }
  end,
  CountTokens = function()
    return { modelId = CLAUDE, input = { converse = {
      messages = says "Hi" } } }
  end,
  ApplyGuardrail = function()
    return { guardrailIdentifier = "g", guardrailVersion = "1",
      source = "INPUT", content = { { text = { text = "forbidden a@b.com",
        qualifiers = { "query" } } } } }
  end,
  InvokeGuardrailChecks = function()
    return { messages = says "forbidden", checks = { promptAttack = {
      categories = { { category = "PROMPT_INJECTION" } } } } }
  end,
  StartAsyncInvoke = function()
    return { modelId = REEL, modelInput = { taskType = "TEXT_VIDEO" },
      outputDataConfig = OUTPUT }
  end,
  ListAsyncInvokes = function()
    return { maxResults = 2, sortBy = "SubmissionTime" }
  end,
}
GOOD.ConverseStream, GOOD.InvokeModelWithResponseStream =
  GOOD.Converse, GOOD.InvokeModel

-- Parameters with one value somewhere in them replaced.
local function spoil(params, random)
  local spots = {}
  local function collect(where, path)
    for key, item in pairs(where) do
      if key ~= "modelId" and key ~= "guardrailIdentifier" then
        local at = path .. "/" .. key
        spots[#spots + 1] = { where, key, at }
        if type(item) == "table" then collect(item, at) end
      end
    end
  end
  collect(params, "")
  table.sort(spots, function(a, b) return a[3] < b[3] end)
  local values = { 5, -1.5, 0, 1e300, true, "", "x", {}, json.array {},
    { a = 1 }, json.array { 1, "a" }, json.array { { text = 5 } } }
  local spot = spots[random(#spots)]
  spot[1][spot[2]] = values[random(#values)]
  return params
end

local NAMES = {}
for name in pairs(GOOD) do NAMES[#NAMES + 1] = name end
table.sort(NAMES)

-- Lua 5.1 to 5.4 agree on this one.
local function generator(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

describe("the emulated service", function()
  local emulator, why

  lazy_setup(function() emulator, why = child.start() end)
  lazy_teardown(function() if emulator then emulator:stop() end end)

  local function with_client(name, options, test)
    it(name, function()
      if not emulator then return pending(tostring(why)) end
      local given = { host = curl_host.new(), env = {} }
      for key, value in pairs(emulator.options) do given[key] = value end
      for key, value in pairs(options) do given[key] = value end
      test(bedrock.new(given))
    end)
  end

  local function call(client, name, params)
    local got, err = client:call(name, params)
    if got and shapes.bedrock():operation(name).reply == "events" then
      return got:response()
    end
    return got, err
  end

  with_client("does every operation", {}, function(client)
    for _, name in ipairs(NAMES) do
      assert.truthy(call(client, name, GOOD[name]()))
    end
  end)

  with_client("completes what it was asked to do later", {},
    function(client)
      local params = GOOD.StartAsyncInvoke()
      params.clientRequestToken = "only-once"
      local started = assert(client:start_async_invoke(params))
      assert.equal(started.invocationArn,
        assert(client:start_async_invoke(params)).invocationArn)
      local job
      for _ = 1, 100 do
        job = assert(client:get_async_invoke(started))
        if job.status ~= "InProgress" then break end
        os.execute "sleep 0.1"
      end
      assert.equal("Completed", job.status)
      assert.is_true(job.endTime >= job.submitTime)
      assert.same(OUTPUT, job.outputDataConfig)
      assert.equal("only-once", job.clientRequestToken)
    end)

  with_client("gives lists in pages", {}, function(client)
    local before = 0
    for _ in client:each_async_invoke() do before = before + 1 end
    for _ = 1, 5 do
      assert(client:start_async_invoke(GOOD.StartAsyncInvoke()))
    end
    local seen, count = {}, 0
    for entry in client:each_async_invoke { maxResults = 2 } do
      assert.is_nil(seen[entry.invocationArn])
      seen[entry.invocationArn] = true
      count = count + 1
    end
    assert.equal(before + 5, count)
  end)

  with_client("breaks at no request", { validate = false, max_attempts = 1 },
    function(client)
      local random = generator(42)
      local refused = 0
      for _, name in ipairs(NAMES) do
        for _ = 1, 60 do
          local spoilt = spoil(GOOD[name](), random)
          local text = json.encode(spoilt)
          local got, err = call(client, name, spoilt)
          if not got then
            refused = refused + 1
            assert.is_true(err.kind == "validation" or err.status == 400,
              name .. " " .. text .. " " .. tostring(err))
          end
        end
      end
      assert.is_true(refused > 50)
    end)

  with_client("refuses limits and names that Bedrock refuses",
    { validate = false }, function(client)
      for _, limit in ipairs { -1.5, 0, -1e300 } do
        local bad = GOOD.Converse()
        bad.inferenceConfig.maxTokens = limit
        local _, err = client:converse(bad)
        assert.equal("ValidationException", err.code)
        bad = GOOD.InvokeModel()
        bad.body.max_tokens = limit
        _, err = client:invoke_model(bad)
        assert.equal("ValidationException", err.code)
      end
      for _, name in ipairs { "", "a b", "ü", "a.b" } do
        local bad = GOOD.Converse()
        bad.toolConfig.tools[1].toolSpec.name = name
        local _, err = client:converse(bad)
        assert.equal("ValidationException", err.code)
        assert.truthy(err.message:find("toolSpec.name", 1, true))
        bad = GOOD.InvokeModel()
        bad.body.tools = { { name = name, input_schema = {
          properties = json.array { 1 } } } }
        assert(client:invoke_model(bad))
      end
      local odd = GOOD.InvokeModel()
      odd.body.messages[1].content[1].text = "call n"
      odd.body.tools = { { name = "n", input_schema = {
        properties = json.array { {}, 1 } } } }
      assert(client:invoke_model(odd))
    end)
end)
