--- Arrows only go down: who may include, require and call what.
--
--     lua tools/layers.lua       says each breach; status 1 if there is any
--
-- C: a layer's system headers are listed here, so that a new one is a choice
-- and not an accident, and so are calls that they offer and that it must not
-- make.  Lua: every module has a rank, and requires downwards.

local breaches = 0

local function breach(file, number, ...)
  breaches = breaches + 1
  print(("%s:%d: "):format(file, number) .. string.format(...))
end

local function set(words)
  local t = {}
  for word in words:gmatch "%S+" do t[word] = true end
  return t
end

local function files(folder, pattern)
  local list = {}
  local pipe = assert(io.popen(("find %s -type f -name '%s' 2>/dev/null")
    :format(folder, pattern) .. " | sort"))
  for name in pipe:lines() do list[#list + 1] = name end
  pipe:close()
  return list
end

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- Blank out what matches, keeping the line count.
local function blank(text, ...)
  for _, pattern in ipairs { ... } do
    text = text:gsub(pattern, function(s) return (s:gsub("[^\n]", " ")) end)
  end
  return text
end

local function each_line(text, visit)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    visit(line, number)
  end
end

-- ---- C ------------------------------------------------------------------

local PLAIN = "float.h limits.h math.h stdarg.h stddef.h stdint.h stdlib.h "
  .. "string.h "

-- Ends the process or the stack frame, writes without a bound: nowhere.
local NOWHERE = "abort exit atexit assert system setjmp longjmp alloca "
  .. "strcpy strcat sprintf vsprintf strtok rand srand setlocale "

-- `own`: headers of this project, by layer or by layer/room; `only`: what
-- one file may include beside that.
local LAYERS = {
  core = {
    system = set(PLAIN .. "libdeflate.h"), openssl = true, own = set "core",
    calls = set(NOWHERE .. "getenv setenv putenv localeconv strerror signal"),
  },
  transport = {
    system = set(PLAIN .. "curl/curl.h errno.h fcntl.h poll.h signal.h "
      .. "stdio.h sys/epoll.h sys/socket.h sys/types.h sys/wait.h time.h "
      .. "unistd.h"),
    own = set "transport core/bytes core/status",
    calls = set(NOWHERE .. "printf puts getenv"),
  },
  binding = {
    system = set(PLAIN .. "lua.h lauxlib.h"),
    own = set "binding core transport",
    only = { ["curl.c"] = set "sys/time.h time.h" }, -- its host's clock
    calls = set(NOWHERE .. "printf puts getenv"),
  },
}

-- Where the header of an #include is: "core/bytes", or nil.
local function room_of(layer, name)
  for _, folder in ipairs { layer, "core", "transport", "binding" } do
    local path = ("src/%s/%s"):format(folder, name)
      :gsub("[^/]+/%.%./", "")
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path:match "^src/(.+)%.h$"
    end
  end
end

local function check_include(file, layer, number, kind, name)
  local rules = LAYERS[layer]
  if kind == "<" then
    local only = rules.only and rules.only[file:match "[^/]+$"]
    local allowed = rules.system[name] or only and only[name]
      or rules.openssl and name:find "^openssl/"
    if not allowed then
      breach(file, number, "%s includes <%s>", layer, name)
    end
    return
  end
  local room = room_of(layer, name)
  if not room then
    breach(file, number, "\"%s\" is no header of this project", name)
  elseif not (rules.own[room:match "^%w+"] or rules.own[room]) then
    breach(file, number, "%s includes %s", layer, room)
  end
end

local function check_c(file)
  local layer = file:match "^src/(%w+)/"
  if not LAYERS[layer] then return breach(file, 1, "no such layer") end
  local text = blank(read(file), "/%*.-%*/")
  each_line(text, function(line, number)
    local kind, name = line:match '^%s*#%s*include%s*([<"])([^>"]+)'
    if kind then check_include(file, layer, number, kind, name) end
  end)
  each_line(blank(text, '"[^"\n]*"'), function(line, number)
    for word in line:gmatch "([%a_][%w_]*)%s*%(" do
      if LAYERS[layer].calls[word] then
        breach(file, number, "calls %s", word)
      end
    end
  end)
end

-- ---- Lua ----------------------------------------------------------------

-- What everything may use: policy without I/O, words for errors, and of the
-- service's folder, calendar arithmetic and AWS's rules of where services are.
local POLICY = set [[
  bedrock.errors bedrock.json bedrock.lazy bedrock.nearest bedrock.object
  bedrock.quota bedrock.retry bedrock.unloadable
  bedrock.task bedrock.service.timestamp bedrock.service.partitions
  bedrock.service.endpoint bedrock.service.regions bedrock.service.hosts
]]
local OBJECTS = set "bedrock.core bedrock.curl"
local RANK = { host = 2, auth = 3, service = 4, answer = 4, top = 5,
  emulator = 6, command = 7 }

local CHOOSES_A_HOST = set "host top command"

local function layer_of(module)
  if OBJECTS[module] then return "object", 0 end
  if POLICY[module] then return "policy", 1 end
  local folder = module:match "^bedrock%.(%w+)%f[%W]"
  local layer = RANK[folder] and folder or "top"
  return layer, RANK[layer]
end

local function check_require(file, number, from, to)
  local layer, rank = layer_of(from)
  local target, below = layer_of(to)
  if layer == "emulator" and target ~= "emulator" then
    breach(file, number, "the emulator shares nothing with what it tests")
  elseif below > rank then
    breach(file, number, "%s (%s) requires %s (%s)", from, layer, to, target)
  elseif target == "host" and not CHOOSES_A_HOST[layer] then
    breach(file, number, "%s requires a host: it gets one", from)
  elseif to == "bedrock.curl" and layer ~= "host" and layer ~= "command" then
    breach(file, number, "only a host requires bedrock.curl")
  end
end

-- Time, randomness, environment and files come from the caller: hosts, the
-- client that hands on what its user did not choose, the one file that reads
-- AWS's, and the programs.
local WORLD = set [[
  io.open io.popen io.lines io.read io.write io.stdout io.stderr io.stdin
  os.getenv os.time os.clock os.execute os.exit os.remove os.rename
  os.tmpname math.random math.randomseed
]]
local function may_touch_the_world(module)
  local layer = layer_of(module)
  return layer == "host" or layer == "emulator" or layer == "command"
    or module == "bedrock.client" or module == "bedrock.auth.files"
end

local function check_world(file, number, module, line)
  if line:find "%f[%w_.:]print%s*[%(\"'%[]" then
    breach(file, number, "prints")
  end
  if may_touch_the_world(module) then return end
  line = line:gsub("%f[%w]or%s+%a+%.%a+%f[^%w_]%s*([^%s(])", "%1") -- a default
  for name in line:gmatch "%f[%w_.](%a+%.%a+)%f[^%w_]" do
    if WORLD[name] then breach(file, number, "reaches for %s", name) end
  end
end

local function check_lua(file)
  local module = file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", "")
    :gsub("/", ".")
  local text = blank(read(file), "%-%-%[(=*)%[.-%]%1%]", "%-%-[^\n]*")
  each_line(text, function(line, number)
    for name in line:gmatch "require%s*%(?%s*[\"'](bedrock[%w_.]*)[\"']" do
      check_require(file, number, module, name)
    end
    check_world(file, number, module, blank(line, '"[^"]*"', "'[^']*'"))
  end)
end

for _, name in ipairs(files("src", "*.[ch]")) do check_c(name) end
for _, name in ipairs(files("lua", "*.lua")) do check_lua(name) end
os.exit(breaches == 0 and 0 or 1)
