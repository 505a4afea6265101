--- Headers of an answer as values (restJson1).

local base64_decode = require "bedrock.core".bytes.base64_decode
local readers = require "bedrock.service.readers"
local timestamp = require "bedrock.lazy" "bedrock.service.timestamp"

local header = {}

local READERS = {
  boolean = function(text)
    if text == "true" then return true end
    if text == "false" then return false end
    return text
  end,
  integer = tonumber, long = tonumber,
  float = function(text)
    return readers.float(text) or tonumber(text)
  end,
  timestamp = function(text) return timestamp.parse(text) end,
  blob = base64_decode,
  jsonvalue = base64_decode,
}
READERS.double = READERS.float

-- Where the quoted text that begins at `at` ends: its closing quote, or the
-- end of the text.
local function closing_quote(text, at)
  repeat
    at = text:find('["\\]', at + 1)
    if not at or text:sub(at, at) == '"' then return at or #text + 1 end
    at = at + 1 -- a backslash, and what it stands before
  until false
end

-- The elements of a header list: split at commas, quotes taken off.  A date
-- holds a comma after its weekday.
local function split(text, kind)
  local list = {}
  if kind == "timestamp" and text:find("^%a") then
    for date in text:gmatch("(%a+, [^,]+)") do list[#list + 1] = date end
    return list
  end
  local at = 1
  while at <= #text do
    at = text:find("[^ \t]", at) or #text + 1
    if text:sub(at, at) == '"' then
      local stop = closing_quote(text, at)
      list[#list + 1] = text:sub(at + 1, stop - 1):gsub("\\(.)", "%1")
      at = (text:find(",", stop, true) or #text) + 1
    else
      local stop = text:find(",", at, true) or #text + 1
      list[#list + 1] = text:sub(at, stop - 1):gsub("[ \t]+$", "")
      at = stop + 1
    end
  end
  return list
end

--- A header's text as a value of a type; a text that does not fit the type
-- is given as it is.
function header.read(schema, type_text, text)
  local kind, element = schema:type(type_text)
  if kind ~= "list" then
    local read = READERS[kind]
    local value = read and read(text)
    if value == nil then return text end
    return value
  end
  local list = split(text, (schema:type(element)))
  for i = 1, #list do list[i] = header.read(schema, element, list[i]) end
  return list
end

return header
