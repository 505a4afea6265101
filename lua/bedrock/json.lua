--- Exact JSON: what came in goes out the same.
--
--     JSON                      Lua
--     null                      json.null (== cjson.null, light userdata NULL)
--     true, false               booleans
--     12                        integer where Lua has them (5.3 on) and it fits
--                               64 bits; a float otherwise
--     12.0, 1e3, -0             float (before 5.3 every number is one, and
--                               integers beyond 2^53 are rounded)
--     "..."                     string of bytes; \ud800 alone is three bytes
--                               (WTF-8) and is written as \ud800 again
--     [...]                     table 1..n with the metatable json.array_mt
--     {...}                     table without a metatable; of equal names the
--                               last one counts
--
-- Decoding is strict (RFC 8259): no NaN, hexadecimal, leading zeros, raw
-- control characters, byte order mark, trailing commas or text; UTF-8 must be
-- valid; numbers beyond the largest double are refused.  Nesting may be a
-- thousand deep, both ways.
--
-- Encoding asks a table's mark first: array_mt or object_mt of this module,
-- the `__jsontype` of dkjson, `array_mt` and `empty_array_mt` of OpenResty's
-- lua-cjson.  Without a mark, keys 1..n make an array, and strings only, or
-- nothing at all, an object.  Anything between is an error, as is what JSON
-- cannot hold.  Tables are read raw; no metamethod runs.
local core = require "bedrock.core".json

local json = {
  null = core.null,
  array_mt = core.array_mt,
  object_mt = core.object_mt,
}

--- The value of a JSON text.
-- @param text string
-- @return the value (`json.null` for null), or nil, message, code; the message
-- names the place of the offending byte, counted from 1. Codes: SyntaxError,
-- InvalidUtf8, TooDeep, LimitExceeded.
json.decode = core.decode

--- The JSON text of a value.
-- @param value anything JSON can hold, see above
-- @param options table, may be left out; `sorted = true` writes members in the
-- order of their names
-- @return string, or nil, message, code; the message begins with the path to
-- the culprit (`messages[1].content: ...`). Codes: InvalidArgument,
-- InvalidUtf8, TooDeep, OutOfMemory.
json.encode = core.encode

--- Raw bytes that `encode` writes as a base64 string, without a copy between.
-- @param raw string
-- @return a marker value, only good for encoding
json.base64 = core.base64

--- Would `encode` write this as an array?
-- @param value anything
-- @return boolean
json.is_array = core.is_array

local function mark(t, metatable)
  if t == nil then t = {} end
  if type(t) ~= "table" then
    error("table expected, got " .. type(t), 3)
  end
  return setmetatable(t, metatable)
end

--- Mark a table as an array, so that it is written as one also when empty.
-- @param t table (it becomes marked itself); nil makes a new one
-- @return the table
function json.array(t)
  return mark(t, json.array_mt)
end

--- Mark a table as an object, so that it is one whatever it holds.
-- @param t table (it becomes marked itself); nil makes a new one
-- @return the table
function json.object(t)
  return mark(t, json.object_mt)
end

return json
