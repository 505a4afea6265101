-- close() from anywhere, at any time: at once, for good, any number of times.
local bedrock = require "bedrock"
local fakehost = require "spec.support.fakehost"
local odd = require "spec.support.odd"
local record = require "bedrock.host.record"
local replay = require "bedrock.host.replay"

local function closed(stream)
  stream:close()
  stream:close()
  local event, err = stream:next()
  assert.is_nil(event)
  assert.equal("closed", err.kind)
  assert.equal(err, select(2, stream:poll()))
  assert.equal(err, select(2, stream:response()))
  assert.is_nil(stream())
end

describe("a stream is closed", function()
  local server

  setup(function() server = odd.start() end)
  teardown(function() server:stop() end)

  -- Nothing is left open at the other end but connections that were kept.
  local function all_gone(kept)
    assert.is_true(odd.eventually(function()
      collectgarbage() -- earlier specs' clients keep a connection each
      return select(2, server:state()) <= (kept or 0)
    end))
  end

  it("before anything came", function()
    closed(server:client():converse_stream(odd.ask "mute"))
    all_gone()
  end)

  it("before anything came, and its recording says so", function()
    local file = fakehost.file()
    local inner = require "bedrock.host.curl".new()
    local one = server:client { host = assert(record.new(inner, file)) }
    closed(one:converse_stream(odd.ask "mute"))
    all_gone()
    local again = server:client { host = assert(replay.new(file)) }
    local event, err = again:converse_stream(odd.ask "mute"):next()
    assert.is_nil(event)
    assert.equal("closed", err.kind)
    assert.equal(1, err.attempts)
  end)

  it("while it waits for the body", function()
    local stream = server:client():converse_stream(odd.ask "hold")
    assert.equal("WaitTimeout", select(2, stream:next(0.1)).code)
    assert.equal(200, stream.status)
    closed(stream)
    all_gone()
  end)

  it("inside its loop, and the loop ends", function()
    local stream = server:client():converse_stream(odd.ask "tick.5.50")
    local n = 0
    for _ in stream do
      n = n + 1
      if n == 3 then stream:close() end
    end
    assert.equal(3, n)
    closed(stream)
    all_gone()
  end)

  it("by an error that unwinds the loop", function()
    local stream = server:client():converse_stream(odd.ask "tick.5.500")
    local ok = pcall(function()
      for event in stream do error(event) end
    end)
    assert.is_false(ok)
    closed(stream)
    all_gone()
  end)

  it("by Lua 5.4 itself when the loop is left", function()
    if _VERSION ~= "Lua 5.4" then return pending "only in Lua 5.4" end
    local one = server:client()
    for _ in one:converse_stream(odd.ask "tick.5.500") do -- luacheck: ignore
      break
    end
    all_gone()
    pcall(function()
      for _ in one:converse_stream(odd.ask "tick.5.500") do error "x" end
    end)
    all_gone()
    assert.equal(0, #one.host:sockets())
  end)

  it("by another coroutine", function()
    local stream = server:client():converse_stream(odd.ask "tick.5.500")
    assert.truthy(stream:next())
    coroutine.wrap(function() closed(stream) end)()
    all_gone()
  end)

  it("by the collector, when nobody has it any more", function()
    local one = server:client()
    for _ = 1, 5 do one:converse_stream(odd.ask "hold"):next(0.02) end
    collectgarbage()
    collectgarbage()
    one.host:wait(0)
    all_gone()
  end)

  it("by a finaliser of the user's", function()
    -- LuaJIT 2.1-20230119 may loop for ever in such a collection (not with
    -- its compiler off).
    if jit then return pending "LuaJIT's collector may hang here" end
    local stream = server:client():converse_stream(odd.ask "hold")
    stream:next(0.02)
    do
      local proxy = newproxy and newproxy(true) or setmetatable({}, {
        __gc = function() stream:close() end })
      if newproxy then
        getmetatable(proxy).__gc = function() stream:close() end
      end
      assert.truthy(proxy)
    end
    collectgarbage()
    collectgarbage()
    closed(stream)
    all_gone()
  end)

  it("by the log hook, from inside its own work", function()
    local stream
    local one = server:client { idle_timeout = 0.1, retry_timeouts = true,
      log = function() stream:close() end }
    one.random = function() return 0 end
    stream = one:converse_stream(odd.ask "mute")
    local _, err = stream:next()
    assert.equal("closed", err.kind)
    closed(stream)
    one.host:wait(0)
    all_gone()
  end)

  it("while it connects", function()
    -- 192.0.2.0/24 is nobody's: where it does not fail at once, it hangs.
    local one = server:client { endpoint_url = "http://192.0.2.1:81",
      connect_timeout = 30 }
    local stream = one:converse_stream(odd.ask "plain")
    stream:close()
    local _, err = stream:next()
    assert.truthy(err.kind == "closed" or err.kind == "transport")
    one.host:wait(0)
    assert.equal(0, #one.host:sockets())
  end)

  it("while it waits for the next attempt", function()
    local one = server:client { max_attempts = 5,
      endpoint_url = "http://127.0.0.1:1" }
    one.random = function() return 1 end
    local stream = one:converse_stream(odd.ask "plain")
    local _, err = stream:next(0.02)
    assert.equal("WaitTimeout", err.code)
    closed(stream)
  end)

  it("while its credentials are looked for, and others get theirs", function()
    local host
    local one = server:client { credentials = function()
      host:sleep(0.1)
      return { access_key_id = "a", secret_access_key = "b" }
    end }
    host = one.host
    local first = one:converse_stream(odd.ask "pause.1")
    local second = one:converse_stream(odd.ask "pause.1")
    assert.is_false(first:poll())
    closed(first)
    assert.truthy(second:response())
    all_gone(1)
  end)

  it("while others on the same host go on", function()
    local one = server:client()
    local left = one:converse_stream(odd.ask "tick.5.100")
    local kept = one:converse_stream(odd.ask "tick.5.20")
    assert.truthy(left:next())
    assert.truthy(kept:next())
    left:close()
    assert.truthy(kept:response())
    all_gone(1)
  end)

  it("after its end, which stays a clean one", function()
    local stream = server:client():converse_stream(odd.ask "pause.1")
    assert.truthy(stream:response())
    stream:close()
    local event, err = stream:next()
    assert.is_nil(event)
    assert.is_nil(err)
  end)

  it("after its failure, which stays what it was", function()
    local stream = server:client { idle_timeout = 0.05 }:converse_stream(
      odd.ask "mute")
    local _, err = stream:next()
    stream:close()
    assert.equal(err, select(2, stream:next()))
  end)

  it("with its client gone", function()
    local stream = server:client():converse_stream(odd.ask "tick.5.10")
    collectgarbage()
    assert.truthy(stream:next())
    collectgarbage()
    assert.truthy(stream:response())
    assert.is_table(bedrock)
  end)
end)

describe("two hundred streams that are left", function()
  it("leave no descriptor and no memory behind", function()
    local server = odd.start()
    local one = server:client()
    assert.truthy(one:converse(odd.ask "plain"))
    local function descriptors()
      local pipe = io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l"
      local n = tonumber(pipe:read "*a")
      pipe:close()
      return n
    end
    collectgarbage()
    collectgarbage()
    local before, memory = descriptors(), collectgarbage "count"
    for i = 1, 200 do
      local stream = one:converse_stream(odd.ask(
        ({ "mute", "hold", "tick.1.5", "flood.2000" })[i % 4 + 1]))
      if i % 3 == 0 then stream:next(0.01) end
      if i % 2 == 0 then stream:close() end
    end
    collectgarbage()
    collectgarbage()
    one.host:wait(0)
    assert.is_true(descriptors() <= before + 2)
    assert.is_true(collectgarbage "count" - memory < 200)
    server:stop()
  end)
end)
