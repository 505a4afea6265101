-- bedrock.answer: whole answers out of the chunks of `invoke`.
local answer = require "bedrock.answer"
local json = require "bedrock.json"
local recorded = require "spec.support.recorded"
local vectors = require "spec.support.vectors"

local shape = recorded.shape

describe("answer.invoke", function()
  local function chunks(...)
    local a = answer.invoke "some-model"
    for _, chunk in ipairs { ... } do a:add { chunk = { json = chunk } } end
    return a
  end

  local function texts(a, ...)
    local list = {}
    for _, chunk in ipairs { ... } do
      list[#list + 1] = a:text { chunk = { json = chunk } }
    end
    return table.concat(list)
  end

  local metrics = { inputTokenCount = 1, outputTokenCount = 2,
                    cacheReadInputTokenCount = 3 }
  local ADDED = "amazon-bedrock-invocationMetrics"

  local function check_stream(stream)
    if #stream.events == 0 then return end
    local a, text, input, last = answer.invoke(stream.model_id), "", "", {}
    for _, event in ipairs(stream.events) do
      a:add(event)
      assert.is_table(a:partial())
      text = text .. (a:text(event) or "")
      assert.equal(a:text(event), answer.text(event))
      local j = event.chunk.json
      local d = j.delta or j.contentBlockDelta and j.contentBlockDelta.delta
        or {}
      input = input .. (d.partial_json or d.toolUse and d.toolUse.input
        or "")
      last = j
    end
    local response = assert(a:response())
    assert.same(last[ADDED], response[ADDED])
    local whole, inputs = "", {}
    if response.results then
      assert.equal("titan", a:family())
      whole = response.results[1].outputText
      assert.equal(last.completionReason,
                   response.results[1].completionReason)
      assert.is_number(response.inputTextTokenCount)
      assert.equal(last.totalOutputTextTokenCount,
                   response.results[1].tokenCount)
    else
      local content = response.content or response.output.message.content
      for _, b in ipairs(content) do
        whole = whole .. (b.text or "")
        local tool = b.toolUse or b.type == "tool_use" and b
        if tool then inputs[#inputs + 1] = tool.input end
        assert.is_nil(answer.incomplete(b))
      end
      for i, block in ipairs(content) do
        local before = content[i - 1]
        assert.is_false(block.text ~= nil and before ~= nil
                        and before.text ~= nil)
      end
    end
    assert.equal(text, whole)
    local at = 1
    for _, tool in ipairs(inputs) do
      local from, to = input:find("%b{}", at)
      assert.same(json.decode(input:sub(from, to)), tool)
      at = to + 1
    end
    assert.is_nil(input:find("%S", at))
  end

  it("puts every recorded stream together", function()
    if not vectors.available() then return pending "no recordings here" end
    local streams = recorded.streams "InvokeModelWithResponseStream"
    assert.is_true(#streams > 30)
    for _, stream in ipairs(streams) do check_stream(stream) end
  end)

  it("has the shape of recorded unary answers", function()
    if not vectors.available() then return pending "no recordings here" end
    local shapes = {}
    local function note(body, side, name)
      if body.error then return end
      local content = body.content or body.output
        and body.output.message.content or {}
      local kind = body.output and "nova" or body.results and "titan"
        or body.type == "message" and "anthropic"
      for _, b in ipairs(content) do
        local extra = b.type or b.toolUse and "tool" or "text"
        if extra == "tool" or extra == "tool_use" then
          kind = kind .. " tools"
          break
        end
      end
      if not kind or body["amazon-bedrock-trace"] then return end
      body[ADDED] = nil
      shapes[kind] = shapes[kind] or {}
      shapes[kind][side] = shape(body, "", shapes[kind][side])
      shapes[kind].name = name
    end
    for _, one in ipairs(recorded.answers "InvokeModel") do
      note(one.body, "unary", one.name)
    end
    for _, stream in ipairs(recorded.streams
        "InvokeModelWithResponseStream") do
      local a = answer.invoke(stream.model_id)
      for _, event in ipairs(stream.events) do a:add(event) end
      if #stream.events > 0 then note(a:response(), "stream", stream.name) end
    end
    local compared = 0
    for kind, both in pairs(shapes) do
      if both.unary and both.stream then
        -- Nova's stream does not tell the sum.
        both.unary[".usage.totalTokens"] = nil
        assert.same(both.unary, both.stream, kind)
        compared = compared + 1
      end
    end
    assert.equal(5, compared)
  end)

  it("assembles Anthropic's tools, thinking, citations and usage", function()
    local a = chunks(
      { type = "ping" },
      { type = "message_start", message = { id = "m", type = "message",
        role = "assistant", model = "c", content = json.array {},
        stop_reason = json.null, stop_sequence = json.null,
        usage = { input_tokens = 5, cache_read_input_tokens = 7,
                  output_tokens = 1 } } },
      { type = "content_block_start", index = 0,
        content_block = { type = "thinking", thinking = "" } },
      { type = "content_block_start", index = 1,
        content_block = { type = "text", text = "" } },
      { type = "content_block_delta", index = 1,
        delta = { type = "text_delta", text = "It " } },
      { type = "content_block_delta", index = 0,
        delta = { type = "thinking_delta", thinking = "hm" } },
      { type = "content_block_delta", index = 0,
        delta = { type = "signature_delta", signature = "sig" } },
      { type = "content_block_delta", index = 1,
        delta = { type = "citations_delta", citation = { url = "u" } } },
      { type = "content_block_delta", index = 1,
        delta = { type = "text_delta", text = "is" } },
      { type = "content_block_start", index = 2, content_block = {
        type = "tool_use", id = "t1", name = "f", input = json.object {} } },
      { type = "content_block_stop", index = 2 },
      { type = "content_block_start", index = 3, content_block = {
        type = "server_tool_use", id = "t2", name = "g",
        input = json.object {} } },
      { type = "content_block_delta", index = 3,
        delta = { type = "input_json_delta", partial_json = '{"a":' } },
      { type = "content_block_start", index = 4,
        content_block = { type = "redacted_thinking", data = "xyz" } },
      { type = "content_block_start", index = 5,
        content_block = { type = "odd" } },
      { type = "content_block_delta", index = 5,
        delta = { type = "odd_delta", note = "ab" } },
      { type = "content_block_delta", index = 5,
        delta = { type = "odd_delta", note = "cd" } },
      { type = "content_block_start", index = 6,
        content_block = { type = "text", text = "" } },
      { type = "message_delta", delta = { stop_reason = "max_tokens" },
        usage = { output_tokens = 9 }, context_management = { x = 1 } },
      { type = "message_stop", [ADDED] = metrics })
    local message = a:response()
    assert.same({
      id = "m", type = "message", role = "assistant", model = "c",
      stop_reason = "max_tokens", stop_sequence = json.null,
      usage = { input_tokens = 5, cache_read_input_tokens = 7,
                output_tokens = 9 },
      context_management = { x = 1 },
      content = {
        { type = "thinking", thinking = "hm", signature = "sig" },
        { type = "text", text = "It is", citations = { { url = "u" } } },
        { type = "tool_use", id = "t1", name = "f", input = {} },
        { type = "server_tool_use", id = "t2", name = "g", input = {} },
        { type = "redacted_thinking", data = "xyz" },
        { type = "odd", note = "abcd" },
      },
      [ADDED] = metrics,
    }, message)
    assert.is_nil(answer.incomplete(message.content[3]))
    assert.equal('{"a":', (answer.incomplete(message.content[4])))
  end)

  it("makes an error of Anthropic's error chunk", function()
    local a = chunks({ type = "message_start", message = {} },
      { type = "error", error = { type = "overloaded_error",
                                  message = "Overloaded" } })
    local response, err = a:response()
    assert.is_nil(response)
    assert.equal("service", err.kind)
    assert.truthy(err.message:find("Overloaded", 1, true))
  end)

  -- family, chunks, text, whole answer
  local families = {
    { "llama", { { generation = "Hi", prompt_token_count = 5,
                   generation_token_count = 1, stop_reason = json.null },
                 { generation = " you", prompt_token_count = json.null,
                   generation_token_count = 2, stop_reason = "stop",
                   [ADDED] = metrics } },
      "Hi you",
      { generation = "Hi you", prompt_token_count = 5,
        generation_token_count = 2, stop_reason = "stop",
        [ADDED] = metrics } },
    { "mistral", { { outputs = { { text = "Hi", stop_reason = json.null } } },
                   { outputs = { { text = "!", stop_reason = "stop" } },
                     [ADDED] = metrics } },
      "Hi!",
      { outputs = { { text = "Hi!", stop_reason = "stop" } },
        [ADDED] = metrics } },
    { "deepseek", { { choices = { { text = "<think>", stop_reason =
                      json.null } } },
                    { choices = { { text = "x", stop_reason = "length" } } }
                  },
      "<think>x",
      { choices = { { text = "<think>x", stop_reason = "length" } } } },
    { "cohere-command", { { text = "Hi", is_finished = false, index = 0 },
                          { text = " you", is_finished = false, index = 0 },
                          { text = "Hi you", is_finished = true,
                            finish_reason = "COMPLETE",
                            [ADDED] = metrics } },
      "Hi you",
      { generations = { { text = "Hi you", finish_reason = "COMPLETE" } },
        [ADDED] = metrics } },
    { "cohere-command", { { text = "Hi", is_finished = false },
                          { is_finished = true, finish_reason = "COMPLETE",
                            response = { id = "r", prompt = "p",
                              generations = { { id = "g", text = "Hi",
                                finish_reason = "COMPLETE" } } } } },
      "Hi",
      { id = "r", prompt = "p", generations = { { id = "g", text = "Hi",
        finish_reason = "COMPLETE" } } } },
    { "cohere-command", { { id = "r", prompt = "p", generations = {
        { id = "g", text = "Hi", finish_reason = "COMPLETE" } } } },
      "Hi",
      { id = "r", prompt = "p", generations = { { id = "g", text = "Hi",
        finish_reason = "COMPLETE" } } } },
    { "cohere-command-r",
      { { event_type = "stream-start", generation_id = "g",
          is_finished = false },
        { event_type = "text-generation", text = "Hi", is_finished = false },
        { event_type = "text-generation", text = "!", is_finished = false },
        { event_type = "stream-end", is_finished = true,
          finish_reason = "COMPLETE", response = { response_id = "r",
            text = "Hi!", generation_id = "g",
            chat_history = { { role = "USER", message = "x" } },
            finish_reason = "COMPLETE" } } },
      "Hi!",
      { response_id = "r", text = "Hi!", generation_id = "g",
        chat_history = { { role = "USER", message = "x" } },
        finish_reason = "COMPLETE" } },
    { "cohere-command-r",
      { { event_type = "stream-start", generation_id = "g" },
        { event_type = "text-generation", text = "Hi" },
        { event_type = "tool-calls-generation",
          tool_calls = { { name = "f", parameters = { a = 1 } } } } },
      "Hi",
      { text = "Hi", generation_id = "g",
        tool_calls = { { name = "f", parameters = { a = 1 } } } } },
    { "chat", -- Jamba
      { { id = "c1", choices = { { index = 0, delta = { role = "assistant" },
                                   finish_reason = json.null } } },
        { id = "c1", choices = { { index = 0, delta = { content = "Hi" },
                                   finish_reason = json.null } } },
        { id = "c1", choices = { { index = 0, delta = { content = "!" },
                                   finish_reason = "stop" } },
          usage = { prompt_tokens = 1, completion_tokens = 2,
                    total_tokens = 3 }, [ADDED] = metrics } },
      "Hi!",
      { id = "c1", choices = { { index = 0, finish_reason = "stop",
          message = { role = "assistant", content = "Hi!" } } },
        usage = { prompt_tokens = 1, completion_tokens = 2,
                  total_tokens = 3 }, [ADDED] = metrics } },
    { "chat", -- tool calls in pieces, reasoning, two choices
      { { object = "chat.completion.chunk", model = "m", choices = { {
          index = 0, delta = { role = "assistant", content = json.null,
            reasoning_content = "let " } } } },
        { object = "chat.completion.chunk", choices = { { index = 0, delta = {
          reasoning_content = "me", tool_calls = { { index = 0, id = "c",
            type = "function", ["function"] = { name = "f",
              arguments = "" } } } } } } },
        { object = "chat.completion.chunk", choices = { { index = 0, delta = {
          tool_calls = { { index = 0,
            ["function"] = { arguments = '{"a"' } } } } } } },
        { object = "chat.completion.chunk", choices = {
          { index = 1, delta = { content = "other" },
            finish_reason = "stop" },
          { index = 0, finish_reason = "tool_calls", delta = {
            tool_calls = { { index = 0,
              ["function"] = { arguments = ':1}' } },
              { index = 1, id = "d", type = "function", ["function"] = {
                name = "g", arguments = "{}" } } } } } } } },
      "",
      { object = "chat.completion", model = "m", choices = {
        { index = 0, finish_reason = "tool_calls", message = {
          role = "assistant", content = json.null,
          reasoning_content = "let me", tool_calls = {
            { index = 0, id = "c", type = "function",
              ["function"] = { name = "f", arguments = '{"a":1}' } },
            { index = 1, id = "d", type = "function",
              ["function"] = { name = "g", arguments = "{}" } } } } },
        { index = 1, finish_reason = "stop", message = {
          role = "assistant", content = "other" } } } } },
    { "chat", -- content that thinks in lists, then speaks in text
      { { choices = { { index = 0, delta = { content = { {
          type = "thinking", thinking = "a" } } } } } },
        { choices = { { index = 0, delta = { content = { {
          type = "thinking", thinking = "b" } } } } } },
        { choices = { { index = 0, delta = { content = "Hi" } } } },
        { choices = { { index = 0, delta = { content = "!" },
          finish_reason = "stop" } } } },
      "Hi!",
      { choices = { { index = 0, finish_reason = "stop", message = {
        role = "assistant", content = {
          { type = "thinking", thinking = "a" },
          { type = "thinking", thinking = "b" },
          { type = "text", text = "Hi!" } } } } } } },
    { "cohere-command-r", -- citations, each event with its own
      { { event_type = "text-generation", text = "Hi" },
        { event_type = "citation-generation", citations = { { start = 0 } } },
        { event_type = "citation-generation", citations = { { start = 1 } } }
      },
      "Hi", { text = "Hi", citations = { { start = 0 }, { start = 1 } } } },
    { "anthropic", -- counts that are null say nothing
      { { type = "message_start", message = { usage = { input_tokens = 5 } } },
        { type = "message_delta", delta = { stop_reason = "end_turn" },
          usage = { input_tokens = json.null, output_tokens = 9,
                    server_tool_use = json.null } } },
      "",
      { stop_reason = "end_turn", content = {}, usage = { input_tokens = 5,
        output_tokens = 9, server_tool_use = json.null } } },
    { "chat", -- Mistral's chat models
      { { choices = { { index = 0, stop_reason = json.null, message = {
          role = "assistant", content = "Hi", tool_calls = json.null } } } },
        { choices = { { index = 0, stop_reason = "stop", message = {
          role = "assistant", content = "!" } } } } },
      "Hi!",
      { choices = { { index = 0, stop_reason = "stop", message = {
        role = "assistant", content = "Hi!" } } } } },
    { "anthropic-text",
      { { completion = " Hi", stop_reason = json.null, stop = json.null },
        { completion = "!", stop_reason = "stop_sequence",
          stop = "\n\nHuman:" } },
      " Hi!",
      { completion = " Hi!", stop_reason = "stop_sequence",
        stop = "\n\nHuman:" } },
    { "nova",
      { { messageStart = { role = "assistant" } },
        { contentBlockDelta = { contentBlockIndex = 0,
            delta = { reasoningContent = { text = "a" } } } },
        { contentBlockDelta = { contentBlockIndex = 1,
            delta = { reasoningContent = { text = "b" } } } },
        { contentBlockDelta = { contentBlockIndex = 2,
            delta = { text = "Hi" } } },
        { contentBlockDelta = { contentBlockIndex = 3,
            delta = { text = " " } } },
        { contentBlockDelta = { contentBlockIndex = 4,
            delta = { text = "you" } } },
        { messageStop = { stopReason = "end_turn" } },
        { metadata = { usage = { inputTokens = 1 }, metrics = {},
                       trace = {} }, [ADDED] = metrics } },
      "Hi you",
      { output = { message = { role = "assistant", content = {
          { reasoningContent = { reasoningText = { text = "ab" } } },
          { text = "Hi you" } } } },
        stopReason = "end_turn", usage = { inputTokens = 1 },
        [ADDED] = metrics } },
  }

  for i, row in ipairs(families) do
    it(("puts %s together (%d)"):format(row[1], i), function()
      local a = chunks((table.unpack or unpack)(row[2]))
      assert.equal(row[1], a:family())
      assert.same(row[4], a:response())
      assert.equal(row[3], texts(answer.invoke(), (table.unpack
        or unpack)(row[2])))
    end)
  end

  it("takes Cohere's last chunk for what it is", function()
    for _, kind in ipairs { "text-generation", false } do
      for _, row in ipairs {
        { { "Hi", " you" }, "Hi you" }, -- the last piece
        { { "Hi", " you", "Hi you" }, "Hi you" }, -- the whole once more
        { { "Hi", " you", "" }, "Hi you" },
        { { "Hi" }, "Hi" },
      } do
        local a, said = answer.invoke(), ""
        for i, text in ipairs(row[1]) do
          local last = i == #row[1]
          local event = { chunk = { json = { text = text, is_finished = last,
            event_type = kind and (last and "stream-end" or kind) or nil } } }
          a:add(event)
          said = said .. (a:text(event) or "")
        end
        assert.equal(row[2], said)
        local whole = a:response()
        assert.equal(row[2], whole.text or whole.generations[1].text)
      end
    end
  end)

  it("says so when the chunks are of no known family", function()
    local a = chunks({ [ADDED] = metrics }, { vector = { 1 }, norm = 2 })
    for _, method in ipairs { "response", "partial", "family" } do
      local value, err = a[method](a)
      assert.is_nil(value)
      assert.equal("protocol", err.kind)
      assert.equal("UnknownChunkFamily", err.code)
      assert.truthy(err.message:find('"some-model"', 1, true))
      assert.truthy(err.message:find("norm, vector", 1, true))
      assert.truthy(err.message:find("event.chunk.json", 1, true))
    end
    local text, err = a:text { chunk = { json = { vector = { 1 } } } }
    assert.is_nil(text)
    assert.equal("UnknownChunkFamily", err.code)
    text, err = a:text { chunk = { json = { [ADDED] = metrics } } }
    assert.is_nil(text)
    assert.is_nil(err)
  end)

  it("survives chunks of any shape", function()
    local odd = { 1, "x", true, {}, { 1 }, { {} }, { { 1 } }, json.null,
                  { { text = 1, delta = 1 } }, { { delta = { content = 1 } } },
                  { { message = { tool_calls = { 1, { index = "x" } } } } } }
    local names = { "type", "message", "index", "content_block", "delta",
      "usage", "error", "outputText", "generation", "outputs", "event_type",
      "generations", "is_finished", "text", "response", "choices",
      "completion", "messageStart", "contentBlockStart", "contentBlockDelta",
      "contentBlockStop", "metadata", ADDED, "tool_calls" }
    local types = { "message_start", "content_block_start",
      "content_block_delta", "content_block_stop", "message_delta",
      "message_stop", "error", "text-generation", "stream-end" }
    for _, name in ipairs(names) do
      for _, value in ipairs(odd) do
        for _, kind in ipairs(types) do
          local a = answer.invoke "m"
          local chunk = { [name] = value }
          if name ~= "type" then chunk.type = kind end
          a:add { chunk = { json = chunk } }
          a:add { chunk = { json = { [name] = value } } }
          a:add { chunk = { json = value } }
          a:add { chunk = value }
          a:partial()
          a:text { chunk = { json = chunk } }
        end
      end
    end
  end)
end)
