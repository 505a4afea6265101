--- The hosts that specs run everything on, and words for specs that start a
-- host's own program.

local hosts = {}

-- Each: name, absent (why it cannot be here), and do(work) -> what
-- work(host) returned, with the work done where that host waits.
local function entry(name, library, run)
  local ok = not library or pcall(require, library)
  return { name = name, absent = not ok and "no " .. library .. " here" or nil,
    run = run }
end

local function pack(...)
  return { n = select("#", ...), ... }
end

local unpack = table.unpack or unpack

local curl = entry("curl", nil, function(work)
  return work(require "bedrock.host.curl".default())
end)

local luv_host

local luv = entry("luv", "luv", function(work)
  luv_host = luv_host or require "bedrock.host.luv".new()
  local results
  luv_host:spawn(function() return work(luv_host) end,
    function(...) results = pack(...) end)
  luv_host.uv.run()
  return unpack(results, 1, results.n)
end)

local cqueues_host

local cqueues = entry("cqueues", "cqueues", function(work)
  cqueues_host = cqueues_host or require "bedrock.host.cqueues".new()
  local results
  local controller = require "cqueues".new()
  controller:wrap(function() results = pack(work(cqueues_host)) end)
  local ok, why = controller:loop()
  if not ok then error(why, 0) end
  return unpack(results, 1, results.n)
end)

--- curl, luv, cqueues.
hosts.list = { curl, luv, cqueues }

-- ---- programs -----------------------------------------------------------

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

hosts.read = read

--- Run a shell command.
-- @return its standard output and error together, and whether it ended well
function hosts.shell(command)
  local output = os.tmpname()
  local status = os.execute(("{ %s\n} >'%s' 2>&1 </dev/null"):format(command,
    output))
  local text = read(output)
  os.remove(output)
  return text, status == true or status == 0
end

--- Is this program in the PATH?
function hosts.has(program)
  local _, ok = hosts.shell("command -v " .. program)
  return ok
end

--- Assignments for a shell: how a program finds this emulator, and nothing
-- of what the machine knows of AWS.
function hosts.environment(emulator)
  local keys = emulator.options.credentials
  return ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME=%s AWS_REGION=us-east-1 "
    .. "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_PROFILE= "
    .. "AWS_BEARER_TOKEN_BEDROCK= AWS_CONFIG_FILE=/dev/null "
    .. "AWS_SHARED_CREDENTIALS_FILE=/dev/null "
    .. "AWS_EC2_METADATA_DISABLED=true "):format(emulator.url,
    keys.access_key_id, keys.secret_access_key)
end

--- Assignments for a shell: LUA_PATH and LUA_CPATH of the checkout for a
-- program that runs LuaJIT.
function hosts.luajit_paths()
  local top = hosts.shell("pwd"):match "[^\n]+"
  return (("LUA_PATH='@/lua/?.lua;@/lua/?/init.lua;;' "
    .. "LUA_CPATH='@/build/5.1/?.so;;' "):gsub("@", top))
end

--- Why a LuaJIT program cannot run here, or nil.
function hosts.absent(...)
  for _, program in ipairs { ... } do
    if not hosts.has(program) then return "no " .. program .. " here" end
  end
  if read "build/5.1/bedrock/curl.so" == "" then
    return "not built for LuaJIT (make LUA=luajit)"
  end
end

return hosts
