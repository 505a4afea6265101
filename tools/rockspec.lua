--- Writes the rockspecs from the tree: the C sources of each shared object
-- and the Lua modules are what is there.
--
--     lua tools/rockspec.lua           writes rockspec/*.rockspec
--     lua tools/rockspec.lua --check   says which one is not what it would be

local function lines_of(command)
  local list = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function list_files(folder, pattern)
  return lines_of(("find %s -type f -name '%s' 2>/dev/null"):format(folder,
    pattern) .. " | LC_ALL=C sort")
end

local function quoted(list, indent)
  local parts = {}
  for i, name in ipairs(list) do parts[i] = indent .. ('"%s",'):format(name) end
  return table.concat(parts, "\n")
end

-- As in the Makefile: bedrock.curl is the transport, the bindings that are
-- named like a room of it, and the three files that both objects share.
local function sources()
  local core = list_files("src/core", "*.c")
  local curl = list_files("src/transport", "*.c")
  local of_curl = { ["curl.c"] = true }
  for _, name in ipairs(curl) do of_curl[name:match "[^/]+$"] = true end
  for _, name in ipairs(list_files("src/binding", "*.c")) do
    local list = of_curl[name:match "[^/]+$"] and curl or core
    list[#list + 1] = name
  end
  for _, name in ipairs { "binding/binding", "core/bytes", "core/status" } do
    curl[#curl + 1] = "src/" .. name .. ".c"
  end
  return core, curl
end

local C_MODULE = [[
    ["%s"] = {
      sources = {
%s
      },
      incdirs = { "src/core", "src/transport", "src/binding", %s },
      libdirs = { %s },
      libraries = { %s },
      defines = { "_POSIX_C_SOURCE=200809L" },
    },
]]

local function c_module(name, files, external, libraries)
  return C_MODULE:format(name, quoted(files, "        "),
    ('"$(%s_INCDIR)"'):format(external), ('"$(%s_LIBDIR)"'):format(external),
    libraries)
end

local function lua_modules()
  local parts = {}
  for _, file in ipairs(list_files("lua", "*.lua")) do
    local module = file:gsub("^lua/", ""):gsub("%.lua$", "")
      :gsub("/init$", ""):gsub("/", ".")
    parts[#parts + 1] = ('    ["%s"] = "%s",\n'):format(module, file)
  end
  return table.concat(parts)
end

local TEMPLATE = [[
-- Written by tools/rockspec.lua; `make check` compares it with the tree.
rockspec_format = "3.0"
package = "lua-bedrock"
version = "@VERSION@"
source = {
  url = "git+https://github.com/lua-bedrock/lua-bedrock.git",
  @SOURCE@,
}
description = {
  summary = "Amazon Bedrock Runtime client: streams, SigV4, a C core",
  detailed = [=[
    invoke and converse_stream as iterators of decoded event tables, and
    every other operation of Amazon Bedrock Runtime beside them.  A C core
    signs (SigV4), moves bytes (libcurl) and decodes the event stream.
  ]=],
  license = "MIT",
  labels = { "aws", "bedrock", "llm", "http", "streaming" },
}
dependencies = {
  "lua >= 5.1, < 5.5", "lua-cjson >= 2.1.0", "argparse >= 0.7.0",
}
-- Libraries only: Debian keeps curl/curl.h where LuaRocks does not look,
-- and the compiler does.
external_dependencies = {
  CRYPTO = { library = "crypto" },
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
@MODULES@  },
  install = {
    bin = { @PROGRAMS@ },
  },
}
]]

local function programs()
  local parts = {}
  for _, file in ipairs(list_files("lua/bin", "*")) do
    parts[#parts + 1] = ('["%s"] = "%s"'):format(file:match "[^/]+$", file)
  end
  return table.concat(parts, ", ")
end

local function rockspec(version, source)
  local core, curl = sources()
  local modules = c_module("bedrock.core", core, "CRYPTO", '"crypto"')
    .. c_module("bedrock.curl", curl, "CURL", '"curl", "m"')
    .. lua_modules()
  local values = { VERSION = version, SOURCE = source, MODULES = modules,
    PROGRAMS = programs() }
  return (TEMPLATE:gsub("@(%u+)@", values))
end

local function write_or_compare(name, text, compare)
  local file = io.open(name, "rb")
  local there = file and file:read "*a"
  if file then file:close() end
  if there == text then return true end
  if compare then
    print(name .. ": not what the tree says; run make rockspec")
    return false
  end
  file = assert(io.open(name, "wb"))
  assert(file:write(text))
  assert(file:close())
  return true
end

local version = lines_of "tools/version"[1]
local check = arg[1] == "--check"
local release = write_or_compare(
  ("rockspec/lua-bedrock-%s-1.rockspec"):format(version),
  rockspec(version .. "-1", ('tag = "v%s"'):format(version)), check)
local scm = write_or_compare("rockspec/lua-bedrock-scm-1.rockspec",
  rockspec("scm-1", 'branch = "main"'), check)
os.exit(release and scm and 0 or 1)
