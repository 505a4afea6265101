--- Writes build/amalgamation/bedrock.c and bedrock.h: the whole library in
-- one C file, for programs that compile Lua in.
--
--     lua tools/amalgamate.lua FOLDER
--
-- Headers are put where they are first included.  What a file keeps to itself
-- (`static`, macros, types) gets the file's name as an ending.  The Lua
-- modules go in as bytes; their comments, not.

local folder = assert(arg[1], "a folder")

local function list(command)
  local names = {}
  local pipe = assert(io.popen(command .. " | LC_ALL=C sort"))
  for name in pipe:lines() do names[#names + 1] = name end
  pipe:close()
  return names
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- ---- C: tokens ----------------------------------------------------------

local PATTERNS = {
  { "space", "^%s+" }, { "comment", "^/%*.-%*/" }, { "directive", "^#" },
  { "name", "^[%a_][%w_]*" }, { "number", "^%.?%d[%w_.]*" },
  { "text", '^"' }, { "text", "^'" }, { "access", "^%->" },
  { "other", "^." },
}

-- Where a literal that begins at `at` ends.
local function literal_end(text, at)
  local quote, i = text:sub(at, at), at + 1
  while text:sub(i, i) ~= quote do
    i = i + (text:sub(i, i) == "\\" and 2 or 1)
  end
  return i
end

local function tokens(text)
  local found, at = {}, 1
  while at <= #text do
    for _, pattern in ipairs(PATTERNS) do
      local kind = pattern[1]
      local first, last = text:find(pattern[2], at)
      if first then
        if kind == "text" then last = literal_end(text, at) end
        found[#found + 1] = { kind = kind, text = text:sub(at, last) }
        at = last + 1
        break
      end
    end
  end
  return found
end

-- ---- C: names a file keeps to itself --------------------------------------

local function add_constants(names, body)
  for name in (body:gsub("/%*.-%*/", "") .. ","):gmatch "([%a_][%w_]*)[^,]*,"
  do
    names[name] = true
  end
end

-- What is declared at the outermost level for this file alone.
local function own_names(text)
  local names = {}
  for name in text:gmatch "\n#%s*define%s+([%a_][%w_]*)" do
    if name ~= "X" then names[name] = true end
  end
  local plain = text:gsub("/%*.-%*/", " "):gsub('\\"', ""):gsub('"[^"\n]*"',
    '""')
  plain = plain:gsub("\n#[^\n]*", "\n")
  for body in plain:gmatch "\nenum%s*[%w_]*%s*(%b{})" do
    add_constants(names, body:sub(2, -2))
  end
  for body, name in plain:gmatch "\ntypedef%s+enum%s*[%w_]*%s*(%b{})%s*([%w_]+)"
  do
    add_constants(names, body:sub(2, -2))
    names[name] = true
  end
  for tag in plain:gmatch "\ntypedef%s+struct%s+([%w_]+)" do
    names[tag] = true
  end
  for name in plain:gmatch "\ntypedef%s+struct%s*[%w_]*%s*%b{}%s*([%w_]+)" do
    names[name] = true
  end
  for name in plain:gmatch "\ntypedef%s+[^{}\n]-([%w_]+);" do
    names[name] = true
  end
  for declaration in plain:gmatch "\nstatic%s+([^;{=(%[]+)" do
    local name = declaration:match "([%a_][%w_]*)%s*$"
    if name then names[name] = true end
  end
  -- A table of anonymous structs has its name after the braces.
  for name in plain:gmatch "\nstatic[^;{=(%[]-%b{}%s*([%w_]+)" do
    names[name] = true
  end
  return names
end

-- A name is none of these after a member's dot, or as a directive.
local BEFORE = { ["."] = true, ["->"] = true, ["#"] = true }

-- The file with its own names made different from any other's.
local function rename(text, suffix)
  local own = own_names("\n" .. text)
  own.struct, own.union, own.enum = nil, nil, nil
  local out, previous = {}, ""
  for _, token in ipairs(tokens(text)) do
    local word = token.text
    if token.kind == "name" and own[word] and not BEFORE[previous] then
      word = word .. "__" .. suffix
    end
    out[#out + 1] = word
    if token.kind ~= "space" and token.kind ~= "comment" then
      previous = token.text
    end
  end
  return table.concat(out)
end

-- ---- C: one file of many --------------------------------------------------

local sources = list "find src -name '*.c'"
local headers = {}
for _, name in ipairs(list "find src -name '*.h'") do
  headers[name] = true
end

local included = {}

-- Where the compiler finds it: beside the file, or in a layer's folder.
local function resolve(path, from)
  local folders = { from:match "^(.*)/", "src/core", "src/transport",
    "src/binding" }
  for _, folder_of in ipairs(folders) do
    local name = (folder_of .. "/" .. path):gsub("[^/]+/%.%./", "")
    if headers[name] then return name end
  end
  error(from .. " includes " .. path)
end

-- Our own headers in place of their #include, each once.
local function expand(text, from)
  return (text:gsub('#%s*include%s*"([^"]+)"[^\n]*\n', function(path)
    local name = resolve(path, from)
    if included[name] then return "" end
    included[name] = true
    return expand(read(name), name)
  end))
end

-- Files that are only of use with libcurl: the transport, and the bindings
-- that are named like a room of it.
local function needs_curl(file)
  local room = file:match "([^/]+)%.c$"
  if file:find "^src/transport/" or room == "curl" then return true end
  return headers["src/transport/" .. room .. ".h"] ~= nil
end

local function macros(text)
  local names = {}
  for name in text:gmatch "\n#%s*define%s+([%a_][%w_]*)" do
    if name ~= "X" then names[#names + 1] = name end
  end
  return names
end

local function add_c(out, file)
  local text = rename(read(file), file:match "(%w+/[^/]+)%.c$":gsub("/", "_"))
  out[#out + 1] = ("\n/* ---- %s */\n\n%s"):format(file, expand(text, file))
  for _, name in ipairs(macros("\n" .. text)) do
    out[#out + 1] = "#undef " .. name .. "\n"
  end
end

-- ---- Lua ----------------------------------------------------------------

local function module_of(file)
  return (file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", "")
    :gsub("/", "."))
end

-- Comment lines become empty, so that errors keep their line numbers; the
-- program must be the same without them.
local function without_comments(file)
  local text = read(file)
  local bare = ("\n" .. text):gsub("\n[ \t]*%-%-[^\n]*", "\n"):sub(2)
  local load = loadstring or load -- luacheck: ignore
  assert(string.dump(assert(load(bare, "=")), true)
    == string.dump(assert(load(text, "=")), true), file)
  return bare
end

local function bytes_of(text)
  local out = {}
  for at = 1, #text, 20 do
    local line = {}
    for i = at, math.min(at + 19, #text) do line[#line + 1] = text:byte(i) end
    out[#out + 1] = table.concat(line, ",") .. ",\n"
  end
  return table.concat(out)
end

-- The emulator is a program of its own, in need of lua-http.
local function modules()
  return list "find lua/bedrock -name '*.lua' -not -path '*/emulator/*'"
end

local function add_lua(out)
  local rows = {}
  for i, file in ipairs(modules()) do
    local text = without_comments(file)
    out[#out + 1] = ("static const unsigned char bedrock_lua_%d[] = {\n%s};\n")
      :format(i, bytes_of(text))
    rows[i] = ('  {"%s", (const char *)bedrock_lua_%d, %d},\n')
      :format(module_of(file), i, #text)
  end
  out[#out + 1] = "\nstatic const bedrock_module bedrock_modules[] = {\n"
    .. table.concat(rows) .. "  {NULL, NULL, 0}};\n"
end

-- ---- the two files --------------------------------------------------------

local function version()
  return read "src/core/version.h":match '"(%d[^"]*)"'
end

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

local function fill(name)
  return (read("tools/amalgamation/" .. name):gsub("@VERSION@", version()))
end

local out = { fill "head.c" }
for _, curl in ipairs { false, true } do
  if curl then out[#out + 1] = "\n#ifndef BEDROCK_WITHOUT_CURL\n" end
  for _, file in ipairs(sources) do
    if needs_curl(file) == curl then add_c(out, file) end
  end
  if curl then out[#out + 1] = "\n#endif /* BEDROCK_WITHOUT_CURL */\n" end
end
local code = table.concat(out)
out = { code, "\n/* ---- the Lua modules */\n\n",
  "typedef struct bedrock_module {\n  const char *name, *text;\n"
  .. "  size_t size;\n} bedrock_module;\n\n" }
add_lua(out)
out[#out + 1] = fill "tail.c"
write("bedrock.c", table.concat(out))
write("bedrock.h", fill "bedrock.h")
