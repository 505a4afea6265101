-- bedrock.answer: whole answers out of the events of a stream.
local answer = require "bedrock.answer"
local bytes = require "bedrock.core".bytes
local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local recorded = require "spec.support.recorded"
local shapes = require "bedrock.service.shapes"
local vectors = require "spec.support.vectors"

local shape = recorded.shape

local function assembled(events)
  local a = answer.converse()
  for _, event in ipairs(events) do a:add(event) end
  return a:response()
end

local function with_recordings(name, operation, test)
  it(name, function()
    if not vectors.available() then return pending "no recordings here" end
    local streams = recorded.streams(operation)
    assert.is_true(#streams > 30)
    for _, stream in ipairs(streams) do test(stream) end
  end)
end

-- A second reading of the same events: one pass for each block, strings
-- joined as they come.
local function content_by_hand(events)
  local indexes, content = {}, {}
  for _, event in ipairs(events) do
    local e = event.contentBlockStart or event.contentBlockDelta
    if e then indexes[e.contentBlockIndex] = true end
  end
  for index = 0, 1000 do
    local text, input, thought, signature, redacted = "", "", "", "", ""
    local start, citations, results
    for _, event in ipairs(indexes[index] and events or {}) do
      local e = event.contentBlockStart or event.contentBlockDelta or {}
      if e.contentBlockIndex == index then
        start = e.start or start
        local d = e.delta or {}
        text = text .. (d.text or "")
        input = input .. (d.toolUse and d.toolUse.input or "")
        local r = d.reasoningContent or {}
        thought = thought .. (r.text or "")
        signature = signature .. (r.signature or "")
        redacted = redacted .. (r.redactedContent or "")
        citations = citations or d.citation and { d.citation }
        results = results or d.toolResult
      end
    end
    if start and start.toolUse then
      content[#content + 1] = { toolUse = {
        toolUseId = start.toolUse.toolUseId, name = start.toolUse.name,
        type = start.toolUse.type,
        input = input == "" and {} or assert(json.decode(input)),
      } }
    elseif start and start.toolResult then
      content[#content + 1] = { toolResult = {
        toolUseId = start.toolResult.toolUseId,
        type = start.toolResult.type, status = start.toolResult.status,
        content = results,
      } }
    elseif redacted ~= "" then
      content[#content + 1] = {
        reasoningContent = { redactedContent = redacted } }
    elseif thought ~= "" or signature ~= "" then
      content[#content + 1] = { reasoningContent = { reasoningText = {
        text = thought, signature = signature ~= "" and signature or nil,
      } } }
    elseif citations then
      content[#content + 1] = { citationsContent = {
        content = { { text = text } }, citations = citations } }
    elseif text:find "%S" then
      content[#content + 1] = { text = text }
    end
  end
  return content
end

describe("answer.converse", function()
  with_recordings("equals an independent reading of every recorded stream",
    "ConverseStream", function(stream)
      local response = assembled(stream.events)
      local stop, last, start = {}, {}, {}
      for _, event in ipairs(stream.events) do
        start = event.messageStart or start
        stop, last = event.messageStop or stop, event.metadata or last
      end
      assert.same(content_by_hand(stream.events),
                  response.output.message.content, stream.name)
      assert.equal(start.role or "assistant", response.output.message.role)
      assert.equal(stop.stopReason, response.stopReason)
      assert.same(last.usage, response.usage)
      assert.same(last.metrics, response.metrics)
      assert.same(last.trace, response.trace)
      assert.is_nil(response.p)
    end)

  with_recordings("gives a partial answer at any point, which only grows",
    "ConverseStream", function(stream)
      local a, text = answer.converse(), ""
      assert.same({ output = { message = {
        role = "assistant", content = {} } } }, a:partial())
      for _, event in ipairs(stream.events) do
        a:add(event)
        local now = ""
        for _, block in ipairs(a:partial().output.message.content) do
          now = now .. (block.text or "")
        end
        assert.equal(text, now:sub(1, #text))
        text = now
      end
      assert.same(a:response(), a:partial())
    end)

  with_recordings("does not care how blocks interleave, nor for their stops",
    "ConverseStream", function(stream)
      local rounds, shuffled, most = {}, {}, 0
      for _, event in ipairs(stream.events) do
        local e = event.contentBlockStart or event.contentBlockDelta
        if e then
          local own = rounds[e.contentBlockIndex] or {}
          rounds[e.contentBlockIndex] = own
          own[#own + 1] = event
          most = math.max(most, #own)
        elseif not event.contentBlockStop and not event.metadata then
          shuffled[#shuffled + 1] = event
        end
      end
      for round = 1, most do
        for index = 100, 0, -1 do
          if rounds[index] then
            shuffled[#shuffled + 1] = rounds[index][round]
          end
        end
      end
      assert.same(assembled(stream.events).output,
                  assembled(shuffled).output, stream.name)
    end)

  with_recordings("may go back into messages as it is", "ConverseStream",
    function(stream)
      local message = assembled(stream.events).output.message
      if #message.content == 0 then return end
      local request, err = marshal.request(
        shapes.bedrock():operation "ConverseStream", {
          modelId = stream.model_id, messages = {
            { role = "user", content = { { text = "x" } } }, message } },
        { validate = true })
      assert.is_nil(err, stream.name)
      -- and the service reads what it had said
      local sent = json.decode(request.body).messages[2]
      for i, block in ipairs(message.content) do
        local blob = (block.reasoningContent or {}).redactedContent
        if blob then
          sent.content[i].reasoningContent.redactedContent = assert(
            bytes.base64_decode(sent.content[i].reasoningContent
              .redactedContent))
        end
      end
      assert.same(message, sent)
    end)

  with_recordings("leaves the events as they were", "ConverseStream",
    function(stream)
      local before = {}
      for i, event in ipairs(stream.events) do
        before[i] = json.encode(shape(event, ""))
      end
      assembled(stream.events).output.message.content[1] = "mine now"
      for i, event in ipairs(stream.events) do
        assert.same(json.decode(before[i]), shape(event, ""))
      end
    end)

  it("has the shape of recorded unary answers", function()
    if not vectors.available() then return pending "no recordings here" end
    local kinds = {}
    local function note(body, side)
      local content = body.output.message.content
      local tools = false
      for _, block in ipairs(content) do
        if not (block.text or block.toolUse and not block.toolUse.type) then
          return
        end
        tools = tools or block.toolUse ~= nil
      end
      if body.trace or #content == 0 then return end
      local kind = tools and "tools" or "text"
      kinds[kind] = kinds[kind] or {}
      kinds[kind][side] = shape(body, "", kinds[kind][side])
    end
    for _, one in ipairs(recorded.answers "Converse") do
      note(one.body, "unary")
    end
    for _, stream in ipairs(recorded.streams "ConverseStream") do
      if #stream.events > 1 then note(assembled(stream.events), "stream") end
    end
    assert.same(kinds.text.unary, kinds.text.stream)
    assert.same(kinds.tools.unary, kinds.tools.stream)
  end)

  local function block(...)
    local events = { { messageStart = { role = "assistant" } } }
    for _, e in ipairs { ... } do
      e.contentBlockIndex = 0
      events[#events + 1] = e.start and { contentBlockStart = e }
        or { contentBlockDelta = e }
    end
    events[#events + 1] = { contentBlockStop = { contentBlockIndex = 0 } }
    return events
  end

  local function tool(...)
    local list = { { start = { toolUse = { toolUseId = "1", name = "t" } } } }
    for _, piece in ipairs { ... } do
      list[#list + 1] = { delta = { toolUse = { input = piece } } }
    end
    return (table.unpack or unpack)(list)
  end

  it("makes no block of a start that only names its deltas", function()
    for _, kind in ipairs { "reasoningContent", "text" } do
      local start = { [kind] = kind == "text" and "" or json.object {} }
      local piece = { [kind] = kind == "text" and "a" or { text = "a" } }
      local content = assembled(block({ start = start }, { delta = piece }))
        .output.message.content
      assert.same({ kind == "text" and { text = "a" }
        or { reasoningContent = { reasoningText = { text = "a" } } } }, content)
    end
    local content = assembled(block({ start = { reasoningContent = {
      text = "a", signature = "b" } } })).output.message.content
    assert.same({ text = "a", signature = "b" },
      content[1].reasoningContent.reasoningText)
    content = assembled(block({ start = { hologram = { x = 1 } } }))
      .output.message.content
    assert.same({ { hologram = { x = 1 } } }, content)
  end)

  it("makes an object of a tool input without text", function()
    local events = block(tool())
    events[#events + 1] = { messageStop = { stopReason = "tool_use" } }
    local made = assembled(events).output.message.content[1]
    assert.equal("{}", json.encode(made.toolUse.input))
    assert.is_nil(answer.incomplete(made))
    made = assembled(block(tool("", ""))).output.message.content[1]
    assert.equal("{}", json.encode(made.toolUse.input))
    assert.is_nil(answer.incomplete(made))
  end)

  it("keeps the raw text of a cut tool input beside the block", function()
    local events = block(tool('{"city": "Pa', 'r'))
    events[#events + 1] = { messageStop = { stopReason = "max_tokens" } }
    local made = assembled(events).output.message.content[1]
    assert.same({ toolUse = { toolUseId = "1", name = "t", input = {} } },
                made)
    assert.equal("{}", json.encode(made.toolUse.input))
    local text, message = answer.incomplete(made)
    assert.equal('{"city": "Par', text)
    assert.is_string(message)
  end)

  it("flags an input that is no object, or that never began", function()
    local made = assembled(block(tool "[1]")).output.message.content[1]
    assert.equal("[1]", (answer.incomplete(made)))
    local events = block(tool())
    events[#events + 1] = { messageStop = { stopReason = "max_tokens" } }
    made = assembled(events).output.message.content[1]
    assert.equal("", (answer.incomplete(made)))
  end)

  it("takes an input that the start brings, whole or as text", function()
    for _, input in ipairs { { a = 1 }, '{"a":1}' } do
      local events = block { start = { toolUse = {
        toolUseId = "1", name = "t", input = input } } }
      local made = assembled(events).output.message.content[1]
      assert.same({ a = 1 }, made.toolUse.input)
      assert.is_nil(answer.incomplete(made))
    end
  end)

  it("passes over pieces that come after the tool's stop", function()
    local events = block(tool '{"a":1}')
    events[#events + 1] = { contentBlockDelta = { contentBlockIndex = 0,
      delta = { toolUse = { input = "x" } } } }
    local made = assembled(events).output.message.content[1]
    assert.same({ a = 1 }, made.toolUse.input)
  end)

  it("keeps a signature without text, and every redacted byte", function()
    local content = assembled(block(
      { delta = { reasoningContent = { signature = "s1" } } },
      { delta = { reasoningContent = { signature = "s2" } } }
    )).output.message.content
    assert.same({ { reasoningContent = { reasoningText = {
      text = "", signature = "s1s2" } } } }, content)
    content = assembled(block(
      { delta = { reasoningContent = { redactedContent = "\0\255" } } },
      { delta = { reasoningContent = { redactedContent = "\128" } } }
    )).output.message.content
    assert.same({ { reasoningContent = {
      redactedContent = "\0\255\128" } } }, content)
  end)

  it("drops blank text and nothing else", function()
    local content = assembled(block { delta = { text = " \n" } })
      .output.message.content
    assert.equal("[]", json.encode(content))
    content = assembled(block({ delta = { text = " \n" } },
                              { delta = { text = "x " } }))
      .output.message.content
    assert.same({ { text = " \nx " } }, content)
  end)

  it("makes no block of reasoning that says nothing", function()
    for _, nothing in ipairs { { text = "" }, { text = "\n" },
        { redactedContent = "" }, {} } do
      local content = assembled(block { delta = {
        reasoningContent = nothing } }).output.message.content
      assert.equal("[]", json.encode(content))
    end
  end)

  it("puts citations and the text they belong to in one block", function()
    local location = { web = { url = "https://a.example", domain = "a" } }
    local content = assembled(block(
      { delta = { text = "It " } },
      { delta = { citation = { title = "A", location = location } } },
      { delta = { text = "is." } },
      { delta = { citation = { title = "B", source = "b",
                               sourceContent = { { text = "x" } } } } }
    )).output.message.content
    assert.same({ { citationsContent = {
      content = { { text = "It is." } },
      citations = { { title = "A", location = location },
        { title = "B", source = "b", sourceContent = { { text = "x" } } } },
    } } }, content)
  end)

  it("joins images, tool results and kinds nobody knew of", function()
    local content = assembled(block(
      { start = { image = { format = "png" } } },
      { delta = { image = { source = { bytes = "\137PN" } } } },
      { delta = { image = { source = { bytes = "G\0" } } } }
    )).output.message.content
    assert.same({ { image = { format = "png",
      source = { bytes = "\137PNG\0" } } } }, content)
    content = assembled(block(
      { start = { toolResult = { toolUseId = "1", status = "success" } } },
      { delta = { toolResult = { { text = "a" } } } },
      { delta = { toolResult = { { text = "b" }, { json = { c = 1 } } } } },
      { delta = { toolResult = { { text = "d" }, { text = "e" } } } }
    )).output.message.content
    assert.same({ { toolResult = { toolUseId = "1", status = "success",
      content = { { text = "ab" }, { json = { c = 1 } }, { text = "d" },
                  { text = "e" } } } } }, content)
    content = assembled(block(
      { start = { smell = { unit = "olf" } } },
      { delta = { smell = { notes = { "rose" }, level = 1 } } },
      { delta = { smell = { notes = { "tar" }, level = 2, text = "y" } } },
      { delta = { reasoningContent = { summary = "s" } } }
    )).output.message.content
    assert.same({ { smell = { unit = "olf", notes = { "rose", "tar" },
      level = 2, text = "y" } }, { reasoningContent = { summary = "s" } } },
      content)
  end)

  it("hands on stop reasons and members of tomorrow", function()
    local response = assembled {
      { messageStart = { role = "assistant", p = "abc", mood = "calm" } },
      { tomorrow = { x = 1 } },
      { messageStop = { stopReason = "bored", p = "abcd",
        additionalModelResponseFields = { stop_sequence = "x" } } },
      { metadata = { usage = { inputTokens = 1, cacheReadInputTokens = 9 },
        metrics = { latencyMs = 2 }, serviceTier = { type = "flex" },
        performanceConfig = { latency = "optimized" }, carbon = 3 } },
    }
    assert.same({
      output = { message = { role = "assistant", content = {} } },
      mood = "calm", stopReason = "bored", carbon = 3,
      metrics = { latencyMs = 2 },
      additionalModelResponseFields = { stop_sequence = "x" },
      usage = { inputTokens = 1, cacheReadInputTokens = 9 },
      serviceTier = { type = "flex" },
      performanceConfig = { latency = "optimized" },
    }, response)
  end)

  it("survives events of any shape", function()
    local odd = { 1, "x", true, {}, { {} }, json.null, { text = 1 },
      { toolUse = 1 }, { toolUse = {} }, { toolUse = { input = 1 } },
      { toolResult = { 1, { text = 2 } } }, { reasoningContent = 1 },
      { reasoningContent = { text = {} } }, { citation = 1 },
      { citation = json.null }, { image = 1 }, { text = json.null } }
    for _, name in ipairs { "messageStart", "contentBlockStart",
        "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
        "chunk", "else" } do
      for _, value in ipairs(odd) do
        local a = answer.converse()
        a:add { [name] = value }
        a:add { [name] = { delta = value, start = value, p = "x" } }
        a:add { [name] = { delta = value, contentBlockIndex = "1" } }
        assert.is_table(a:partial().output.message.content)
        answer.text { [name] = value }
        answer.text { [name] = { delta = value } }
      end
    end
  end)

  it("answers twice with one table, and anew after another event", function()
    local a = answer.converse()
    a:add { contentBlockDelta = { contentBlockIndex = 0,
                                  delta = { text = "a" } } }
    local first = a:response()
    assert.equal(first, a:response())
    a:add { contentBlockDelta = { contentBlockIndex = 0,
                                  delta = { text = "b" } } }
    assert.equal("a", first.output.message.content[1].text)
    assert.equal("ab", a:response().output.message.content[1].text)
  end)

  it("joins very many pieces in time that grows with them", function()
    local function seconds(count)
      local a, clock = answer.converse(), os.clock()
      for i = 1, count do
        a:add { contentBlockDelta = { contentBlockIndex = 0,
                                      delta = { text = i .. " " } } }
      end
      assert.equal(count .. " ", a:response().output.message.content[1].text
        :match "%d+ $")
      return os.clock() - clock
    end
    seconds(1000)
    assert.is_true(seconds(80000) < 40 * seconds(8000) + 0.1)
  end)
end)

describe("answer.text", function()
  it("gives pieces of text and nothing for all else", function()
    assert.equal("a", answer.text { contentBlockDelta = {
      delta = { text = "a" } } })
    assert.is_nil(answer.text { contentBlockDelta = {
      delta = { text = "" } } })
    assert.is_nil(answer.text { messageStop = { stopReason = "end_turn" } })
    assert.is_nil(answer.text { chunk = { json = { strange = 1 } } })
    assert.equal("b", answer.text { chunk = { bytes = '{"generation":"b"}' } })
  end)

  with_recordings("joins to the text of every recorded stream",
    "ConverseStream", function(stream)
      local pieces, whole = {}, {}
      for _, event in ipairs(stream.events) do
        pieces[#pieces + 1] = answer.text(event)
      end
      for _, b in ipairs(assembled(stream.events).output.message.content) do
        local cited = b.citationsContent
        whole[#whole + 1] = b.text or cited and cited.content[1].text
      end
      assert.equal(table.concat(whole), table.concat(pieces))
    end)
end)
