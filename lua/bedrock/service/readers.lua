--- Decoded JSON -> what users get, in place: blobs become raw bytes, times
-- seconds since the epoch, the three strings for numbers that JSON lacks
-- numbers.
--
-- Each type of the model becomes a function, made when it is first met:
--
--     read(value) -> nil (good as it is) | what to put in its place
--
-- What the model does not know, or what does not fit its type, stays as it
-- came, and so do documents.  Hundreds of events a second have nothing to
-- convert: a text delta is a text and an index.  So these look only where a
-- blob, a time or a number may be.  What the service should not have sent
-- (cleaners.lua) is out already.

local core = require "bedrock.core"
local lazy = require "bedrock.lazy"
local shapes = require "bedrock.service.shapes"

local cleaners = lazy "bedrock.service.cleaners"
local timestamp = lazy "bedrock.service.timestamp"

local readers = {}

local type, next = type, next
local base64_decode = core.bytes.base64_decode

local NOT_FINITE = {
  NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge,
}

--- The number that one of restJson1's three strings stands for, or nil.
function readers.float(value)
  return NOT_FINITE[value]
end

local function blob(value)
  return type(value) == "string" and base64_decode(value) or nil
end

local function time(value)
  return type(value) == "string" and timestamp.parse(value) or nil
end

local SCALARS = { blob = blob, timestamp = time, float = readers.float,
  double = readers.float }

local function list_of(schema, element)
  local read = readers.of(schema, element)
  return read and function(value)
    if type(value) ~= "table" then return nil end
    for i = 1, #value do
      local new = read(value[i])
      if new ~= nil then value[i] = new end
    end
  end
end

local function map_of(schema, element)
  local read = readers.of(schema, element)
  return read and function(value)
    if type(value) ~= "table" then return nil end
    for key, item in next, value do
      local new = read(item)
      if new ~= nil then value[key] = new end
    end
  end
end

local function rename(names, value)
  for name, wire in pairs(names) do
    if value[wire] ~= nil then value[name], value[wire] = value[wire], nil end
  end
end

-- Is a type, by its text alone, a scalar that is never converted?
local function is_plain(schema, text)
  return text:find "^%l" and not SCALARS[schema:type(text)]
    and not schema:shape(text)
end

-- Names in JSON and types of the members that may need something, and the
-- first that never does.
local function members_of(schema, shape)
  local wires, types, plain = {}, {}, nil
  for i = 1, #shape.order do
    local member = shape.members[shape.order[i]]
    if is_plain(schema, member.type) then
      plain = plain or member.wire
    elseif member.wire then
      wires[#wires + 1], types[#types + 1] = member.wire, member.type
    end
  end
  return wires, types, plain
end

local function structure(schema, shape)
  local wires, types, plain = members_of(schema, shape)
  local names, count = shapes.renamed(shape), #wires
  if count == 0 and not names then return false end
  -- A union holds one member: when it is the usual one, which needs nothing,
  -- the others need no look.
  local usual = shape.kind == "union" and not names and plain or nil
  local reads = setmetatable({}, { __index = function(known, i)
    known[i] = readers.of(schema, types[i])
    return known[i]
  end })
  return function(value)
    if type(value) ~= "table" then return nil end
    if usual and value[usual] ~= nil then return nil end
    for i = 1, count do
      local item = value[wires[i]]
      local read = item ~= nil and reads[i]
      if read then
        local new = read(item)
        if new ~= nil then value[wires[i]] = new end
      end
    end
    if names then rename(names, value) end
  end
end

local MAKERS = {
  list = list_of, map = map_of,
  structure = structure, union = structure, exception = structure,
}

--- The function that reads values of a type; false when there is nothing to
-- do for any of them.
-- @param schema  @param text  a type as in the model's rows
readers.of = shapes.per_type(function(schema, kind, detail)
  local make = MAKERS[kind]
  return make and make(schema, detail) or SCALARS[kind] or false
end)

--- A decoded value of a type, changed in place; or what replaces it.
-- @param is_odd  there may be members that are null, or a union's `__type`,
--   to be taken out
function readers.read(schema, text, value, is_odd)
  if is_odd then cleaners.clean(schema, text, value) end
  local read = readers.of(schema, text)
  local new
  if read then new = read(value) end
  if new == nil then return value end
  return new
end

return readers
