-- examples/love in LÖVE under Xvfb, against the emulator: from the checkout,
-- and as a project folder of its own with the shared objects beside it.
local hosts = require "spec.support.hosts"

-- LÖVE runs LuaJIT whatever runs this spec: once is enough.
if _VERSION ~= "Lua 5.4" then return end

local why = hosts.absent("love", "xvfb-run", "xauth")
if why then
  describe("LÖVE", function() pending(why, function() end) end)
  return
end

describe("LÖVE", function()
  local dir, emulator

  setup(function()
    dir = hosts.shell "mktemp -d":match "[^\n]+"
    emulator = require "bedrock.emulator.child".start { delay = 30 }
    assert.truthy(select(2, hosts.shell(("mkdir %s/home && cp -R "
      .. "examples/love %s/game && cp -R lua/bedrock %s/game/bedrock && "
      .. "rm -r %s/game/bedrock/emulator && "
      .. "cp build/5.1/bedrock/*.so %s/game/bedrock/"):gsub("%%s", dir))))
  end)
  teardown(function()
    emulator:stop()
    hosts.shell("rm -rf " .. dir)
  end)

  local function play(game, more)
    return hosts.shell(("%sHOME=%s/home XDG_RUNTIME_DIR=%s/home "
      .. "SDL_AUDIODRIVER=dummy BEDROCK_LOVE_TOUR=%s %s timeout 40 "
      .. "xvfb-run -a -s '-screen 0 800x600x24' love %s"):format(
      hosts.environment(emulator), dir, dir, dir, more or "", game))
  end

  it("answers in a project folder, with the objects beside it", function()
    local said = play(dir .. "/game", "LUA_PATH=';;' LUA_CPATH=';;'")
    local report = hosts.read(dir .. "/report.txt")
    assert.truthy(report:find "idle", said)
    assert.truthy(tonumber(report:match "calls (%d+)") > 5, report)
    local picture = hosts.read(dir .. "/screenshot.png")
    assert.equal("\137PNG", picture:sub(1, 4))
    assert.truthy(#picture > 5000)
  end)

  it("names the fix when an object is for another Lua", function()
    hosts.shell(("cp build/5.4/bedrock/core.so %s/game/bedrock/"):format(dir))
    hosts.shell(("printf 'print(pcall(require, \"bedrock\"))\n"
      .. "love.event.quit()\n' > %s/game/main.lua"):format(dir))
    local said = play(dir .. "/game", "LUA_PATH=';;' LUA_CPATH=';;'")
    assert.truthy(said:find("make LUA=luajit", 1, true), said)
    assert.truthy(said:find("another Lua", 1, true), said)
  end)
end)
