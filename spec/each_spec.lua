-- bedrock.each: several streams read as one.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local hosts = require "spec.support.hosts"
local talk = require "spec.support.talk"

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"

describe("bedrock.each", function()
  local emulator, client

  local function client_on(host)
    local options = { host = host }
    for name, value in pairs(emulator.options) do options[name] = value end
    return bedrock.new(options)
  end

  setup(function()
    emulator = assert(child.start {})
    client = client_on(bedrock.host.curl())
  end)
  teardown(function() emulator:stop() end)

  local function ask(text, model, on)
    return (on or client):converse_stream { modelId = model or MODEL,
      messages = { talk.user(text) } }
  end

  -- What came: stream -> { events =, ends =, err = }.
  local function gather(each)
    local seen = {}
    while true do
      local stream, event, err = each:next()
      if not stream then return seen end
      local told = seen[stream] or { events = 0, ends = 0 }
      seen[stream] = told
      assert.equal(0, told.ends)
      if event then
        assert.is_nil(err)
        told.events = told.events + 1
      else
        told.ends, told.err = told.ends + 1, err
      end
    end
  end

  it("gives the events of all, and each stream's end once", function()
    local streams = { ask "Say: a b c", ask("x", "emulator.exception-mid"),
      ask("x", "emulator.throttle"), (ask "Say: d") }
    local seen = gather(bedrock.each(streams))
    local alone = 0
    for _ in ask "Say: a b c" do alone = alone + 1 end
    assert.equal(alone, seen[streams[1]].events)
    assert.equal("ModelStreamErrorException", seen[streams[2]].err.code)
    assert.equal("ThrottlingException", seen[streams[3]].err.code)
    assert.equal(0, seen[streams[3]].events)
    assert.is_nil(seen[streams[4]].err)
    for _, told in pairs(seen) do assert.equal(1, told.ends) end
    assert.equal("d", streams[4]:response().output.message.content[1].text)
  end)

  it("serves for, also with calls in the list itself", function()
    local count, ends = 0, 0
    for stream, event, err in bedrock.each { ask "Say: a", ask "Say: b" } do
      assert.is_table(stream)
      assert.is_nil(err)
      if event then count = count + 1 else ends = ends + 1 end
    end
    assert.is_true(count > 8)
    assert.equal(2, ends)
    for _ in bedrock.each {} do error "of nothing comes nothing" end
  end)

  it("gives events as they come, whichever stream they come from", function()
    local slow = ask("Say: a b c", "emulator.slow:200")
    local quick, order = ask "Say: a b c", {}
    for stream, event in bedrock.each { slow, quick } do
      if not event then order[#order + 1] = stream end
    end
    assert.equal(quick, order[1])
    assert.equal(slow, order[2])
  end)

  it("takes turns, so that nobody waits for one that has much", function()
    local many, few = ask("x", "emulator.many-events:3000"), ask "Say: a"
    local before = 0
    for stream, event in bedrock.each { many, few } do
      if stream == few and not event then break end
      if stream == many then before = before + 1 end
    end
    assert.is_true(before < 2900, before)
  end)

  it("looks only at streams that have something", function()
    local steps = 0
    local streams = { (ask "Say: a b c d e f g h i j") }
    for _ = 1, 20 do
      streams[#streams + 1] = ask("x", "emulator.stall-before-headers:60")
    end
    for i = 2, #streams do
      local stream = streams[i]
      local step = stream.step
      rawset(stream, "step", function(self)
        steps = steps + 1
        return step(self)
      end)
    end
    for stream, event in bedrock.each(streams) do
      if stream == streams[1] and not event then break end
    end
    for _, stream in ipairs(streams) do stream:close() end
    -- Once to begin with, and for what happens while they connect.
    assert.is_true(steps < 100, steps)
  end)

  it("waits no longer than it is told", function()
    local each = bedrock.each { ask("x", "emulator.stall-mid-stream:60") }
    local words = 0
    repeat
      local _, event = each:next(0.3)
      if event and event.contentBlockDelta then words = words + 1 end
    until words == 3
    local stream, _, err = each:next(0.05)
    assert.is_nil(stream)
    assert.equal("WaitTimeout", err.code)
    assert.is_false((each:poll()))
    each:close()
    assert.is_nil((each:next()))
  end)

  it("ends a silence by its own limit, not by that of connecting", function()
    local options = { host = client.host, connect_timeout = 3600,
      idle_timeout = 0.2 }
    for name, value in pairs(emulator.options) do
      options[name] = options[name] or value
    end
    local each = bedrock.each {
      (ask("x", "emulator.stall-mid-stream", bedrock.new(options))) }
    local stream, event, err
    repeat stream, event, err = each:next(30) until not event
    assert.is_table(stream)
    assert.equal("IdleTimeout", err.code)
    each:close()
  end)

  it("misses nothing that comes in while another one begins", function()
    local first = ask("x", "emulator.stall-after-headers:0.2")
    local each = bedrock.each { first }
    repeat until first.status or each:next(0.02) -- the head is there
    assert.is_false((each:poll()))
    os.execute "sleep 0.5" -- nobody looks meanwhile
    local second = ask("x", "emulator.stall-before-headers:60")
    local waits, real = {}, client.host.multi
    client.host.multi = setmetatable({ wait = function(_, seconds)
      waits[#waits + 1] = seconds
      return real:wait(seconds)
    end }, { __index = function(_, name)
      return function(_, ...) return real[name](real, ...) end
    end })
    local stream = each:next(40)
    client.host.multi = real
    assert.equal(first, stream)
    assert.same({ 0 }, waits)
    second:close()
    each:close()
  end)

  it("can be polled, and get more streams meanwhile", function()
    local each, ends, more = bedrock.each { ask "Say: a" }, 0, nil
    repeat
      local stream, event = each:poll()
      if stream == false then
        client.host:wait(0.05)
      elseif stream and not event then
        ends = ends + 1
        if not more then
          more = ask "Say: b"
          assert.equal(each, each:add(more))
        end
      end
    until stream == nil
    assert.equal(2, ends)
  end)

  it("tells of a stream that is closed meanwhile", function()
    local stalled = ask("x", "emulator.stall-mid-stream:60")
    local quick, ends = ask "Say: a", {}
    for stream, event, err in bedrock.each { stalled, quick } do
      if not event then
        ends[#ends + 1] = err and err.kind or "fine"
        if stream == quick then stalled:close() end
      end
    end
    assert.same({ "fine", "closed" }, ends)
  end)

  if _VERSION == "Lua 5.4" then
    it("closes the streams when the loop is left, in Lua 5.4", function()
      local streams = { ask "Say: a", ask("x", "emulator.slow") }
      for _, event in bedrock.each(streams) do
        if event then break end
      end
      for _, stream in ipairs(streams) do
        local _, err = stream:next()
        assert.equal("closed", err.kind)
      end
    end)
  end

  it("takes turns of conversations, whose tools run in between", function()
    local function chat()
      return client:conversation { modelId = MODEL, tools = { { name = "clock",
        run = function()
          client.host:sleep(0.05)
          return "noon"
        end } } }
    end
    local one, two = chat(), chat()
    local first, second = one:send "Use the clock", two:send "Use the clock"
    local seen = gather(bedrock.each { first, second })
    for _, turn in ipairs { first, second } do
      assert.is_nil(seen[turn].err)
      assert.equal(2, #turn.responses)
    end
    assert.equal(4, #one.messages)
    talk.consistent(two.messages)
  end)

  it("waits on several hosts at once", function()
    local other = client_on(bedrock.host.curl())
    local a, b = ask "Say: a", ask("Say: b c", "emulator.slow:50", other)
    local seen = gather(bedrock.each { a, b })
    assert.is_nil(seen[a].err or seen[b].err)
  end)

  it("says what is no stream", function()
    for _, list in ipairs { 1, "x", { 1 }, { {} }, ask "Say: a" } do
      local ok, message = pcall(bedrock.each, list)
      assert.is_false(ok)
      assert.truthy(message:find "expected a")
    end
  end)

  for _, host in ipairs(hosts.list) do
    it("works on " .. host.name, function()
      if host.absent then return pending(host.absent) end
      local texts = host.run(function(object)
        local on = client_on(object)
        local streams, list = {}, {}
        for i = 1, 5 do
          streams[i] = ask("Say: a" .. i, "emulator.slow:20", on)
        end
        gather(bedrock.each(streams))
        for i, stream in ipairs(streams) do
          local whole = assert(stream:response())
          list[i] = whole.output.message.content[1].text
        end
        return list
      end)
      assert.same({ "a1", "a2", "a3", "a4", "a5" }, texts)
    end)
  end
end)
