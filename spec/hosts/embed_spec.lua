-- examples/embed: the amalgamation compiled into a program with a static
-- Lua, run against the emulator.
local hosts = require "spec.support.hosts"

-- The program brings its own Lua: once is enough.
if _VERSION ~= "Lua 5.4" then return end

local function absent()
  for _, program in ipairs { "make", "cc", "pkg-config" } do
    if not hosts.has(program) then return "no " .. program .. " here" end
  end
  local _, ok = hosts.shell [[test -f \
    "$(pkg-config --variable=libdir lua5.4)/liblua5.4.a"]]
  if not ok then return "no static liblua5.4 here" end
end

local why = absent()
if why then
  describe("embedding", function() pending(why, function() end) end)
  return
end

describe("embedding", function()
  local dir, emulator

  setup(function()
    dir = hosts.shell "mktemp -d":match "[^\n]+"
    emulator = require "bedrock.emulator.child".start { delay = 5 }
    local said, ok = hosts.shell(("lua=$(tools/lua 5.4) && "
      .. "$lua tools/amalgamate.lua DIR && make -s -C examples/embed "
      .. "BEDROCK=DIR OUT=DIR CFLAGS=-O0"):gsub("DIR", dir))
    assert.is_true(ok, said)
  end)
  teardown(function()
    emulator:stop()
    hosts.shell("rm -rf " .. dir)
  end)

  local function embed(more)
    return hosts.shell(("cd / && %s LUA_PATH= LUA_CPATH= timeout 30 "
      .. "%s/embed %s %s"):format(hosts.environment(emulator), dir,
      emulator.url, more or ""))
  end

  it("streams inside the program's own frames", function()
    local said, ok = embed()
    assert.is_true(ok, said)
    assert.truthy(said:find "^Lua is a small, fast language")
    assert.truthy(tonumber(said:match "(%d+) frames") > 1)
  end)

  it("runs twenty states in four threads", function()
    local said, ok = embed "many"
    assert.is_true(ok, said)
    assert.equal(20, select(2, said:gsub("answer of 285 bytes", "")))
  end)

  it("compiles without the transport, and for Lua 5.1", function()
    local said, ok = hosts.shell(("cd DIR && cc -std=c99 -c -O0 "
      .. "-DBEDROCK_WITHOUT_CURL $(pkg-config --cflags lua5.4) "
      .. "-o bare.o bedrock.c && ! nm -u bare.o | grep curl"):gsub("DIR", dir))
    assert.is_true(ok, said)
    assert.equal("", said)
    if not hosts.shell "tools/lua 5.1 include":find "^/" then return end
    said, ok = hosts.shell(("cc -std=c99 -c -O0 -I$(tools/lua 5.1 include) "
      .. "-o DIR/old.o DIR/bedrock.c"):gsub("DIR", dir))
    assert.is_true(ok, said)
  end)
end)
