--- The C program that runs scripts in threads and forks (spec/native).

local native = {}

local function output_of(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function succeeded(result)
  return result == true or result == 0
end

--- Build it for Lua 5.4; its path, or nil where there is no compiler or no
-- library to link with.
function native.build()
  local include = output_of "tools/lua 5.4 include"
  local libraries = output_of "pkg-config --libs lua5.4"
  if include == "" or libraries == "" then return nil end
  local path = os.tmpname()
  local command = ("cc -std=c99 -D_POSIX_C_SOURCE=200809L -I'%s' -o '%s' "
    .. "spec/native/states.c %s -lpthread -lm -ldl >/dev/null 2>&1"):format(
    include, path, libraries)
  if succeeded(os.execute(command)) then return path end
  os.remove(path)
end

--- Run a script of spec/native in `threads` states (0: in one, no thread).
-- @return true; or false and what it said
function native.run(program, threads, script, argument)
  local log = os.tmpname()
  local ok = succeeded(os.execute(("timeout 60 '%s' %d spec/native/%s.lua "
    .. "'%s' >'%s' 2>&1"):format(program, threads, script, argument, log)))
  local file = io.open(log)
  local text = file:read "*a"
  file:close()
  os.remove(log)
  return ok, text
end

return native
