--- Values as text in a URI, a query or a header (restJson1).

local core = require "bedrock.core"
local lazy = require "bedrock.lazy"
local walk = require "bedrock.service.walk"
local wire = require "bedrock.service.wire"

local explain = lazy "bedrock.service.explain"
local timestamp = lazy "bedrock.service.timestamp"

local texts = {}

local bytes = core.bytes

-- How a timestamp is written where its shape does not say.
local TIME_FORMAT = {
  uri = "iso8601", query = "iso8601", header = "rfc822",
}

-- The fewest digits that read back as the same number.
local function number_text(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 63 then
    local plain = tostring(value) -- 3.0 of Lua 5.3 on, 1e+15 before
    return plain:find("^-?%d+$") and plain or ("%.0f"):format(value)
  end
  for digits = 15, 16 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then return text end
  end
  return ("%.17g"):format(value)
end

-- JSON in a header: other characters than ASCII as escapes, since what sits
-- between may take header bytes for Latin-1.
local function ascii(text)
  return (text:gsub("[\194-\244][\128-\191]+", function(c)
    local code = c:byte() % 2 ^ (7 - #c)
    for i = 2, #c do code = code * 64 + c:byte(i) % 64 end
    if code < 0x10000 then return ("\\u%04x"):format(code) end
    code = code - 0x10000
    return ("\\u%04x\\u%04x"):format(0xD800 + math.floor(code / 1024),
      0xDC00 + code % 1024)
  end))
end

-- The text of a converted value.  What the walk left as it was although it is
-- of the wrong type (it complained, or was told not to) has none, or its own.
local function text_of(kind, value)
  if kind == "blob" then return value and bytes.base64_encode(value) end
  local is = type(value)
  if is == "string" then return value end
  if is == "boolean" then return tostring(value) end
  if is ~= "number" then return nil end
  if kind == "timestamp" and math.abs(value) < 1e12 then
    return timestamp.unixTimestamp(value)
  end
  return number_text(value)
end

local PLACE = { uri = "a path", query = "a query", header = "a header" }

-- A value without a text is told even where complaints are kept back: it
-- would be missing from the request.
local function lost(state, place)
  if not state.validate then
    walk.refuse(state, "has no text that " .. PLACE[place] .. " could hold")
  end
end

-- Bodies are checked when they are encoded; this is what is in none.
local function check_utf8(value, state)
  local problem = value:find("[\128-\255]") and explain.text(value)
  if problem then walk.complain(state, problem) end
end

-- JSON in a header; a string is taken for JSON text.
local function jsonvalue(value, state)
  local text, message = value, nil
  if type(value) ~= "string" then text, message = wire.json(value) end
  if not text then return walk.complain(state, message) end
  return bytes.base64_encode(text)
end

--- A function that gives a scalar as text, or nil after a complaint.
-- @param place  "uri", "query" or "header"
function texts.scalar(schema, type_text, place)
  local kind, detail = schema:type(type_text)
  if kind == "jsonvalue" then return jsonvalue end
  if kind == "timestamp" and detail == "" then
    type_text = "timestamp/" .. TIME_FORMAT[place]
  end
  local convert = kind ~= "blob" and walk.converter(schema, type_text)
  local json_in_header = type_text == "string/json" and place == "header"
  return function(value, state)
    local new
    if kind == "blob" then
      value = walk.bytes(value, state, detail)
    elseif convert then
      new = convert(value, state)
    end
    if new ~= nil then value = new end
    if type(value) == "string" and kind ~= "blob" then
      check_utf8(value, state)
      if json_in_header then value = ascii(value) end
    end
    local text = text_of(kind, value)
    if not text then lost(state, place) end
    return text
  end
end

-- Quoted when a comma or quote inside would end it (RFC 9110, 5.6).
local function quoted(text)
  if not text:find('[",]') then return text end
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local function each_text(list, scalar, state)
  local found = {}
  local depth = state.depth + 1
  state.depth = depth
  for index, item in ipairs(list) do
    state[depth] = index
    local text = scalar(item, state)
    if text then found[#found + 1] = text end
  end
  state.depth = depth - 1
  return found
end

--- A function that gives a value as texts: a list has one for each element,
-- a scalar one alone; nil after a complaint.
function texts.of(schema, type_text, place)
  local kind, element = schema:type(type_text)
  local scalar = texts.scalar(schema, kind == "list" and element or type_text,
    place)
  if kind ~= "list" then
    return function(value, state)
      local text = scalar(value, state)
      return text and { text }
    end
  end
  return function(value, state)
    if type(value) ~= "table" then
      walk.mismatch(state, walk.name(schema, type_text), value)
      return lost(state, place)
    end
    return each_text(value, scalar, state)
  end
end

--- May the text be a header's?  A line break in it would begin a header of
-- the caller's choice.
-- @return true; false after the refusal
function texts.is_header(text, state)
  if not text:find("[%z\1-\8\10-\31\127]") then return true end
  walk.refuse(state, "a header holds no control characters")
  return false
end

--- A function that gives a value as one header's text.
function texts.header(schema, type_text)
  local kind, element = schema:type(type_text)
  local each = texts.of(schema, type_text, "header")
  -- Dates have a comma that needs no quotes.
  local join = kind == "list" and schema:type(element) ~= "timestamp"
  return function(value, state)
    local list = each(value, state)
    if not list then return nil end
    if join then
      for i = 1, #list do list[i] = quoted(list[i]) end
    end
    local text = table.concat(list, ", ")
    return texts.is_header(text, state) and text or nil
  end
end

return texts
