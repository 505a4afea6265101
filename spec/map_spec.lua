-- client:map: many calls at once.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local hosts = require "spec.support.hosts"
local talk = require "spec.support.talk"

describe("client:map", function()
  local emulator, client

  local function client_on(host, more)
    local options = { host = host, log = more }
    for name, value in pairs(emulator.options) do options[name] = value end
    return bedrock.new(options)
  end

  setup(function()
    emulator = assert(child.start {})
    client = client_on(bedrock.host.curl())
  end)
  teardown(function() emulator:stop() end)

  local function prompt(i, model)
    return { modelId = model or "any.model",
      messages = { talk.user("Say: a" .. i) } }
  end

  local function prompts(n, model)
    local list = {}
    for i = 1, n do list[i] = prompt(i, model) end
    return list
  end

  local function text_of(response)
    return response.output.message.content[1].text
  end

  -- index -> text, the order in which they came, index -> err
  local function gather(map)
    local texts, order, errs = {}, {}, {}
    while true do
      local index, response, err = map:next()
      if not index then return texts, order, errs end
      assert.is_nil(texts[index])
      assert.is_nil(errs[index])
      order[#order + 1] = index
      texts[index], errs[index] = response and text_of(response), err
    end
  end

  it("answers each item, by its index", function()
    local texts, order, errs = gather(client:map(prompts(50)))
    assert.equal(50, #order)
    assert.same({}, errs)
    for i = 1, 50 do assert.equal("a" .. i, texts[i]) end
  end)

  it("serves for, and tells how far it is", function()
    local told, count = {}, 0
    for index, response, err in client:map(prompts(5), { concurrency = 2,
        progress = function(done, total)
          told[#told + 1] = done .. "/" .. total
        end }) do
      assert.is_nil(err)
      assert.equal("a" .. index, text_of(response))
      count = count + 1
      assert.is_true(#told >= count)
    end
    assert.same({ "1/5", "2/5", "3/5", "4/5", "5/5" }, told)
    for _ in client:map {} do error "of nothing comes nothing" end
  end)

  it("gives an item's failure to that item alone", function()
    local list = prompts(6)
    list[2] = { modelId = "x", messages = { { txt = 1 } } }
    list[4] = prompt(4, "emulator.access-denied")
    list[5] = prompt(5, "emulator.unavailable-once")
    list[6] = false
    local texts, _, errs = gather(client:map(list))
    assert.equal("validation", errs[2].kind)
    assert.equal("AccessDeniedException", errs[4].code)
    assert.equal("validation", errs[6].kind)
    for _, i in ipairs { 1, 3, 5 } do assert.equal("a" .. i, texts[i]) end
  end)

  it("keeps the order where it is told to", function()
    local list = prompts(8)
    list[1] = prompt(1, "emulator.stall-before-headers:0.5")
    local _, order = gather(client:map(list, { concurrency = 4 }))
    assert.not_equal(1, order[1])
    _, order = gather(client:map(list, { concurrency = 4, ordered = true }))
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, order)
  end)

  it("has no more under way than it may, and as many", function()
    local running, most = 0, 0
    local host = bedrock.host.curl()
    local send = host.send
    function host.send(...)
      running = running + 1
      most = math.max(most, running)
      local reply, err = send(...)
      running = running - 1
      return reply, err
    end
    gather(client_on(host):map(prompts(30, "emulator.slow:20"),
      { concurrency = 7 }))
    assert.equal(7, most)
  end)

  it("takes a function that makes the items", function()
    local asked = 0
    local texts = gather(client:map(function(index)
      asked = index
      return index <= 20 and prompt(index) or nil
    end, { concurrency = 3 }))
    assert.equal(21, asked)
    assert.equal("a20", texts[20])
    for index in client:map(function(i)
      asked = i
      return prompt(i) -- without an end
    end, { concurrency = 3 }) do
      if index > 5 then break end
    end
    assert.is_true(asked < 20)
  end)

  it("gives the whole answer of an operation that streams", function()
    local texts = gather(client:map(prompts(5), {
      operation = "converse_stream" }))
    for i = 1, 5 do assert.equal("a" .. i, texts[i]) end
    local count = 0
    for index, response in client:map({ { modelId = "any.model", input = {
        converse = { messages = prompt(1).messages } } } },
        { operation = "CountTokens" }) do
      assert.is_true(response.inputTokens > 0)
      count = count + index
    end
    assert.equal(1, count)
  end)

  it("answers a thousand prompts through a service that throttles",
    function()
      for model, n in pairs { ["emulator.throttle-above:400"] = 1000,
          ["emulator.throttle-some:3"] = 300,
          ["emulator.throttle-twice:100"] = 300 } do
        local texts, order, errs = gather(client:map(prompts(n, model),
          { concurrency = 64 }))
        assert.same({}, errs)
        assert.equal(n, #order)
        for i = 1, n do assert.equal("a" .. i, texts[i]) end
      end
    end)

  it("hands refusals out when nothing gets through, and ends", function()
    local sent = 0
    local host = bedrock.host.curl()
    local send = host.send
    function host.send(...)
      sent = sent + 1
      return send(...)
    end
    local _, order, errs = gather(client_on(host):map(
      prompts(200, "emulator.throttle"), { patience = 0.5, concurrency = 8 }))
    assert.equal(200, #order)
    local unsent = 0
    for i = 1, 200 do
      assert.equal("ThrottlingException", errs[i].code)
      assert.is_true(errs[i].retryable)
      if errs[i].attempts == 0 then unsent = unsent + 1 end
    end
    assert.is_true(unsent > 100)
    assert.is_true(sent < 500, sent)
  end)

  it("can be polled, and given up", function()
    local map, results = client:map(prompts(5)), 0
    repeat
      local index = map:poll()
      if index == false then client.host:wait(0.05) end
      if index then results = results + 1 end
    until index == nil
    assert.equal(5, results)
    map = client:map(prompts(5, "emulator.stall-mid-stream:60"))
    assert.is_false((map:poll()))
    map:close()
    assert.is_nil((map:poll()))
  end)

  it("raises for what makes no sense", function()
    for _, case in ipairs { { nil, nil, "expected a list" },
        { {}, { operation = "convers" }, "no operation" },
        { {}, { concurency = 2 }, 'did you mean "concurrency"' },
        { {}, { concurrency = 0 }, "1 or more" },
        { {}, { progress = 1 }, "expected a function" } } do
      local ok, message = pcall(client.map, client, case[1], case[2])
      assert.is_false(ok)
      assert.truthy(message:find(case[3], 1, true), message)
    end
  end)

  for _, host in ipairs(hosts.list) do
    it("works on " .. host.name, function()
      if host.absent then return pending(host.absent) end
      local texts = host.run(function(object)
        return gather(client_on(object):map(prompts(10, "emulator.slow:10"),
          { concurrency = 4 }))
      end)
      for i = 1, 10 do assert.equal("a" .. i, texts[i]) end
    end)
  end
end)
