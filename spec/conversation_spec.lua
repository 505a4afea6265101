-- bedrock.conversation: messages, turns that fail or are left, saving.
local conversation = require "bedrock.conversation"
local errors = require "bedrock.errors"
local json = require "bedrock.json"
local script = require "spec.support.script"
local talk = require "spec.support.talk"

local say = script.answer
local assistant, call, consistent, drain, user =
  talk.assistant, talk.call, talk.consistent, talk.drain, talk.user

describe("conversation", function()
  it("keeps messages, and sends all of them each time", function()
    local client = script.client(say { "Hi there." }, say { "Bye." })
    local chat = conversation.new(client, { modelId = "m", system = "Be kind.",
      inferenceConfig = { maxTokens = 5 } })
    local text = {}
    for event in chat:send "Hello" do
      local delta = event.contentBlockDelta
      text[#text + 1] = delta and delta.delta.text
    end
    assert.equal("Hi there.", table.concat(text))
    assert.same({ user "Hello", assistant "Hi there." }, chat.messages)
    local response = assert(chat:send("Go"):response())
    assert.equal("end_turn", response.stopReason)
    assert.same({ user "Hello", assistant "Hi there.", user "Go",
                  assistant "Bye." }, chat.messages)
    assert.same({ modelId = "m", system = { { text = "Be kind." } },
      inferenceConfig = { maxTokens = 5 },
      messages = { user "Hello", assistant "Hi there.", user "Go" },
    }, client.requests[2])
    assert.same({ inputTokens = 20, outputTokens = 4, totalTokens = 24 },
                chat.usage)
    consistent(chat.messages)
  end)

  it("takes text, a block, blocks or a message", function()
    local image = { image = { format = "png", source = { bytes = "\1" } } }
    local marked = { text = "x" }
    for _, given in ipairs { "x", marked, { marked }, user "x",
        { role = "user", content = "x" }, { content = { marked } } } do
      local client = script.client(say { "ok" })
      local chat = conversation.new(client, { modelId = "m" })
      assert(chat:send(given):response())
      assert.same({ user "x" }, client.requests[1].messages)
    end
    local chat = conversation.new(script.client(say { "ok" }), {})
    assert(chat:send({ marked, image }):response())
    assert.same({ marked, image }, chat.messages[1].content)
    assert.has_error(function() chat:send(1) end)
    assert.has_error(function() chat:send(nil) end)
    assert.has_error(function() chat:send(assistant "x") end)
  end)

  it("gives text pieces, partial and whole answers", function()
    local chat = conversation.new(script.client(say { "one two three" }), {})
    local turn = chat:send "x"
    local pieces = turn:text()
    assert.equal("one ", pieces())
    assert.equal("two ", pieces())
    assert.same(assistant "one two ", turn:partial().output.message)
    assert.equal("three", pieces())
    assert.is_nil(pieces())
    assert.equal(turn:response(), turn:partial())
    assert.is_nil((turn:next()))
  end)

  it("raises for options it does not know, and for bad tools", function()
    local client = script.client()
    for _, options in ipairs {
      { max_round = 1 }, { "x" }, { tools = 1 }, { max_rounds = "3" },
      { approve = true }, { tools = { 1 } }, { tools = { { name = 1 } } },
      { tools = { { name = "a", run = 1 } } },
      { tools = { { name = "a", inputSchema = {} } } },
      { tools = { { name = "a" }, { name = "a" } } },
      { tools = { { name = "a", input_schema = "{" } } },
      { output_schema = function() end },
    } do
      assert.has_error(function() conversation.new(client, options) end)
    end
    assert.has_error(function() conversation.new(client) end)
    local _, message = pcall(conversation.new, client, { max_round = 1 })
    assert.truthy(message:find('did you mean "max_rounds"', 1, true))
  end)
end)

describe("a turn that does not end well", function()
  local throttled = errors.new("service", "slow down",
    { code = "ThrottlingException", retryable = true })

  local function cut(events, at, err)
    local list = {}
    for i = 1, at do list[i] = events[i] end
    list[at + 1] = err
    return list
  end

  it("leaves messages as they were, and can be resumed", function()
    local ran = 0
    local client = script.client(say { "Hi" }, say { "Hm", call "t" },
      cut(say { "It is so" }, 3, throttled), say { "It is" })
    local chat = conversation.new(client, {
      tools = { { name = "t", run = function() ran = ran + 1 end } } })
    assert(chat:send("a"):response())
    local before = json.encode(chat.messages)
    local turn = chat:send "b"
    local _, err = drain(turn)
    assert.equal("ThrottlingException", err.code)
    assert.equal(before, json.encode(chat.messages))
    assert.same(assistant "It is ", turn:partial().output.message)
    local again, again_err = turn:next()
    assert.is_nil(again)
    assert.equal(err, again_err)
    assert.has_error(function() for _ in turn do end end)
    local resumed = turn:resume()
    assert(resumed:response())
    assert.equal(1, ran)
    assert.equal(6, #chat.messages)
    assert.same(client.requests[3].messages, client.requests[4].messages)
    consistent(chat.messages)
    assert.has_error(function() turn:resume() end)
    assert.has_error(function() resumed:resume() end)
  end)

  it("goes on after a wait that was too long", function()
    local events = say { "one two" }
    table.insert(events, 3, errors.new("timeout", "no event",
      { code = "WaitTimeout" }))
    local chat = conversation.new(script.client(events), {})
    local turn = chat:send "x"
    turn:next()
    turn:next()
    local event, err = turn:next(0.1)
    assert.is_nil(event)
    assert.equal("WaitTimeout", err.code)
    local _, last = drain(turn)
    assert.is_nil(last)
    assert.same({ user "x", assistant "one two" }, chat.messages)
  end)

  it("says that max_tokens cut a tool's input, and runs nothing", function()
    for _, input in ipairs { '{"city": "Ro', "" } do
      local ran = false
      local client = script.client(
        say({ "Let me", call("t", input) }, "max_tokens"), say { "ok" })
      local chat = conversation.new(client, {
        tools = { { name = "t", run = function() ran = true end } } })
      local turn = chat:send "x"
      local _, err = drain(turn)
      assert.equal("ToolInputIncomplete", err.code)
      assert.truthy(err.message:find("max_tokens", 1, true))
      assert.truthy(err.message:find("maxTokens", 1, true))
      assert.is_false(ran)
      assert.same({}, chat.messages)
      chat.params.inferenceConfig = { maxTokens = 500 }
      assert(turn:resume():response())
      assert.equal(500, client.requests[2].inferenceConfig.maxTokens)
      assert.same({ user "x", assistant "ok" }, chat.messages)
    end
  end)

  it("keeps what was heard when it is closed", function()
    local client = script.client(say { "one two three" }, say { "ok" })
    local chat = conversation.new(client, {})
    local turn = chat:send "x"
    for event in turn do
      if event.contentBlockDelta
          and event.contentBlockDelta.delta.text == "two " then break end
    end
    turn:close()
    turn:close()
    assert.is_true(client.streams[1].closed > 0)
    assert.same({ user "x", assistant "one two " }, chat.messages)
    local event, err = turn:next()
    assert.is_nil(event)
    assert.equal("closed", err.kind)
    assert.is_nil(turn())
    assert.is_nil((turn:response()))
    assert.has_error(function() turn:resume() end)
    assert(chat:send("shorter"):response())
    consistent(chat.messages)
  end)

  it("keeps nothing when nothing was heard", function()
    local chat = conversation.new(script.client(say { "one" }), {})
    local turn = chat:send "x"
    turn:next()
    turn:close()
    assert.same({}, chat.messages)
  end)

  it("is closed by the next thing said", function()
    local client = script.client(say { "one two" }, say { "ok" })
    local chat = conversation.new(client, {})
    local turn = chat:send "x"
    turn:next()
    turn:next()
    assert(chat:send("y"):response())
    assert.same({ user "x", assistant "one ", user "y", assistant "ok" },
                chat.messages)
  end)

  if _VERSION == "Lua 5.4" then
    it("is closed when the loop is left, in Lua 5.4", function()
      local client = script.client(say { "one two" })
      local chat = conversation.new(client, {})
      for event in chat:send "x" do
        if event.contentBlockDelta then break end
      end
      assert.equal(1, client.streams[1].closed)
      assert.same({ user "x", assistant "one " }, chat.messages)
    end)
  end

  if _VERSION == "Lua 5.4" then
    it("is closed when its text is left, in Lua 5.4", function()
      local client = script.client(say { "one two" })
      local chat = conversation.new(client, {})
      for text in chat:send("x"):text() do
        if text == "one " then break end
      end
      assert.equal(1, client.streams[1].closed)
      assert.same({ user "x", assistant "one " }, chat.messages)
    end)
  end

  it("never leaves a call without its result, wherever it is closed",
    function()
      local function begin()
        return conversation.new(script.client(
          say { "Let me see", call("t", {}, "1"), call("t", {}, "2") },
          say { call("t", {}, "3") }, say { "so it is" }), {
          tools = { { name = "t", run = function() return "r" end } } })
      end
      local total = #drain(begin():send "x")
      for steps = 0, total do
        local chat = begin()
        local turn = chat:send "x"
        for _ = 1, steps do turn:next() end
        turn:close()
        consistent(chat.messages)
      end
      -- and when a tool itself closes the turn, or the first of two
      for closing = 1, 3 do
        local chat, count = begin(), 0
        chat.tools.by_name.t.run = function(_, context)
          count = count + 1
          if count == closing then context.turn:close() end
          return "r"
        end
        local turn = chat:send "x"
        local _, err = drain(turn)
        assert.equal("closed", err.kind)
        assert.equal(closing, count)
        consistent(chat.messages)
        assert.equal(closing == 3 and 3 or 2, #chat.messages)
      end
    end)

  it("with an empty answer lets the next words join the last", function()
    local client = script.client(say { " \n" }, say { "ok" })
    local chat = conversation.new(client, {})
    local response = assert(chat:send("x"):response())
    assert.same({}, response.output.message.content)
    assert.same({ user "x" }, chat.messages)
    assert(chat:send("y"):response())
    assert.same({ user("x", "y") }, client.requests[2].messages)
    assert.same({ user("x", "y"), assistant "ok" }, chat.messages)
  end)
end)

describe("saving", function()
  it("brings back exactly what was there", function()
    local client = script.client(say { "Hm", call("t", '{"big":'
      .. '9007199254740993,"f":0.1,"none":{},"list":[],"null":null,'
      .. '"source":{"bytes":"plain"}}') },
      say { "ok" }, say { "more" })
    local options = { tools = { { name = "t", run = function()
      return { json = { empty = json.array {}, one = 1.5 } }
    end } } }
    local given = { modelId = "m", system = "s", tools = options.tools,
      additionalModelRequestFields = { top_k = 3, none = json.array {} },
      output_schema = { type = "object" } }
    local chat = conversation.new(client, given)
    assert(chat:send({ { text = "look" }, { image = { format = "png",
      source = { bytes = "\137PNG\0\255" } } }, { document = {
      name = "d", source = { bytes = "%PDF" } } } }):response())
    table.insert(chat.messages[2].content, 1, { reasoningContent = {
      redactedContent = "\0\1\2" } })
    local text = assert(chat:save())
    assert.is_nil(text:find("[\128-\255%z]"))
    local loaded = assert(conversation.load(client, text, options))
    assert.same(chat.messages, loaded.messages)
    assert.same(chat.params, loaded.params)
    assert.same(chat.usage, loaded.usage)
    assert.equal("\137PNG\0\255",
      loaded.messages[1].content[2].image.source.bytes)
    local input = loaded.messages[2].content[3].toolUse.input
    assert.equal("plain", input.source.bytes)
    assert.equal('{}', json.encode(input.none))
    assert.equal('[]', json.encode(input.list))
    assert.equal(text, loaded:save())
    assert(loaded:send("go on"):response())
    assert.equal(6, #loaded.messages)
    assert.equal("[]", json.encode(
      client.requests[3].additionalModelRequestFields.none))
  end)

  it("of a conversation that ends with open calls is completed", function()
    local client = script.client(say { call "t" }, say { "ok" })
    local chat = conversation.new(client, { tools = { { name = "t" } } })
    assert(chat:send("x"):response())
    local loaded = assert(conversation.load(client, chat:save(), {}))
    assert(loaded:send("never mind"):response())
    consistent(loaded.messages)
  end)

  it("lets options replace what was saved", function()
    local chat = conversation.new(script.client(), { modelId = "a" })
    local loaded = assert(conversation.load(script.client(), chat:save(),
      { modelId = "b", max_rounds = 3 }))
    assert.equal("b", loaded.params.modelId)
    assert.equal(3, loaded.max_rounds)
    assert.same({}, loaded.messages)
  end)

  it("says what it cannot read or write", function()
    for _, text in ipairs { "", "{", "[]", "1", '{"format":"x"}',
        '{"format":"bedrock-conversation-1"}',
        '{"format":"bedrock-conversation-1","params":{},"messages":'
        .. '[{"content":[{"image":{"source":{"bytes":"?"}}}]}]}' } do
      local loaded, err = conversation.load(script.client(), text)
      assert.is_nil(loaded)
      assert.equal("InvalidConversation", err.code)
    end
    local chat = conversation.new(script.client(), { modelId = print })
    local text, err = chat:save()
    assert.is_nil(text)
    assert.equal("validation", err.kind)
  end)
end)
