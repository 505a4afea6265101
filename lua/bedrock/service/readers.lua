--- Decoded JSON -> what users get, in place: blobs become raw bytes, times
-- seconds since the epoch, the three strings for numbers that JSON lacks
-- numbers; members that are null go.
--
-- Each type of the model becomes a function, made when it is first met:
--
--     read(value) -> nil (good as it is) | what to put in its place
--
-- What the model does not know, or what does not fit its type, stays as it
-- came, and so do documents.

local core = require "bedrock.core"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"

local timestamp = lazy "bedrock.service.timestamp"

local readers = {}

local type, next = type, next
local null = json.null
local base64_decode = core.bytes.base64_decode

local NOT_FINITE = {
  NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge,
}

local function float(value)
  return NOT_FINITE[value]
end

local function blob(value)
  return type(value) == "string" and base64_decode(value) or nil
end

local function time(value)
  return type(value) == "string" and timestamp.parse(value) or nil
end

local function list_of(schema, element)
  local read = readers.of(schema, element)
  if not read then return false end
  return function(value)
    if type(value) ~= "table" then return nil end
    for i = 1, #value do
      local new = read(value[i])
      if new ~= nil then value[i] = new end
    end
  end
end

local function map_of(schema, element)
  local read = readers.of(schema, element)
  return function(value)
    if type(value) ~= "table" then return nil end
    for key, item in next, value do
      if item == null then
        value[key] = nil
      elseif read then
        local new = read(item)
        if new ~= nil then value[key] = new end
      end
    end
  end
end

-- Readers of members by their name in JSON, each made when first needed.
local function members_of(schema, shape)
  local by_wire = {}
  for _, member in pairs(shape.members) do by_wire[member.wire] = member end
  return setmetatable({}, { __index = function(known, wire)
    local member = by_wire[wire]
    local read = member and readers.of(schema, member.type) or false
    known[wire] = read
    return read
  end })
end

local function renames_of(shape)
  local names
  for name, member in pairs(shape.members) do
    if member.where == "body" and member.wire ~= name then
      names = names or {}
      names[member.wire] = name
    end
  end
  return names
end

local function rename(names, value)
  for wire, name in pairs(names) do
    if value[wire] ~= nil then value[name], value[wire] = value[wire], nil end
  end
end

local function structure(schema, shape)
  local members, names = members_of(schema, shape), renames_of(shape)
  local is_union = shape.kind == "union"
  return function(value)
    if type(value) ~= "table" then return nil end
    -- Some serializers of the service name a union's type inside it.
    if is_union and value.__type ~= nil and not shape.members.__type then
      value.__type = nil
    end
    for key, item in next, value do
      if item == null then
        value[key] = nil
      else
        local read = members[key]
        if read then
          local new = read(item)
          if new ~= nil then value[key] = new end
        end
      end
    end
    if names then rename(names, value) end
  end
end

local NOTHING = function() return false end

local MAKERS = {
  list = list_of, map = map_of,
  structure = structure, union = structure, exception = structure,
  blob = function() return blob end,
  timestamp = function() return time end,
  float = function() return float end,
  double = function() return float end,
}

--- The function that reads values of a type; false when there is nothing to
-- do for any of them.
-- @param text  a type as in the model's rows
function readers.of(schema, text)
  local known = schema.readers
  if not known then
    known = {}
    schema.readers = known
  end
  local read = known[text]
  if read == nil then
    -- Recursive shapes meet themselves while they are made.
    known[text] = function(value) return known[text](value) end
    local kind, detail = schema:type(text)
    read = (MAKERS[kind] or NOTHING)(schema, detail)
    known[text] = read
  end
  return read
end

-- Quick readers.  Hundreds of events a second have nothing to convert: a text
-- delta is a text and an index.  These look only where a blob, a time or a
-- number may be, and so leave members that are null and a union's `__type`.

local quick

local function quick_members(list)
  local count = #list
  local names, reads = {}, {}
  for i = 1, count do names[i], reads[i] = list[i].name, list[i].read end
  return function(value)
    if type(value) ~= "table" then return nil end
    for i = 1, count do
      local item = value[names[i]]
      if item ~= nil then
        local new = reads[i](item)
        if new ~= nil then value[names[i]] = new end
      end
    end
  end
end

-- The same for one member, which is how most events are.
local function quick_member(name, read)
  return function(value)
    if type(value) ~= "table" then return nil end
    local item = value[name]
    if item ~= nil then
      local new = read(item)
      if new ~= nil then value[name] = new end
    end
  end
end

-- A union holds one member: when it is the usual one, which needs nothing,
-- the others need no look.
local function quick_union(usual, read)
  return function(value)
    if type(value) == "table" and value[usual] == nil then
      return read(value)
    end
  end
end

local function quick_shape(schema, shape, within)
  if within[shape] then return readers.of(schema, shape.name) end
  within[shape] = true
  local list, usual = {}, nil
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    if member.wire ~= name then return readers.of(schema, shape.name) end
    local read = quick(schema, member.type, within)
    if read then
      list[#list + 1] = { name = name, read = read }
    else
      usual = usual or name
    end
  end
  within[shape] = nil
  if #list == 0 then return false end
  local read = #list == 1 and quick_member(list[1].name, list[1].read)
    or quick_members(list)
  return shape.kind == "union" and usual and quick_union(usual, read) or read
end

function quick(schema, text, within)
  local kind, detail = schema:type(text)
  if type(detail) == "table" and kind ~= "enum" then
    return quick_shape(schema, detail, within)
  elseif kind == "list" or kind == "map" then
    return quick(schema, detail, within) and readers.of(schema, text)
  end
  return MAKERS[kind] and readers.of(schema, text) or false
end

--- As `of`, but a function that takes no member out, and is
-- false for every type in which there can be nothing to convert.
function readers.quick(schema, text)
  return quick(schema, text, {})
end

return readers
