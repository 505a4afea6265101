-- Reads JSON and remembers the order of members, which the service model
-- uses to say what comes first; a generated file must not depend on a hash.

local json = {}

local order = setmetatable({}, { __mode = "k" })
local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local literals = { ["true"] = true, ["false"] = false }

--- Stands for null, so that `{"a":null}` keeps its member.
json.null = setmetatable({}, { __tostring = function() return "null" end })

local value

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function fail(text, at, what)
  local _, line = text:sub(1, at):gsub("\n", "")
  error(("line %d: expected %s"):format(line + 1, what), 0)
end

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  local bytes = {}
  local limit = 0x40
  while code >= limit do -- the rest does not fit beside the lead byte's mark
    table.insert(bytes, 1, string.char(0x80 + code % 64))
    code = math.floor(code / 64)
    limit = limit / 2
  end
  return string.char(256 - 2 * limit + code) .. table.concat(bytes)
end

-- Surrogate pairs (test data has them) first, then every other escape.
local function unescape(text)
  text = text:gsub("\\u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)",
    function(high, low)
      return utf8_of((tonumber(high, 16) - 0xD800) * 0x400
        + tonumber(low, 16) - 0xDC00 + 0x10000)
    end)
  return (text:gsub("\\(.)(%x?%x?%x?%x?)", function(kind, hex)
    if kind == "u" then return utf8_of(tonumber(hex, 16)) end
    return (escapes[kind] or kind) .. hex
  end))
end

local function string_at(text, at)
  local from = at + 1
  local stop = from
  while true do
    stop = text:find('[\\"]', stop) or fail(text, at, "the string's end")
    if text:sub(stop, stop) == '"' then break end
    stop = stop + 2
  end
  return unescape(text:sub(from, stop - 1)), stop + 1
end

local function array_at(text, at)
  local list = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return list, at + 1 end
  while true do
    list[#list + 1], at = value(text, at)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "]" then return list, at + 1 end
    if c ~= "," then fail(text, at, ", or ]") end
    at = skip(text, at + 1)
  end
end

local function object_at(text, at)
  local object, names = {}, {}
  order[object] = names
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    local name
    if text:sub(at, at) ~= '"' then fail(text, at, "a name") end
    name, at = string_at(text, at)
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then fail(text, at, ":") end
    names[#names + 1] = name
    object[name], at = value(text, skip(text, at + 1))
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == "}" then return object, at + 1 end
    if c ~= "," then fail(text, at, ", or }") end
    at = skip(text, at + 1)
  end
end

function value(text, at)
  local c = text:sub(at, at)
  if c == "{" then return object_at(text, at) end
  if c == "[" then return array_at(text, at) end
  if c == '"' then return string_at(text, at) end
  local word = text:match("^%a+", at)
  if word == "null" then return json.null, at + 4 end
  if literals[word] ~= nil then return literals[word], at + #word end
  local number = text:match("^[-+.%deE]+", at)
  if not tonumber(number) then fail(text, at, "a value") end
  return tonumber(number), at + #number
end

--- The value of a JSON text.
-- Raises on malformed text: this serves a build tool, not users.
function json.decode(text)
  return (value(text, skip(text, 1)))
end

--- The names of an object's members, in the order of the text.
function json.names(object)
  return order[object] or {}
end

return json
