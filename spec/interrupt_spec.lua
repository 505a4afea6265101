-- Ctrl-C as a question, for programs at a terminal.
local curl = require "bedrock.curl"
local curl_host = require "bedrock.host.curl"
local shell = require "spec.support.shell"

-- A signal to this process; not by os.execute, during which POSIX has SIGINT
-- ignored.
local function interrupt()
  io.popen("kill -INT $PPID"):close()
end

describe("interrupts", function()
  after_each(function() curl.interrupt "leave" end)

  it("are asked for, and told once", function()
    assert.is_true(curl.interrupt "watch")
    assert.is_false(curl.interrupt "taken")
    interrupt()
    assert.is_true(curl.interrupt "taken")
    assert.is_false(curl.interrupt "taken")
    interrupt()
    interrupt()
    assert.is_true(curl.interrupt "taken")
  end)

  it("are forgotten by a new watch, and left any number of times", function()
    assert.is_true(curl.interrupt "watch")
    interrupt()
    assert.is_true(curl.interrupt "watch")
    assert.is_false(curl.interrupt "taken")
    curl.interrupt "leave"
    curl.interrupt "leave"
    assert.is_true(curl.interrupt "watch")
  end)

  it("cut a wait short", function()
    local host = curl_host.new()
    assert.is_true(curl.interrupt "watch")
    -- Two: a busy machine may not wait yet when the first comes.  A third
    -- that nobody asks for would end us.
    local pipe = io.popen "for i in 1 2; do sleep 0.3; kill -INT $PPID; done"
    local start, taken = host:clock(), false
    for _ = 1, 3 do -- another signal may come first
      host:wait(20)
      taken = curl.interrupt "taken"
      if taken then break end
    end
    assert.is_true(taken)
    assert.is_true(host:clock() - start < 15)
    pipe:close()
  end)

  it("reach Lua when nobody asks for them", function()
    local got = shell.run { shell.lua, "-e", [[
      local curl = require "bedrock.curl"
      curl.interrupt "watch"
      pipe = io.popen("for i in 1 2 3; do sleep 0.2; kill -INT $PPID; done")
      print(pcall(function() while true do os.getenv "A" end end))
      print(curl.interrupt "taken")
    ]] }
    assert.truthy(got.out:find("false\t.*interrupted!\ntrue\n"), got.out)
  end)

  it("are one of three words", function()
    assert.has_error(function() curl.interrupt "stop" end)
  end)
end)
