-- Threads and forks, by a C program that embeds Lua 5.4.
local native = require "spec.support.native"
local odd = require "spec.support.odd"

describe("one process", function()
  if _VERSION ~= "Lua 5.4" then
    pending "only with Lua 5.4"
    return
  end
  local program = native.build()
  if not program then
    pending "no compiler, or no liblua to link with"
    return
  end

  local server
  setup(function() server = odd.start() end)
  teardown(function()
    server:stop()
    os.remove(program)
  end)

  it("runs states in several threads", function()
    local ok, said = native.run(program, 8, "threads", server.url)
    assert.is_true(ok, said)
  end)

  it("forks while a stream is open", function()
    local ok, said = native.run(program, 0, "fork", server.url)
    assert.is_true(ok, said)
  end)
end)
