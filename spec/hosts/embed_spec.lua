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

  it("needs no libcurl without the transport", function()
    local said, ok = hosts.shell(("cd DIR && cc -std=c99 -c -O0 "
      .. "-DBEDROCK_WITHOUT_CURL $(pkg-config --cflags lua5.4) "
      .. "-o bare.o bedrock.c && ! nm -u bare.o | grep curl"):gsub("DIR", dir))
    assert.is_true(ok, said)
    assert.equal("", said)
  end)

  -- Folders of lua.h; LuaJIT's own where it is.
  local function headers()
    local list = {}
    for _, version in ipairs { "5.1", "5.2", "5.3", "5.4" } do
      list[#list + 1] = hosts.shell("tools/lua " .. version .. " include")
        :match "^/%S+"
    end
    list[#list + 1] = hosts.shell "pkg-config --cflags luajit"
      :match "%-I(/%S+)"
    return list
  end

  local function check(compiler, folder, flag)
    local said, ok = hosts.shell(("%s -std=c99 -fsyntax-only -Wall -Wextra "
      .. "-pedantic -Werror -I%s %s %s/bedrock.c"):format(compiler, folder,
      flag or "", dir))
    assert.is_true(ok, said)
  end

  it("compiles without a warning, for every Lua", function()
    local folders = headers()
    for _, folder in ipairs(folders) do check("cc", folder) end
    check("cc", folders[#folders], "-DBEDROCK_WITHOUT_CURL")
    if hosts.has "clang" then check("clang", folders[1]) end
  end)

  it("says why it cannot send without the transport, each time", function()
    local said, ok = hosts.shell(([[
      cd DIR && cc -std=c99 -O0 -DBEDROCK_WITHOUT_CURL -o without \
        $(pkg-config --cflags lua5.4) -I. TOP/spec/support/without_curl.c \
        bedrock.c "$(pkg-config --variable=libdir lua5.4)/liblua5.4.a" \
        -lcrypto -lm -ldl && LUA_PATH= LUA_CPATH= ./without
    ]]):gsub("DIR", dir):gsub("TOP", (hosts.shell("pwd"):gsub("\n", ""))))
    assert.is_true(ok, said)
    assert.equal(2, select(2, said:gsub("BEDROCK_WITHOUT_CURL", "")), said)
    assert.truthy(said:find "its own host: pong", said)
  end)
end)
