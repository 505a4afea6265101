-- JSON of the emulator's replies.
--
-- lua-cjson reads the requests; it cannot write replies, because Debian's
-- 2.1.0 knows no empty array and writes integers above 2^53 as floats.  This
-- writer keeps arrays arrays and integers integers, and sorts members as
-- Bedrock does.  It is nobody's library: the client has its own codec, which
-- must not be checked against itself.
local cjson = require "cjson.safe"

local json = { null = cjson.null }

local list_mt = { __name = "emulator.list" }
local raw_mt = { __name = "emulator.raw" }

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f",
  ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(c)
  return ESCAPES[c] or ("\\u%04x"):format(c:byte())
end

--- Text as a JSON string, quotes included; bytes above 127 go out as they are.
function json.quote(text)
  return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

--- Marks a table as an array, so that an empty one is written as [].
function json.list(items)
  return setmetatable(items or {}, list_mt)
end

--- JSON text that is written as it stands.
function json.raw(text)
  return setmetatable({ text = text }, raw_mt)
end

local write -- for mutual recursion

local function write_list(items, out)
  out[#out + 1] = "["
  for i = 1, #items do
    if i > 1 then out[#out + 1] = "," end
    write(items[i], out)
  end
  out[#out + 1] = "]"
end

local function write_object(members, out)
  local names = {}
  for name in pairs(members) do names[#names + 1] = name end
  table.sort(names)
  out[#out + 1] = "{"
  for i, name in ipairs(names) do
    if i > 1 then out[#out + 1] = "," end
    out[#out + 1] = json.quote(name) .. ":"
    write(members[name], out)
  end
  out[#out + 1] = "}"
end

local function write_number(value)
  if value % 1 == 0 and value > -1e15 and value < 1e15 then
    return ("%d"):format(value)
  end
  return ("%.17g"):format(value)
end

write = function(value, out)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = json.quote(value)
  elseif kind == "number" then
    out[#out + 1] = write_number(value)
  elseif kind ~= "table" then -- boolean or null
    out[#out + 1] = value == json.null and "null" or tostring(value)
  elseif getmetatable(value) == raw_mt then
    out[#out + 1] = value.text
  elseif getmetatable(value) == list_mt or value[1] ~= nil then
    write_list(value, out)
  else
    write_object(value, out)
  end
end

--- Value as JSON text: objects sorted by member, arrays where marked or where
-- the table has a first element.
function json.encode(value)
  local out = {}
  write(value, out)
  return table.concat(out)
end

--- JSON text -> value | nil, message.  Numbers are floats, null is json.null,
-- and {} and [] are the same: lua-cjson's limits.
function json.decode(text)
  return cjson.decode(text)
end

--- `value[name]` if that is a table, text, ...: of the wanted Lua type only.
-- Requests are foreign; their members may be anything.
function json.get(value, name, wanted)
  local member = type(value) == "table" and value[name]
  if type(member) == wanted then return member end
  return nil
end

return json
