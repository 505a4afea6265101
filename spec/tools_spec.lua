-- bedrock.tools: tools that a conversation runs.
local conversation = require "bedrock.conversation"
local errors = require "bedrock.errors"
local json = require "bedrock.json"
local script = require "spec.support.script"
local talk = require "spec.support.talk"
local task = require "bedrock.task"

local say = script.answer
local assistant, call, consistent, drain, result, use, user =
  talk.assistant, talk.call, talk.consistent, talk.drain, talk.result, talk.use,
  talk.user

describe("tools", function()
  local function weather(run)
    return { name = "weather", description = "Weather of a city",
      input_schema = { type = "object",
        properties = { city = { type = "string" } } }, run = run }
  end

  it("run between answers; the whole turn is one stream", function()
    local seen
    local client = script.client(
      say { "Let me see.", call("weather", { city = "Rome" }, "w1") },
      say { "It is sunny." })
    local chat = conversation.new(client, { modelId = "m", context = "ctx",
      tools = { weather(function(input, context)
        seen = { input, context }
        return "sunny"
      end), { cachePoint = { type = "default" } } } })
    local turn = chat:send "Weather in Rome?"
    local events = drain(turn)
    local starts, stops = 0, {}
    for _, event in ipairs(events) do
      if event.messageStart then starts = starts + 1 end
      if event.messageStop then
        stops[#stops + 1] = event.messageStop.stopReason
      end
    end
    assert.equal(2, starts)
    assert.same({ "tool_use", "end_turn" }, stops)
    assert.same({ city = "Rome" }, seen[1])
    assert.equal("ctx", seen[2].user)
    assert.equal("w1", seen[2].toolUse.toolUseId)
    assert.equal(chat, seen[2].conversation)
    assert.equal(turn, seen[2].turn)
    assert.equal(1, seen[2].round)
    local expected = { user "Weather in Rome?",
      assistant("Let me see.", use("weather", { city = "Rome" }, "w1")),
      user(result("w1", "sunny")), assistant "It is sunny." }
    assert.same(expected, chat.messages)
    expected[4] = nil
    assert.same(expected, client.requests[2].messages)
    assert.same({ tools = {
      { toolSpec = { name = "weather", description = "Weather of a city",
        inputSchema = { json = { type = "object",
          properties = { city = { type = "string" } } } } } },
      { cachePoint = { type = "default" } } } }, client.requests[1].toolConfig)
    assert.equal(2, #turn.responses)
    assert.equal(24, turn.usage.totalTokens)
    consistent(chat.messages)
  end)

  it("are called in parallel, over five rounds, one message each", function()
    local rounds, ran = {}, {}
    for round = 1, 5 do
      rounds[round] = say { call("a", { n = round }, "a" .. round),
                            call("b", nil, "b" .. round) }
    end
    rounds[6] = say { "done" }
    local client = script.client((table.unpack or unpack)(rounds))
    local chat = conversation.new(client, { tools = {
      { name = "a", run = function(input)
        ran[#ran + 1] = "a" .. input.n
        return { got = input.n }
      end },
      { name = "b", run = function() ran[#ran + 1] = "b" end },
    } })
    assert(chat:send("go"):response())
    assert.same({ "a1", "b", "a2", "b", "a3", "b", "a4", "b", "a5", "b" },
                ran)
    assert.equal(12, #chat.messages)
    assert.same(user(result("a3", { { json = { got = 3 } } }),
                     result("b3", "(no output)")), chat.messages[7])
    consistent(chat.messages)
    -- A tool without a schema takes an object without members.
    assert.equal('{"properties":{},"type":"object"}', json.encode(
      client.requests[1].toolConfig.tools[1].toolSpec.inputSchema.json,
      { sorted = true }))
  end)

  -- what a tool gives -> the toolResult's content, status
  local results = {
    { function() return "text" end, { { text = "text" } } },
    { function() return "" end, { { text = "(no output)" } } },
    { function() return nil end, { { text = "(no output)" } } },
    { function() end, { { text = "(no output)" } } },
    { function() return 12 end, { { text = "12" } } },
    { function() return false end, { { text = "false" } } },
    { function() return { a = { 1 } } end, { { json = { a = { 1 } } } } },
    { function() return {} end, { { json = {} } } },
    { function() return { 1, 2 } end, { { text = "[1,2]" } } },
    { function() return json.array {} end, { { text = "[]" } } },
    { function() return { text = "x" } end, { { text = "x" } } },
    { function() return { { text = "x" }, { json = { y = 1 } } } end,
      { { text = "x" }, { json = { y = 1 } } } },
    { function() return { image = { format = "png",
        source = { bytes = "x" } } } end,
      { { image = { format = "png", source = { bytes = "x" } } } } },
    { function() return { image = "none" } end,
      { { json = { image = "none" } } } },
    { function() return nil, "no such city" end,
      { { text = "no such city" } }, "error" },
    { function() error "boom" end, { { text = "boom" } }, "error" },
    { function() error("boom", 0) end, { { text = "boom" } }, "error" },
    { function() error() end, { { text = "the tool failed" } }, "error" },
    { function() error { code = 404, why = "none" } end,
      { { text = '{"code":404,"why":"none"}' } }, "error" },
    { function() return nil, { f = print } end,
      { { text = "the tool failed" } }, "error" },
    { function() error(errors.new("transport", "no route")) end,
      { { text = "transport error: no route" } }, "error" },
    { function() return nil, errors.new("timeout", "late") end,
      { { text = "timeout error: late" } }, "error" },
  }
  for i, row in ipairs(results) do
    it(("tell the model what came of it (%d)"):format(i), function()
      local chat = conversation.new(script.client(
        say { call "t" }, say { "ok" }), {
        tools = { { name = "t", run = row[1] } } })
      assert(chat:send("x"):response())
      assert.same(user(result("t", row[2], row[3])), chat.messages[3])
    end)
  end

  it("whose result is nothing JSON can hold are told so", function()
    for _, value in ipairs { { f = print }, "\255", 0 / 0,
        { ["\255"] = 1 } } do
      local chat = conversation.new(script.client(
        say { call "t" }, say { "ok" }), {
        tools = { { name = "t", run = function() return value end } } })
      assert(chat:send("x"):response())
      local told = chat.messages[3].content[1].toolResult
      assert.equal("error", told.status)
      assert.truthy(told.content[1].text:find "^the result is no")
    end
  end)

  it("that nobody has are answered with the names there are", function()
    local chat = conversation.new(script.client(
      say { call "gone" }, say { "ok" }), {
      tools = { { name = "here", run = print } } })
    assert(chat:send("x"):response())
    local told = chat.messages[3].content[1].toolResult
    assert.equal("error", told.status)
    assert.truthy(told.content[1].text:find("gone.*here"))
  end)

  it("of the service's own are not run here", function()
    local events = say { "x" }
    table.insert(events, 2, { contentBlockStart = { contentBlockIndex = 1,
      start = { toolUse = { toolUseId = "s", name = "nova_grounding",
                            type = "server_tool_use" } } } })
    table.insert(events, 3, { contentBlockStart = { contentBlockIndex = 2,
      start = { toolUse = { toolUseId = "r", name = "mine",
                            type = "tool_use" } } } })
    table.insert(events, 4, { contentBlockStart = { contentBlockIndex = 3,
      start = { toolResult = { toolUseId = "r" } } } })
    local chat = conversation.new(script.client(events), {
      tools = { { systemTool = { name = "nova_grounding" } } } })
    assert(chat:send("x"):response())
    assert.equal(2, #chat.messages)
  end)

  it("without run leave the call to the caller", function()
    local client = script.client(say { call("t", { a = 1 }, "t1") },
                                 say { "thanks" }, say { call("t", {}, "t2"),
                                 call("t", {}, "t3") }, say { "pity" })
    local chat = conversation.new(client, { tools = { { name = "t" } } })
    local response = assert(chat:send("x"):response())
    assert.equal("tool_use", response.stopReason)
    assert.equal(2, #chat.messages)
    assert(chat:send({ toolResult = { toolUseId = "t1",
      content = { { text = "1" } } } }):response())
    assert.same(user(result("t1", "1")), chat.messages[3])
    assert(chat:send("y"):response())
    -- What stays unanswered is answered for the caller.
    assert(chat:send({ result("t3", "3"), { text = "go on" } }):response())
    assert.same(user(result("t2", "this call was not carried out", "error"),
      result("t3", "3"), "go on"), chat.messages[7])
    consistent(chat.messages)
  end)

  it("are run only when approved", function()
    local ran, asked = 0, {}
    local client = script.client(say { call("t", { a = 1 }, "1"),
      call("t", { a = 2 }, "2"), call("t", { a = 3 }, "3") }, say { "ok" })
    local chat = conversation.new(client, {
      tools = { { name = "t", run = function() ran = ran + 1 end } },
      approve = function(asked_call, context)
        asked[#asked + 1] = asked_call.input.a
        assert.equal(asked_call, context.toolUse)
        if asked_call.input.a == 2 then return false, "too dear" end
        return asked_call.input.a == 1
      end })
    assert(chat:send("x"):response())
    assert.equal(1, ran)
    assert.same({ 1, 2, 3 }, asked)
    assert.same(user(result("1", "(no output)"),
      result("2", "too dear", "error"),
      result("3", "the user refused this call", "error")), chat.messages[3])
  end)

  it("are not run twice when approve raises", function()
    local ran, fail = {}, true
    local chat = conversation.new(script.client(
      say { call("t", { n = 1 }, "1"), call("t", { n = 2 }, "2") },
      say { "ok" }), {
      tools = { { name = "t", run = function(i) ran[#ran + 1] = i.n end } },
      approve = function(c)
        if c.input.n == 2 and fail then error "oops" end
        return true
      end })
    local turn = chat:send "x"
    assert.has_error(function() drain(turn) end)
    fail = false
    local _, err = drain(turn)
    assert.is_nil(err)
    assert.same({ 1, 2 }, ran)
    consistent(chat.messages)
  end)

  it("end with an error after max_rounds", function()
    local client = script.client(say { call "t" }, say { call "t" },
                                 say { call "t" }, say { "at last" })
    local chat = conversation.new(client, { max_rounds = 2,
      tools = { { name = "t", run = function() return "again" end } } })
    local turn = chat:send "x"
    local _, err = drain(turn)
    assert.equal("MaxRoundsExceeded", err.code)
    assert.equal(2, #client.requests)
    assert.same({}, chat.messages)
    -- Two more.
    assert(turn:resume():response())
    assert.equal(6, #chat.messages)
    consistent(chat.messages)
  end)

  it("force a choice in the first round alone", function()
    local client = script.client(say { call "t" }, say { "ok" })
    local chat = conversation.new(client, {
      toolConfig = { toolChoice = { any = json.object {} },
                     tools = { { systemTool = { name = "s" } } } },
      tools = { { name = "t", run = function() return "x" end } } })
    assert(chat:send("x"):response())
    assert.is_table(client.requests[1].toolConfig.toolChoice)
    assert.is_nil(client.requests[2].toolConfig.toolChoice)
    assert.equal(2, #client.requests[2].toolConfig.tools)
    assert.equal(1, #chat.params.toolConfig.tools)
  end)
end)

describe("tools that wait", function()
  -- A tool that leaves its task until `ready` is true.
  local function waiting(state)
    return { name = "t", run = function()
      while not state.ready do task.wait() end
      return "r"
    end }
  end

  it("do so inside the caller's task", function()
    local state = {}
    local chat = conversation.new(script.client(say { call "t" },
      say { "ok" }), { tools = { waiting(state) } })
    local work = task.new(function() return chat:send("x"):response() end)
    for _ = 1, 5 do assert.is_false(work:step()) end
    state.ready = true
    while not work:step() do end
    assert.equal("end_turn", assert(work:result()).stopReason)
    consistent(chat.messages)
  end)

  it("do not hold up a caller that polls", function()
    local state = {}
    local chat = conversation.new(script.client(say { call "t" },
      say { "ok" }), { tools = { waiting(state) } })
    local turn = chat:send "x"
    local looks = 0
    for _ = 1, 50 do
      if turn:poll() == false then looks = looks + 1 end
    end
    assert.is_true(looks > 20)
    state.ready = true
    local event
    repeat event = turn:poll() until event == nil
    assert.equal(4, #chat.messages)
  end)

  it("may be begun by poll and waited for by next", function()
    local state = { }
    local client = script.client(say { call "t" }, say { "ok" })
    client.host.wait = function() state.ready = true end
    local chat = conversation.new(client, { tools = { waiting(state) } })
    local turn = chat:send "x"
    for _ = 1, 30 do turn:poll() end
    local _, err = drain(turn)
    assert.is_nil(err)
    assert.equal(4, #chat.messages)
  end)

  it("and never return can be cancelled", function()
    local chat = conversation.new(script.client(say { "Hm", call "t" },
      say { "ok" }), { tools = { waiting {} } })
    local turn = chat:send "x"
    for _ = 1, 30 do turn:poll() end
    turn:close()
    assert.same({ user "x", assistant "Hm" }, chat.messages)
    local event, err = turn:poll()
    assert.is_nil(event)
    assert.equal("closed", err.kind)
    assert(chat:send("y"):response())
    consistent(chat.messages)
  end)

  it("may raise after waiting", function()
    local chat = conversation.new(script.client(say { call "t" },
      say { "ok" }), { tools = { { name = "t", run = function()
        task.wait()
        error("late", 0)
      end } } })
    local work = task.new(function() return chat:send("x"):response() end)
    while not work:step() do end
    assert(work:result())
    assert.same(user(result("t", "late", "error")), chat.messages[3])
  end)
end)
