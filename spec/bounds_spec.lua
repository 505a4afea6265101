-- Whatever the sender does, a stream costs a bounded amount of memory, and a
-- slow reader stops the sender.
local curl = require "bedrock.curl"
local odd = require "spec.support.odd"
local vectors = require "spec.support.vectors"

local MIB = 1024 * 1024

-- Memory of this process in bytes, as the system sees it; nil where it does
-- not say.
local function resident()
  local file = io.open "/proc/self/status"
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  local kib = text:match "VmRSS:%s*(%d+)"
  return kib and tonumber(kib) * 1024
end

describe("memory", function()
  local server, sample

  setup(function()
    local file = vectors.available() and vectors.path "recorded/streams/"
      .. "open-telemetry+opentelemetry-python-contrib/"
      .. "test_converse_stream_with_content.bin"
    sample = file and io.open(file) and file
    server = odd.start { sample or nil }
  end)
  teardown(function() server:stop() end)

  local function grown(work)
    collectgarbage()
    collectgarbage()
    local before = resident()
    local result, err = work()
    local after = resident()
    return before and after - before or 0, result, err
  end

  it("does not grow with the length of a stream", function()
    local one = server:client()
    local function drain(n)
      local events = 0
      for _ in one:converse_stream(odd.ask("flood." .. n)) do
        events = events + 1
        if events % 1000 == 0 then collectgarbage "step" end
      end
      return events
    end
    drain(2000)
    -- the answer itself is kept (text of 1 KiB each): 20 MB and its copies
    local more = grown(function() return drain(20000) end)
    assert.is_true(more < 120 * MIB, more)
  end)

  it("is bounded against an endless header block", function()
    local more, _, err = grown(function()
      return server:client():converse(odd.ask "head")
    end)
    assert.equal("LimitExceeded", err.code)
    assert.equal("protocol", err.kind)
    assert.is_true(more < 8 * MIB, more)
  end)

  it("is bounded against an endless error body", function()
    local more, _, err = grown(function()
      return server:client():converse(odd.ask "errors")
    end)
    assert.equal(500, err.status)
    assert.is_true(#err.message < 2000)
    assert.is_true(more < 8 * MIB, more)
  end)

  it("does not care how small the pieces are", function()
    if not sample then return pending "vectors are absent" end
    local stream = server:client():converse_stream(odd.ask "bytes.1")
    assert.truthy(stream:response())
  end)
end)

describe("a reader that stops", function()
  local server

  setup(function() server = odd.start() end)
  teardown(function() server:stop() end)

  -- Let I/O go on without taking anything, until the server writes no more.
  local function until_stalled(one)
    local last, same = -1, 0
    local deadline = curl.monotonic() + 20
    while same < 5 and curl.monotonic() < deadline do
      for _ = 1, 20 do one.host:wait(0.005) end
      local written = server:state()
      same = written == last and same + 1 or 0
      last = written
    end
    return last
  end

  it("stops the sender, and then gets everything", function()
    local count = 40000 -- of about 1 KiB each
    local one = server:client()
    local stream = one:converse_stream(odd.ask("flood." .. count))
    for _ = 1, 10 do assert.truthy(stream:next()) end
    local stalled = until_stalled(one)
    assert.is_true(stalled > 0)
    -- the kernel's buffers on both sides, ours, and libcurl's
    assert.is_true(stalled < 16 * MIB, stalled)
    local again = until_stalled(one)
    assert.equal(stalled, again)
    local events, next_text = 10, 10
    for event in stream do
      events = events + 1
      local delta = event.contentBlockDelta
      if delta then
        assert.equal(next_text, tonumber(delta.delta.text:match "^%d+"))
        next_text = next_text + 1
      end
    end
    assert.equal(count + 2, events)
  end)

  it("does not stop the others on its host", function()
    local one = server:client()
    local slow = one:converse_stream(odd.ask "flood.20000")
    assert.truthy(slow:next())
    for _ = 1, 20 do
      assert.truthy(one:converse(odd.ask "plain"))
    end
    slow:close()
  end)
end)
