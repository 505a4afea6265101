-- Each limit fires by itself, never early, and says which it was.  How late
-- they are is measured: bench/limits.lua.
local core = require "bedrock.core"
local curl = require "bedrock.curl"
local odd = require "spec.support.odd"

local function timed(work)
  local began = curl.monotonic()
  local result, err = work()
  return curl.monotonic() - began, result, err
end

local function fired(seconds, code, stage, spent, err)
  assert.equal("timeout", err.kind)
  assert.equal(code, err.code)
  assert.equal(stage, err.stage)
  assert.equal(seconds, err.seconds)
  assert.truthy(err.message:find(("of %g s passed"):format(seconds), 1, true))
  assert.is_true(spent >= seconds - 0.002,
    ("%s after %.3f s of %g"):format(code, spent, seconds))
end

-- A port that takes no more connections: its queue is full.
local FULL = [[
local uv = require "luv"
local listener = uv.new_tcp()
listener:bind("127.0.0.1", 0)
listener:listen(0, function() end) -- never called: the loop does not run
local port = listener:getsockname().port
local kept = {}
for i = 1, 4 do
  kept[i] = uv.new_tcp()
  kept[i]:connect("127.0.0.1", port, function() end)
end
print(port) io.stdout:flush()
io.read "a"]]

describe("a limit", function()
  local server

  setup(function() server = odd.start() end)
  teardown(function() server:stop() end)

  it("on connecting names itself", function()
    local process = require "bedrock.emulator.process"
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(FULL)
    file:close()
    local full = process.start("env -u LUA_PATH -u LUA_CPATH lua5.4 " .. name)
    if not tonumber(full.line) then
      full:stop()
      os.remove(name)
      return pending "luv is absent"
    end
    local one = server:client { connect_timeout = 0.3,
      endpoint_url = "http://127.0.0.1:" .. full.line }
    local spent, _, err = timed(function()
      return one:converse(odd.ask "plain")
    end)
    full:stop()
    os.remove(name)
    fired(0.3, "ConnectTimeout", "request", spent, err)
    assert.is_true(err.retryable)
  end)

  it("on the TLS handshake is the same", function()
    local one = server:client { connect_timeout = 0.25,
      endpoint_url = server.url:gsub("http", "https") }
    local spent, _, err = timed(function()
      return one:converse(odd.ask "plain")
    end)
    fired(0.25, "ConnectTimeout", "request", spent, err)
  end)

  it("on silence before the head", function()
    local one = server:client { idle_timeout = 0.3 }
    local spent, _, err = timed(function()
      return one:converse_stream(odd.ask "mute"):next()
    end)
    fired(0.3, "IdleTimeout", "request", spent, err)
  end)

  it("on silence after the head", function()
    local one = server:client { idle_timeout = 0.2 }
    local stream = one:converse_stream(odd.ask "hold")
    local spent, _, err = timed(function() return stream:next() end)
    fired(0.2, "IdleTimeout", "stream", spent, err)
    assert.equal(err, select(2, stream:next()))
  end)

  it("on silence lets a steady stream be as long as it is", function()
    local one = server:client { idle_timeout = 2 }
    local spent, answer = timed(function()
      return one:converse_stream(odd.ask "tick.120.20"):response()
    end)
    assert.truthy(answer)
    assert.is_true(spent > 2)
  end)

  it("on everything", function()
    local one = server:client { total_timeout = 0.3 }
    for _, what in ipairs { "mute", "hold", "tick.20.100" } do
      local stream
      local spent, _, err = timed(function()
        stream = one:converse_stream(odd.ask(what))
        return stream:response()
      end)
      fired(0.3, "TotalTimeout", stream.status and "stream" or "request",
        spent, err)
      assert.is_false(err.retryable)
    end
  end)

  it("is no stall while a large body goes out slowly", function()
    local one = server:client { idle_timeout = 0.9 }
    local spent, answer, err = timed(function()
      return one:converse_stream(odd.ask("sip.2000000",
        ("x"):rep(48e6))):response()
    end)
    assert.is_nil(err)
    assert.truthy(answer)
    assert.is_true(spent > 0.9)
  end)

  it("fires when nobody takes the body", function()
    local one = server:client { idle_timeout = 0.3 }
    local stream = one:converse_stream(odd.ask("deaf", ("x"):rep(24e6)))
    local _, err = stream:next()
    assert.equal("IdleTimeout", err.code)
    assert.equal("request", err.stage)
  end)

  it("does not count the time that the caller was away", function()
    local one = server:client { idle_timeout = 0.2 }
    local stream = one:converse_stream(odd.ask "tick.20.5")
    os.execute "sleep 0.5" -- all has come meanwhile, and waits
    local event, err = stream:next()
    assert.is_nil(err)
    assert.truthy(event)
    os.execute "sleep 0.4"
    assert.truthy(stream:response())
  end)

  it("of one wait leaves the stream as it was", function()
    local one = server:client()
    local stream = one:converse_stream(odd.ask "tick.40.3")
    local events, waits = 0, 0
    while true do
      local event, err = stream:next(0.015)
      if event then
        events = events + 1
      elseif err then
        assert.equal("WaitTimeout", err.code)
        assert.is_true(err.retryable)
        waits = waits + 1
      else
        break
      end
    end
    assert.equal(5, events)
    assert.is_true(waits > 0)
  end)

  it("of no time at all still lets the bytes in", function()
    local stream = server:client():converse_stream(odd.ask "pause.30")
    local deadline, events = curl.monotonic() + 10, 0
    while curl.monotonic() < deadline do
      local event, err = stream:next(0)
      if event then events = events + 1 end
      if not event and not err then break end
    end
    assert.equal(2, events)
  end)
end)

describe("clocks", function()
  it("are monotonic where time is measured", function()
    local last = curl.monotonic()
    for _ = 1, 1000 do
      local now = curl.monotonic()
      assert.is_true(now >= last)
      last = now
    end
    assert.is_table(core)
  end)
end)
