-- The hosts of event loops: waits leave the coroutine, nobody is forgotten,
-- and what cannot wait is told so.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local hosts = require "spec.support.hosts"
local shell = require "spec.support.shell"

local has_luv, uv = pcall(require, "luv")
local has_cqueues, cqueues = pcall(require, "cqueues")
local ONLY_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local REQUEST = { modelId = "amazon.nova-lite-v1:0", messages = {
  { role = "user", content = { { text = "What is Lua?" } } } } }

local emulator

local function client_on(host)
  local options = { host = host }
  for name, value in pairs(emulator.options) do options[name] = value end
  return bedrock.new(options)
end

-- Read to the end with `next`: its text, and the error.
local function drain(stream)
  local pieces = {}
  while true do
    local event, err = stream:next()
    if not event then return table.concat(pieces), err end
    local delta = event.contentBlockDelta
    pieces[#pieces + 1] = delta and delta.delta.text
  end
end

setup(function() emulator = child.start { delay = 5 } end)
teardown(function() emulator:stop() end)

describe("a loop of one's own", function()
  -- The smallest loop: wait where the descriptor says, then act.
  local function run(host)
    while host:awaited() do
      local due = host:due()
      require "bedrock.host.curl".default():sleep(math.min(due or 0.002,
        0.002))
      host:act()
    end
  end

  local host
  before_each(function() host = require "bedrock.host.loop".new() end)

  it("runs many coroutines on fd, due and act", function()
    local client, texts = client_on(host), {}
    for i = 1, 10 do
      host:spawn(function() return drain((client:converse_stream(REQUEST))) end,
        function(text, err) texts[i] = err or text end)
    end
    run(host)
    for i = 1, 10 do assert.truthy(texts[i]:find "^Lua is", texts[i]) end
    assert.is_nil(host:due())
  end)

  it("waits by itself outside of coroutines", function()
    local response = assert(client_on(host):converse(REQUEST))
    assert.equal("end_turn", response.stopReason)
  end)

  it("hands what is raised to `done`, or raises it", function()
    local seen
    host:spawn(function() error { "mine" } end,
      function(_, err) seen = err end)
    assert.equal("mine", seen[1])
    assert.has_error(function()
      host:spawn(function() error("mine", 0) end)
    end, "mine")
    -- Later, from `act`; the others go on.
    host:spawn(function()
      host:sleep(0.001)
      error("late", 0)
    end)
    local woken
    host:spawn(function()
      host:sleep(0.001)
      woken = true
    end)
    local raised
    while host:awaited() do
      local ok, why = pcall(host.act, host)
      raised = raised or not ok and why
    end
    assert.equal("late", raised)
    assert.is_true(woken)
  end)

  it("keeps the timeout of `next`", function()
    local client, err = client_on(host), nil
    host:spawn(function()
      local stream = client:converse_stream {
        modelId = "emulator.stall-before-headers", messages = REQUEST.messages }
      local _
      _, err = stream:next(0.05)
      stream:close()
    end)
    run(host)
    assert.equal("WaitTimeout", err.code)
  end)

  it("wakes who waits for a stream that another closes", function()
    local client, err = client_on(host), nil
    local stream = client:converse_stream {
      modelId = "emulator.stall-before-headers", messages = REQUEST.messages }
    host:spawn(function()
      local _
      _, err = stream:next()
    end)
    host:spawn(function()
      host:sleep(0.02)
      stream:close()
    end)
    run(host)
    assert.equal("closed", err.kind)
  end)

  it("goes on when somebody else resumes its coroutine", function()
    local client, text = client_on(host), nil
    local running = host:spawn(function()
      text = drain((client:converse_stream(REQUEST)))
    end)
    for _ = 1, 3 do coroutine.resume(running) end
    run(host)
    assert.truthy(text:find "^Lua is")
  end)

  it("tells what Lua 5.1 cannot do", function()
    local client, seen, text = client_on(host), nil, ""
    host:spawn(function()
      for piece in client:converse_stream(REQUEST):text() do
        text = text .. piece
      end
    end, function(_, err) seen = err end)
    run(host)
    if ONLY_51 then
      assert.truthy(seen:find "Lua 5.1 cannot wait in the iterator")
    else
      assert.truthy(text:find "^Lua is")
    end
  end)
end)

describe("the host of luv", function()
  if not has_luv then return pending "no luv here" end
  local host
  before_each(function() host = require "bedrock.host.luv".new(uv) end)

  it("runs many at once while timers tick", function()
    local client, texts, ticks = client_on(host), 0, 0
    local timer = uv.new_timer()
    timer:start(1, 1, function() ticks = ticks + 1 end)
    for _ = 1, 100 do
      host:spawn(function() return drain((client:converse_stream(REQUEST))) end,
        function(text, err)
          assert(text:find "^Lua is", err)
          texts = texts + 1
          if texts == 100 then timer:close() end
        end)
    end
    uv.run()
    assert.equal(100, texts)
    assert.is_true(ticks > 0)
  end)

  it("runs the loop where code waits outside of a coroutine", function()
    local timer, ticks = uv.new_timer(), 0
    timer:start(1, 1, function() ticks = ticks + 1 end)
    local text = drain((client_on(host):converse_stream(REQUEST)))
    timer:close()
    assert.truthy(text:find "^Lua is")
    assert.is_true(ticks > 0)
  end)

  it("says that a callback cannot wait", function()
    local timer, why = uv.new_timer(), nil
    timer:start(0, 0, function()
      local _
      _, why = pcall(host.sleep, host, 0.01)
      timer:close()
    end)
    uv.run()
    assert.truthy(why:find("host:spawn", 1, true))
  end)

  it("watches each socket where there is no descriptor for all", function()
    host.fd = function() return nil end
    local client, texts = client_on(host), {}
    for i = 1, 10 do
      host:spawn(function() return drain((client:converse_stream(REQUEST))) end,
        function(text, err) texts[i] = err or text end)
    end
    uv.run()
    for i = 1, 10 do assert.truthy(texts[i]:find "^Lua is", texts[i]) end
  end)

  it("keeps nothing in the loop when nobody waits", function()
    local client = client_on(host)
    host:spawn(function() client:converse(REQUEST) end)
    uv.run()
    assert.is_false(uv.loop_alive())
  end)
end)

describe("the host of cqueues", function()
  if not has_cqueues then return pending "no cqueues here" end
  local host
  before_each(function() host = require "bedrock.host.cqueues".new() end)

  local function run_many(n)
    local client, texts, ticks = client_on(host), {}, 0
    local controller = cqueues.new()
    for i = 1, n do
      controller:wrap(function()
        texts[i] = drain((client:converse_stream(REQUEST)))
      end)
    end
    controller:wrap(function()
      repeat
        cqueues.sleep(0.002)
        ticks = ticks + 1
      until #texts == n
    end)
    assert(controller:loop())
    for i = 1, n do assert.truthy(texts[i]:find "^Lua is", texts[i]) end
    assert.is_true(ticks > 1)
  end

  it("runs many at once while others go on", function() run_many(100) end)

  it("watches each socket where there is no descriptor for all", function()
    host.fd = function() return nil end
    run_many(10)
  end)

  it("keeps the timeout of `next`, and wakes who waits for a closed stream",
    function()
      local client, late, closed = client_on(host), nil, nil
      local stream = client:converse_stream {
        modelId = "emulator.stall-before-headers", messages = REQUEST.messages }
      local controller = cqueues.new()
      controller:wrap(function()
        local _
        _, late = stream:next(0.02)
        stream:close()
      end)
      controller:wrap(function()
        local _
        _, closed = stream:next()
      end)
      assert(controller:loop())
      assert.equal("WaitTimeout", late.code)
      assert.equal("closed", closed.kind)
    end)

  it("waits by itself outside of a controller", function()
    assert.truthy(client_on(host):converse(REQUEST))
  end)
end)

describe("the example", function()
  local function environment()
    local path, cpath = package.path, package.cpath
    return ("%s LUA_PATH='%s' LUA_CPATH='%s' "):format(
      hosts.environment(emulator), path, cpath)
  end

  it("luv asks twenty at once", function()
    if not has_luv then return pending "no luv here" end
    local said, ok = hosts.shell(environment() .. "timeout 20 " .. shell.lua
      .. " examples/luv/twenty.lua")
    assert.is_true(ok, said)
    assert.truthy(said:find "20 prompts, %d+ bytes, 0 failed", said)
    assert.equal(20, select(2, said:gsub(" done ", "")))
  end)

  it("select serves two peers on plain select", function()
    local has_socket, socket = pcall(require, "socket")
    if not has_socket then return pending "no luasocket here" end
    local process = require "bedrock.emulator.process"
    local server = process.start("sh -c '" .. (environment() .. "timeout 20 "
      .. shell.lua .. " examples/select/server.lua"):gsub("'", "'\\''")
      .. " & pid=$!; cat >/dev/null; kill $pid'")
    local port = tonumber((server.line or ""):match ":(%d+)")
    local peers = {}
    for i = 1, 2 do
      peers[i] = assert(socket.connect("127.0.0.1", port))
      peers[i]:settimeout(10)
      peers[i]:send "What is Lua?\n"
    end
    for i = 1, 2 do
      assert.truthy(assert(peers[i]:receive "*l"):find "^Lua is a small")
      peers[i]:close()
    end
    server:stop()
  end)
end)
