-- examples/nvim in a headless Neovim, against the emulator.
local hosts = require "spec.support.hosts"

-- Neovim runs LuaJIT whatever runs this spec: once is enough.
if _VERSION ~= "Lua 5.4" then return end

local why = hosts.absent "nvim"
if why then
  describe("Neovim", function() pending(why, function() end) end)
  return
end

describe("Neovim", function()
  local said, emulator

  setup(function()
    emulator = require "bedrock.emulator.child".start { delay = 15 }
    said = hosts.shell("XDG_STATE_HOME=/tmp "
      .. hosts.environment(emulator) .. hosts.luajit_paths()
      .. "timeout 40 nvim --headless -u NONE -i NONE -n "
      .. "-c 'source examples/nvim/plugin/bedrock.lua' "
      .. "-c 'luafile spec/support/nvim_session.lua'")
  end)
  teardown(function() emulator:stop() end)

  local function value(name)
    assert.is_nil(said:match "failed: .*", said)
    return said:match(name .. ": ([^\r\n]*)") or error(said)
  end

  it("streams an answer into a buffer", function()
    assert.truthy(value "answer":find "^Lua is a small, fast language")
  end)

  it("cancels it at <Esc>", function()
    assert.truthy(value "cancelled":find "closed")
    assert.equal("true", value "cut")
  end)

  it("tells an error in the buffer", function()
    assert.truthy(value "refused":find "Too many requests")
  end)

  it("runs twenty at once; the editor's timer goes on", function()
    assert.equal("20", value "complete")
    assert.truthy(tonumber(value "ticks":match "[%d.]+") > 0)
  end)

  it("waits at the top level, and says why not in a fast event", function()
    assert.equal("end_turn", value "top level")
    assert.truthy(value "fast event":find "host:spawn")
  end)
end)
