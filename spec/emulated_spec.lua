-- Answers, conversations and recordings against the emulator: the whole way
-- through the client, curl and event streams.
local answer = require "bedrock.answer"
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl = require "bedrock.host.curl"
local json = require "bedrock.json"
local record = require "bedrock.host.record"
local replay = require "bedrock.host.replay"
local talk = require "spec.support.talk"
local task = require "bedrock.task"

local consistent, drain, user = talk.consistent, talk.drain, talk.user

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"

describe("against the emulator", function()
  local emulator, why

  lazy_setup(function() emulator, why = child.start() end)
  lazy_teardown(function() if emulator then emulator:stop() end end)

  local function with_emulator(name, test)
    it(name, function()
      if not emulator then return pending(tostring(why)) end
      test()
    end)
  end

  local function client_on(host)
    local options = {}
    for key, value in pairs(emulator.options) do options[key] = value end
    options.host = host
    options.env = {}
    return bedrock.new(options)
  end

  local function chat_of(given)
    given.modelId = given.modelId or MODEL
    return client_on():conversation(given)
  end

  local numbers = { type = "object", properties = {
    n = { type = "integer" } }, required = { "n" } }

  with_emulator("a turn takes five rounds of parallel calls", function()
    local ran = {}
    local function count(input)
      ran[#ran + 1] = input.n
      if input.n >= 5 then return "enough" end
      return ("next: count{\"n\":%d}"):format(input.n + 1)
    end
    local chat = chat_of { tools = {
      { name = "count", input_schema = numbers, run = count } } }
    local turn = chat:send 'Do count{"n":1} and count{"n":1}'
    local response = assert(turn:response())
    assert.equal("end_turn", response.stopReason)
    assert.same({ 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 }, ran)
    assert.equal(6, #turn.responses)
    assert.equal(12, #chat.messages)
    consistent(chat.messages)
    local text = assert(chat:save())
    local loaded = assert(client_on():load_conversation(text))
    assert.same(chat.messages, loaded.messages)
    assert(loaded:send("Thank you"):response())
    consistent(loaded.messages)
  end)

  with_emulator("a tool that raises is told the model", function()
    local chat = chat_of { tools = { { name = "count", run = function()
      error("out of numbers", 0)
    end } } }
    local text = {}
    for piece in chat:send("Please count"):text() do
      text[#text + 1] = piece
    end
    assert.truthy(table.concat(text):find("out of numbers", 1, true))
    consistent(chat.messages)
  end)

  with_emulator("a tool that never returns can be cancelled", function()
    local host = curl.default()
    local chat = chat_of { tools = { { name = "count", run = function()
      host:sleep(3600)
    end } } }
    local turn = chat:send "Please count"
    local give_up, seen = host:clock() + 1, nil
    while host:clock() < give_up do
      local event = turn:poll()
      assert.is_not_nil(event)
      if event then seen = event else host:wait(0.05) end
    end
    assert.is_table(seen.metadata)
    turn:close()
    consistent(chat.messages)
    assert.equal(2, #chat.messages)
    local _, err = turn:poll()
    assert.equal("closed", err.kind)
    assert(chat:send("Then say hello"):response())
    consistent(chat.messages)
  end)

  with_emulator("a tool may ask a model itself, also while polled", function()
    local client = client_on()
    local function ask()
      local response, err = client:converse { modelId = MODEL,
        messages = { user "hello" } }
      if not response then return nil, err end
      return response.output.message.content
    end
    local function run(drive)
      local chat = chat_of { tools = { { name = "colleague", run = ask } } }
      drive(chat:send "Ask your colleague")
      assert.equal(4, #chat.messages)
      assert.is_nil(chat.messages[3].content[1].toolResult.status)
      consistent(chat.messages)
    end
    run(function(turn) assert(turn:response()) end)
    run(function(turn)
      repeat
        local event, err = turn:poll()
        assert.is_nil(err)
        if event == false then client.host:wait(0.05) end
      until event == nil
    end)
    run(function(turn)
      assert(task.run(client.host, function() return turn:response() end))
    end)
  end)

  with_emulator("a call cut by max_tokens is an error, not a call", function()
    local ran = false
    local chat = chat_of { modelId = "emulator.tool-cut", tools = { {
      name = "count", input_schema = numbers,
      run = function() ran = true end } } }
    local _, err = drain(chat:send "Please count")
    assert.equal("ToolInputIncomplete", err.code)
    assert.is_false(ran)
    assert.same({}, chat.messages)
  end)

  with_emulator("a failed turn leaves messages alone", function()
    local chat = chat_of {}
    assert(chat:send("hello"):response())
    local before = json.encode(chat.messages)
    chat.params.modelId = "emulator.exception-mid"
    local turn = chat:send "again"
    local _, err = drain(turn)
    assert.equal("ModelStreamErrorException", err.code)
    assert.equal(before, json.encode(chat.messages))
    assert.is_true(#turn:partial().output.message.content[1].text > 0)
    chat.params.modelId = MODEL
    assert(turn:resume():response())
    assert.equal(4, #chat.messages)
    consistent(chat.messages)
  end)

  local scenarios = { "citations", "reasoning", "redacted", "signature-only",
    "tools-interleaved", "tool-cut", "tool-bad-json", "tool-without-input",
    "no-block-stop", "no-usage", "unicode", "unknown-delta",
    "unknown-event", "unknown-member", "unknown-stop-reason", "no-padding",
    "extra-frame", "big-events", "blank-answer", "empty-answer" }
  for _, name in ipairs(scenarios) do
    with_emulator(name .. " makes an answer that goes back", function()
      local client = client_on()
      local params = { modelId = "emulator." .. name,
        messages = { user "hello" }, toolConfig = { tools = { { toolSpec = {
          name = "t", inputSchema = { json = { type = "object" } } } } } } }
      local stream = client:converse_stream(params)
      local response = assert(stream:response())
      local message = response.output.message
      assert.equal("assistant", message.role)
      assert.is_string(response.stopReason)
      if #message.content == 0 then return end
      local results = {}
      for _, block in ipairs(message.content) do
        assert.is_nil(block.p)
        if block.toolUse then
          results[#results + 1] = talk.result(block.toolUse.toolUseId, "ok")
          assert.equal(name == "tool-cut" or name == "tool-bad-json",
                       answer.incomplete(block) ~= nil)
        end
      end
      if not results[1] then results[1] = { text = "go on" } end
      params.modelId = MODEL
      params.messages = { user "hello", message,
                          { role = "user", content = results } }
      -- A kind of block that the model does not know is ours to hand back,
      -- and validation's to name.
      if name == "unknown-delta" then return end
      assert(client:converse(params))
    end)
  end

  local families = {
    ["anthropic.claude-3-haiku-20240307-v1:0"] = { "anthropic", { max_tokens =
      50, anthropic_version = "bedrock-2023-05-31", messages = { {
        role = "user", content = "Say: one two" } } } },
    ["amazon.nova-lite-v1:0"] = { "nova", { messages = {
      user "Say: one two" } } },
    ["amazon.titan-text-express-v1"] = { "titan", {
      inputText = "Say: one two" } },
    ["meta.llama3-8b-instruct-v1:0"] = { "llama", {
      prompt = "Say: one two" } },
    ["mistral.mistral-7b-instruct-v0:2"] = { "mistral", {
      prompt = "Say: one two" } },
    ["cohere.command-text-v14"] = { "cohere-command", {
      prompt = "Say: one two" } },
    ["cohere.command-r-v1:0"] = { "cohere-command-r", {
      message = "Say: one two" } },
  }
  for modelId, row in pairs(families) do
    with_emulator(modelId .. " says the same in a stream", function()
      local client = client_on()
      local whole = assert(client:invoke_model { modelId = modelId,
        body = row[2] }).body
      assert.truthy(whole:find("one two", 1, true))
      local stream, texts = client:invoke { modelId = modelId, body = row[2] },
        {}
      for text in stream:text() do texts[#texts + 1] = text end
      assert.equal("one two", table.concat(texts))
      assert.equal(row[1], stream.answer:family())
      assert.truthy(json.encode(assert(stream:response()))
        :find("one two", 1, true))
    end)
  end

  with_emulator("what was recorded replays without the emulator", function()
    local path = os.tmpname()
    local function talks(host, modelId)
      local chat = client_on(host):conversation { modelId = modelId,
        tools = { { name = "count", input_schema = numbers,
          run = function(input) return "n " .. input.n end } } }
      local events, err = drain(chat:send 'Now count{"n":3}')
      local list = { err and err.code or "fine", json.encode(events,
        { sorted = true }) }
      return list, chat.messages
    end
    for _, modelId in ipairs { MODEL, "emulator.throttle-twice",
        "emulator.cut-mid-frame", "emulator.reset-before-headers",
        "emulator.access-denied" } do
      local host = assert(record.new(curl.new(), path))
      local seen, messages = talks(host, modelId)
      host = assert(replay.new(path))
      local again, repeated = talks(host, modelId)
      assert.same(seen, again, modelId)
      assert.same(messages, repeated)
      assert.same({}, host:unused(), modelId)
      local file = assert(io.open(path))
      local text = file:read "*a"
      file:close()
      assert.is_nil(text:find(
        emulator.options.credentials.secret_access_key, 1, true))
      assert.is_nil(text:find("Credential=", 1, true))
    end
    os.remove(path)
  end)
end)
