-- A shared object that does not load says what to do.
local hosts = require "spec.support.hosts"

if _VERSION ~= "Lua 5.4" then return end

describe("a shared object", function()
  local function try(lua, cpath)
    return (hosts.shell(("LUA_PATH='lua/?.lua;lua/?/init.lua' LUA_CPATH='%s' "
      .. "%s -e 'print(pcall(require, \"bedrock\"))'"):format(cpath, lua)))
  end

  it("built for another Lua names the make that it takes", function()
    if hosts.read "build/5.1/bedrock/core.so" == "" then
      return pending "not built for Lua 5.1"
    end
    local said = try("lua5.4", "build/5.1/?.so")
    assert.truthy(said:find("`make LUA=5.4`", 1, true), said)
    if not hosts.has "luajit" then return end
    said = try("luajit", "build/5.4/?.so")
    assert.truthy(said:find("`make LUA=luajit`", 1, true), said)
  end)

  it("says so again when it is asked for again", function()
    for _, version in ipairs { "5.1", "luajit", "5.4" } do
      local lua = hosts.shell("tools/lua " .. version):match "^/%S+"
      local said = lua and hosts.shell(("LUA_PATH='lua/?.lua;lua/?/init.lua' "
        .. "LUA_CPATH=/nonexistent %s -e 'for _ = 1, 2 do "
        .. "print(pcall(require, \"bedrock\")) end'"):format(lua))
      assert.equal(lua and 2 or 0, select(2, (said or ""):gsub("`make LUA=",
        "")), said)
    end
  end)

  it("that is not there names how it is made", function()
    local said = try("lua5.4", "/nonexistent/?.so")
    assert.truthy(said:find("`make LUA=5.4`", 1, true), said)
    assert.truthy(said:find "module 'bedrock.core' not found", said)
  end)
end)
