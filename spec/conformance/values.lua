-- Random values of the model's types, and how a peer is told of them: what
-- JSON has not goes as an object with one marked member.
--
--     bytes { "$blob": base64 }   seconds { "$time": milliseconds }
--     NaN, infinities { "$number": "NaN" }   documents { "$document": value }

local core = require "bedrock.core"
local json = require "bedrock.json"
local shapes = require "bedrock.service.shapes"
local timestamp = require "bedrock.service.timestamp"

local values = {}

local schema = shapes.bedrock()
local encode64 = core.bytes.base64_encode
local random = math.random

local TEXTS = { "", "a", "é😀", "a b+c/d?e&f=g%h#i", '"q\\uote"', "two\nlines",
  "  spaces  ", "~-._!*'()", "\0", "<tag>", "日本" }
local PLAIN = { "a", "a b+c/d?e&f=g%h", '"q",b\\', "~-._!*'()", "<tag>" }

local function one_of(list) return list[random(#list)] end

local function text(where)
  if where == "header" then return one_of(PLAIN) end
  local made = one_of(TEXTS) .. one_of { "", tostring(random(999)) }
  return where == "uri" and made == "" and "x" or made
end

local function bytes()
  local list = {}
  for i = 1, random(0, 40) do list[i] = string.char(random(0, 255)) end
  return table.concat(list)
end

-- Any JSON but null, which some peers take for absent at the top.
local function document(depth)
  local kind = random(depth > 0 and 8 or 6)
  if kind <= 2 then return one_of { 0, -7, 1 << 53, 0.1, 1e-7, 1e21 } end
  if kind == 3 then return text() end
  if kind == 4 then return random(2) == 1 end
  if kind == 5 then return json.array {} end
  if kind == 6 then return json.object {} end
  local out = kind == 7 and json.array {} or json.object {}
  for i = 1, random(3) do
    out[kind == 7 and i or i .. text()] = random(4) == 1 and json.null
      or document(depth - 1)
  end
  return out
end

local SCALARS = {
  boolean = function() return random(2) == 1 end,
  integer = function() return random(-1000, 100000) end,
  long = function() return random(-1 << 52, 1 << 52) end,
  float = function()
    return one_of { 0.1, 1.0, 0.0, 1e-7, 123456.789, -2.5 }
  end,
  blob = bytes,
  timestamp = function()
    return random(-1 << 30, 1 << 33) + one_of { 0, 0.5, 0.678 }
  end,
  document = function() return document(3) end,
}
SCALARS.double = SCALARS.float

local value_of

-- A member of a union whose values need not nest further.
local function shallow(shape)
  for _, name in ipairs(shape.order) do
    if schema:type(shape.members[name].type) == "string" then return name end
  end
  return shape.order[1]
end

-- `places`: members that travel elsewhere than in the body are wanted too.
local function structure(shape, depth, places)
  local out = json.object {}
  local only = shape.kind == "union"
    and (depth > 0 and one_of(shape.order) or shallow(shape))
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    local wanted = name == only or not only and (member.required
      or depth > 0 and random(2) == 1)
    if wanted and (places or member.where == "body")
      and schema:type(member.type) ~= "events" then
      out[name] = value_of(member.type, depth - 1, member.where)
    end
  end
  return out
end

function value_of(of, depth, where)
  local kind, detail = schema:type(of)
  if kind == "string" then
    return detail == "json" and '{"a":1}' or text(where)
  elseif kind == "enum" then
    return one_of(detail.order)
  elseif kind == "list" or kind == "map" then
    local out = kind == "list" and json.array {} or json.object {}
    for i = 1, depth > 0 and random(0, 3) or 0 do
      out[kind == "list" and i or i .. text()] = value_of(detail, depth - 1)
    end
    return out
  end
  if SCALARS[kind] then return SCALARS[kind]() end
  return structure(detail, depth)
end

--- Parameters of an operation.
function values.params(operation)
  return structure(operation.input, 8, true)
end

--- An answer's body, as users get it.
function values.answer(operation)
  return structure(operation.output, 8)
end

--- A value of any of the model's types.
function values.of(of)
  return value_of(of, 8)
end

local function each(value, convert)
  local out = setmetatable({}, getmetatable(value))
  for key, item in next, value do out[key] = convert(key, item) end
  return out
end

-- A copy of a value in which `write[kind]` has converted the scalars.
local function walk(of, value, write)
  local kind, detail = schema:type(of)
  if write[kind] then return write[kind](value) end
  if kind == "list" or kind == "map" then
    return each(value, function(_, item) return walk(detail, item, write) end)
  elseif type(detail) == "table" and kind ~= "enum" then
    return each(value, function(name, item)
      local member = detail.members[name]
      return member and walk(member.type, item, write) or item
    end)
  end
  return value
end

local function number_mark(value)
  if value - value == 0 then return value end
  return { ["$number"] = value ~= value and "NaN" or value > 0 and "Infinity"
    or "-Infinity" }
end

local MARKS = {
  blob = function(value) return { ["$blob"] = encode64(value) } end,
  timestamp = function(value)
    return { ["$time"] = math.floor(value * 1000 + 0.5) }
  end,
  document = function(value) return { ["$document"] = value } end,
  float = number_mark, double = number_mark,
}

--- A value with its marks.
function values.marked(of, value)
  return walk(of, value, MARKS)
end

local WIRE = {
  blob = encode64, timestamp = timestamp.iso8601,
  float = function(value)
    return random(9) == 1 and one_of { "NaN", "Infinity", "-Infinity" }
      or value
  end,
}
WIRE.double = WIRE.float

-- Nulls and a union's type come along, for the reader to take out.
local function sprinkle(of, value)
  local kind, detail = schema:type(of)
  if type(value) ~= "table" or kind == "document" then return value end
  if kind == "list" or kind == "map" then
    return each(value, function(_, item) return sprinkle(detail, item) end)
  end
  local out = each(value, function(name, item)
    return sprinkle(detail.members[name].type, item)
  end)
  local name = one_of(detail.order)
  if name and out[name] == nil and random(3) == 1 then out[name] = json.null end
  if kind == "union" and random(6) == 1 then out.__type = "com.amazon#X" end
  return out
end

--- A value as the service writes it.
function values.wire(of, value)
  return sprinkle(of, walk(of, value, WIRE))
end

return values
