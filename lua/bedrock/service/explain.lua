--- Why a value cannot be JSON: every reason, each with its path.
--
-- The encoder stops at the first thing it cannot write, and reading every
-- string byte by byte in Lua would cost more than all the rest of a request.
-- So this slow walk is taken only when something is known to be wrong.

local json = require "bedrock.json"
local problems = require "bedrock.service.problems"

local explain = {}

local rawlen = rawget(_G, "rawlen") or function(value) return #value end
local null = json.null
local base64_mt = getmetatable(json.base64 "")

-- The encoder's own limit (core/json.h).
local MAX_DEPTH = 1000

-- Bytes that may follow each lead byte, as lowest and highest of the second
-- (RFC 3629; ED A0..BF are the lone surrogates that the encoder lets pass).
local function second_byte(lead)
  if lead == 0xE0 then return 0xA0, 0xBF end
  if lead == 0xF0 then return 0x90, 0xBF end
  if lead == 0xF4 then return 0x80, 0x8F end
  return 0x80, 0xBF
end

local function sequence_length(lead)
  if lead >= 0xC2 and lead <= 0xDF then return 2 end
  if lead >= 0xE0 and lead <= 0xEF then return 3 end
  if lead >= 0xF0 and lead <= 0xF4 then return 4 end
end

-- The offset of the first byte that is not UTF-8, or nil.
local function bad_utf8(text)
  local at = text:find("[\128-\255]")
  while at do
    local lead, second = text:byte(at, at + 1)
    local length = sequence_length(lead)
    if not length then return at end
    local low, high = second_byte(lead)
    if not second or second < low or second > high then return at end
    for i = at + 2, at + length - 1 do
      local byte = text:byte(i)
      if not byte or byte < 0x80 or byte > 0xBF then return at end
    end
    at = text:find("[\128-\255]", at + length)
  end
end

--- Why a string cannot be JSON, or nil.
function explain.text(text)
  local at = bad_utf8(text)
  return at and ("not UTF-8 at byte %d; raw bytes go into blobs"):format(at)
end

local explain_value

-- Arrays have the keys 1..n, objects names; anything between is neither.
local function check_keys(found, value, path)
  local names, indices = 0, 0
  for key in next, value do
    if type(key) == "number" then
      indices = indices + 1
    elseif type(key) == "string" and not bad_utf8(key) then
      names = names + 1
    else
      found(path, ("a name that is %s"):format(
        type(key) == "string" and "not UTF-8" or "a " .. type(key)))
    end
  end
  if names > 0 and indices > 0 then
    found(path, "a table with both names and indices")
  elseif indices ~= rawlen(value) then
    found(path, "a list must have the indices 1, 2, 3 ... and no other")
  end
end

local function explain_table(found, value, path, above)
  if above[value] then return found(path, "a table inside itself") end
  if #path >= MAX_DEPTH then return found(path, "nested too deeply") end
  above[value] = true
  check_keys(found, value, path)
  for key, item in next, value do
    path[#path + 1] = key
    explain_value(found, item, path, above)
    path[#path] = nil
  end
  above[value] = nil
end

function explain_value(found, value, path, above)
  local kind = type(value)
  if kind == "table" then
    if getmetatable(value) ~= base64_mt then
      explain_table(found, value, path, above)
    end
  elseif kind == "string" then
    local problem = explain.text(value)
    if problem then found(path, problem) end
  elseif kind == "number" then
    if value - value ~= 0 then found(path, "must be a finite number") end
  elseif kind ~= "boolean" and value ~= null then
    found(path, ("a %s cannot be JSON"):format(kind))
  end
end

--- Note why a value cannot be JSON.
-- @param state  of the walk that made it
-- @param value  what was to be encoded
-- @param above  the keys on the way to it; used up
-- @return was anything found?
function explain.add(state, value, above)
  local list = state.problems or problems.new()
  local any = false
  local function found(keys, message)
    local at = problems.path(keys)
    any = true
    -- What the walk complained about is told better there.
    if not list:at(at) then list:add(at, message) end
  end
  explain_value(found, value, above, {})
  state.problems = any and list or state.problems
  return any
end

return explain
