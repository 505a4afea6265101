-- Our client against a foreign mock of Bedrock, @copilotkit/aimock.
--
--   BEDROCK_PEERS=.../node_modules lua5.4 spec/conformance/aimock_client.lua
--
-- Prints TAP lines and at the end "N passed, N failed".  Where the mock is not
-- like Bedrock (version 1.43.0), and what our client makes of it:
--
-- | the mock                                 | our client                     |
-- |------------------------------------------|--------------------------------|
-- | checks no signature                      | sends one all the same         |
-- | has no request id                        | request_id is nil              |
-- | names no error (no x-amzn-errortype)     | code is the status as text     |
-- | has no CountTokens, guardrails, jobs     | service error, code "404"      |
-- | starts text and reasoning blocks, empty  | no block comes of the start    |
-- | puts the model's JSON itself into chunks | chunk.json is the chunk; bytes |
-- | of invoke-with-response-stream           | is nil; text() and response()  |
-- |                                          | work                           |
-- | drops what it wrote when it cuts a       | the events that came, then a   |
-- | stream                                   | transport error                |

package.path = "spec/conformance/?.lua;" .. package.path

local bedrock = require "bedrock"
local json = require "bedrock.json"
local judge = require "judge"
local process = require "bedrock.emulator.process"

local equal, is_error, test = judge.equal, judge.is_error, judge.test

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local TEXT = "Gr\195\188\195\159e from a mock \240\159\140\153 "
  .. "that speaks at some length."

-- A mock with command line options of its own, for as long as `body` runs.
local function with_mock(options, body)
  local server = process.start("node spec/conformance/aimock_server.mjs "
    .. "-f spec/conformance/aimock_fixtures.json " .. options)
  local url = (server.line or ""):match "listening on (%S+)"
  if not url then error("no server: " .. tostring(server.line)) end
  local function client(more)
    local chosen = { endpoint_url = url, region = "us-east-1", env = {},
      max_attempts = 1, credentials = { access_key_id = "AKIDEXAMPLE",
        secret_access_key = "secret" } }
    for name, value in pairs(more or {}) do chosen[name] = value end
    return bedrock.new(chosen)
  end
  body(client(), client)
  server:stop()
end

local function say(text)
  return { modelId = MODEL, messages = {
    { role = "user", content = { { text = text } } } } }
end

local function ask(text)
  return { modelId = MODEL, body = { anthropic_version = "bedrock-2023-05-31",
    max_tokens = 50, messages = { { role = "user", content = text } } } }
end

-- Every way to ask it: name -> function(client, text) -> answer | nil, err.
local WAYS = {
  converse = function(client, text) return client:converse(say(text)) end,
  converse_stream = function(client, text)
    return client:converse_stream(say(text)):response()
  end,
  invoke_model = function(client, text)
    local got, err = client:invoke_model(ask(text))
    if not got then return nil, err end
    return json.decode(got.body)
  end,
  invoke = function(client, text)
    return client:invoke(ask(text)):response()
  end,
}

local CONVERSE = {
  text = { { text = TEXT } },
  tools = { { text = "Let me look." },
    { toolUse = { toolUseId = "call_1", name = "get_weather",
      input = { city = "Paris", days = { 1, 2.5 }, none = json.array {} } } },
    { toolUse = { toolUseId = "call_2", name = "get_time", input = {} } } },
  think = { { reasoningContent = { reasoningText = {
    text = "Let me think about it first, step by step." } } },
    { text = "So it is." } },
}

local INVOKE = {
  text = { { type = "text", text = TEXT } },
  tools = { { type = "text", text = "Let me look." },
    { type = "tool_use", id = "call_1", name = "get_weather",
      input = { city = "Paris", days = { 1, 2.5 }, none = json.array {} } },
    { type = "tool_use", id = "call_2", name = "get_time", input = {} } },
  think = { { type = "thinking", signature = "",
    thinking = "Let me think about it first, step by step." },
    { type = "text", text = "So it is." } },
}

with_mock("", function(client, new)
  for name, content in judge.by_name(CONVERSE) do
    for _, way in ipairs { "converse", "converse_stream" } do
      test(way .. ": " .. name, function()
        local got = assert(WAYS[way](client, name))
        equal({ role = "assistant", content = content }, got.output.message)
        equal(name == "tools" and "tool_use" or "end_turn", got.stopReason)
        equal(0, got.usage.totalTokens)
      end)
    end
  end

  for name, content in judge.by_name(INVOKE) do
    for _, way in ipairs { "invoke_model", "invoke" } do
      test(way .. ": " .. name, function()
        local got = assert(WAYS[way](client, name))
        equal(content, got.content)
        equal(name == "tools" and "tool_use" or "end_turn", got.stop_reason)
      end)
    end
  end

  for _, method in ipairs { "converse_stream", "invoke" } do
    test(method .. ": pieces of text as they come", function()
      local pieces = {}
      local params = method == "invoke" and ask "text" or say "text"
      for piece in client[method](client, params):text() do
        pieces[#pieces + 1] = piece
      end
      equal(TEXT, table.concat(pieces))
      equal(true, #pieces > 1)
    end)
  end

  test("converse_stream: every event of the mock", function()
    local kinds, stream = {}, client:converse_stream(say "think")
    for event in stream do kinds[#kinds + 1] = next(event):sub(1, 13) end
    equal("messageStart contentBlockS contentBlockD contentBlockD "
      .. "contentBlockD contentBlockS contentBlockS contentBlockD "
      .. "contentBlockS messageStop metadata", table.concat(kinds, " "))
    equal({ 200, nil, "application/vnd.amazon.eventstream" },
      { stream.status, stream.request_id, stream.content_type })
  end)

  test("usage and stop reason", function()
    for _, way in ipairs { "converse", "converse_stream" } do
      local got = assert(WAYS[way](client, "used"))
      equal({ "max_tokens", 11, 22, 33 }, { got.stopReason,
        got.usage.inputTokens, got.usage.outputTokens, got.usage.totalTokens })
    end
    local got = assert(WAYS.invoke_model(client, "used"))
    equal({ 11, 22 }, { got.usage.input_tokens, got.usage.output_tokens })
  end)

  test("an answer goes back into the conversation", function()
    local ran = {}
    local function tool(name)
      return { name = name, input_schema = { type = "object" },
        run = function(input) ran[name] = input; return "fine" end }
    end
    local chat = client:conversation { modelId = MODEL,
      tools = { tool "get_weather", tool "get_time" } }
    local got = assert(chat:send "tools":response())
    equal({ { text = "Sunny at noon." } }, got.output.message.content)
    equal({ get_weather = { city = "Paris", days = { 1, 2.5 }, none = {} },
      get_time = {} }, ran)
    equal(4, #chat.messages)
    local thought = assert(WAYS.converse_stream(client, "think"))
    local params = say "text"
    table.insert(params.messages, 1, thought.output.message)
    table.insert(params.messages, 1, say "think".messages[1])
    equal(TEXT, assert(client:converse(params))
      .output.message.content[1].text)
  end)

  for way, call in judge.by_name(WAYS) do
    test(way .. ": errors without AWS's names", function()
      local got, err = call(client, "overloaded")
      equal(nil, got)
      -- 529 is none of the statuses that AWS's SDKs try again.
      is_error({ kind = "service", code = "529", status = 529,
        retryable = false, message = "^too much to do$" }, err)
      is_error({ kind = "service", code = "404", status = 404,
        retryable = false }, select(2, call(client, "nobody knows")))
    end)
  end

  for _, way in ipairs { "converse_stream", "invoke" } do
    test(way .. ": a stream that is cut", function()
      local stream = client[way](client, way == "invoke" and ask "cut"
        or say "cut")
      local got, err = stream:response()
      equal(nil, got)
      is_error({ kind = "transport", stage = "stream" }, err)
      local message = stream:partial()
      message = message.output and message.output.message or message
      equal("This ", message.content[1].text:sub(1, 5))
    end)
  end

  test("a second attempt gets through", function()
    local got = assert(new { max_attempts = 3 }:converse(say "again"))
    equal("Now.", got.output.message.content[1].text)
  end)

  test("operations that it does not have", function()
    for method, params in judge.by_name {
      count_tokens = { modelId = MODEL, input = { converse = {
        messages = say "x".messages } } },
      apply_guardrail = { guardrailIdentifier = "a", guardrailVersion = "1",
        source = "INPUT", content = { { text = { text = "x" } } } },
      list_async_invokes = {},
    } do
      is_error({ kind = "service", status = 404, code = "404" },
        select(2, client[method](client, params)))
    end
  end)

  test("bearer tokens", function()
    assert(new { bearer_token = "abc" }:converse(say "text"))
  end)
end)

-- ---- chaos ----------------------------------------------------------------

local CHAOS = {
  drop = { kind = "service", status = 500, code = "500", retryable = true },
  malformed = { kind = "protocol", status = 200, retryable = false },
  disconnect = { kind = "transport", retryable = true },
  ratelimit = { kind = "service", status = 429, code = "429",
    retryable = true },
}
for name, fields in judge.by_name(CHAOS) do
  with_mock(("--chaos-%s 1"):format(name), function(client, new)
    for way, call in judge.by_name(WAYS) do
      -- InvokeModel's body is the model's own, whatever it holds.
      if not (name == "malformed" and way == "invoke_model") then
        test(("chaos %s: %s"):format(name, way), function()
          local got, err = call(client, "text")
          equal(nil, got)
          fields.attempts = 1
          is_error(fields, err)
        end)
      end
    end
    test(("chaos %s: attempts"):format(name), function()
      local _, err = new { max_attempts = 2 }:converse(say "text")
      fields.attempts = name == "malformed" and 1 or 2
      is_error(fields, err)
    end)
  end)
end

with_mock("--chaos-malformed 1", function(client)
  test("chaos malformed: invoke_model hands the body out", function()
    local got = assert(client:invoke_model(ask "text"))
    equal("{malformed", got.body:match "^%S+")
  end)
end)

with_mock("--chaos-latency 700", function(client, new)
  for way, call in judge.by_name(WAYS) do
    test("chaos latency: " .. way, function()
      assert(call(client, "text"))
      is_error({ kind = "timeout", code = "IdleTimeout", attempts = 1 },
        select(2, call(new { idle_timeout = 0.2 }, "text")))
    end)
  end
  test("chaos latency: a stream is left before it begins", function()
    local stream = client:converse_stream(say "text")
    local event, err = stream:next(0.05)
    equal(nil, event)
    is_error({ kind = "timeout", code = "WaitTimeout" }, err)
    stream:close()
    is_error({ kind = "closed" }, select(2, stream:next()))
  end)
end)

judge.finish()
