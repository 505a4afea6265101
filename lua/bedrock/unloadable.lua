--- Why a shared object could not be loaded, and what to do: the usual reason
-- is an object built for another Lua.

-- LÖVE looks for modules by itself, and keeps to itself why one failed.
local function hidden_reason(name)
  local files = rawget(_G, "love") and love.filesystem -- luacheck: ignore
  local source = files and files.getSource()
  if not source then return nil end
  local path = name:gsub("%.", "/") .. ".so"
  if files.isFused() or source:find "%.love$" then
    return "a .love file cannot hold shared objects: put bedrock/*.so into "
      .. "the save folder, or beside the program (examples/love/README.md)"
  end
  local _, why = package.loadlib(source .. "/" .. path, "*")
  return why and not why:find "cannot open shared object" and why
end

local function explain(name, why)
  local room = name:match "[^.]+$"
  why = hidden_reason(name) or why
  local lua = rawget(_G, "jit") and "luajit" or _VERSION:match "[%d.]+$"
  if why:find "undefined symbol: lua" then
    return ("%s was built for another Lua than this one: `make LUA=%s` "
      .. "builds build/%s/bedrock/%s.so (%s)"):format(name, lua,
      lua == "luajit" and "5.1" or lua, room, why)
  elseif why:find "not found" then
    return why .. ("\n\t(%s is made by `make LUA=%s` and looked for in "
      .. "package.cpath)"):format(name, lua)
  end
  return why
end

-- Lua 5.1 and LuaJIT mark what is being loaded, and leave the mark on what
-- failed: a second try would say "loop or previous error" and no reason.
-- (The mark is light userdata, which LuaJIT shows as a number.)
local function forget_marks()
  for name, value in pairs(package.loaded) do
    local ours = type(name) == "string" and name:find "^bedrock"
    if ours and type(value) ~= "table" and type(value) ~= "function" then
      package.loaded[name] = nil
    end
  end
end

--- The explanation; `require` may be tried again afterwards.
-- @param name "bedrock.core" or "bedrock.curl"
-- @param why what `require` said
return function(name, why)
  forget_marks()
  return explain(name, why)
end
