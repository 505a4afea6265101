--- Takes out of decoded JSON what the service should not have sent: members
-- that are null, which stand for absent ones, and the name of a union's type
-- inside it (`__type`), which some of its serializers write.
--
-- Each type of the model becomes a function, made when it is first met, that
-- changes a value in place.  Documents stay as they came, and so does what
-- the model does not know.

local json = require "bedrock.json"
local shapes = require "bedrock.service.shapes"

local cleaners = {}

local null = json.null

local function list_of(schema, element)
  local clean = cleaners.of(schema, element)
  return clean and function(value)
    if type(value) ~= "table" then return end
    for i = 1, #value do clean(value[i]) end
  end
end

local function map_of(schema, element)
  local clean = cleaners.of(schema, element)
  return function(value)
    if type(value) ~= "table" then return end
    for key, item in next, value do
      if item == null then
        value[key] = nil
      elseif clean then
        clean(item)
      end
    end
  end
end

-- Cleaners of members by their name in JSON, each made when first needed.
local function members_of(schema, shape)
  local by_wire = {}
  for _, member in pairs(shape.members) do by_wire[member.wire] = member end
  return setmetatable({}, { __index = function(known, wire)
    local member = by_wire[wire]
    known[wire] = member and cleaners.of(schema, member.type) or false
    return known[wire]
  end })
end

local function structure(schema, shape)
  local members = members_of(schema, shape)
  local is_union = shape.kind == "union"
  return function(value)
    if type(value) ~= "table" then return end
    if is_union and not shape.members.__type then value.__type = nil end
    for key, item in next, value do
      if item == null then
        value[key] = nil
      elseif members[key] then
        members[key](item)
      end
    end
  end
end

local MAKERS = {
  list = list_of, map = map_of,
  structure = structure, union = structure, exception = structure,
}

--- The function that cleans values of a type; false when there is nothing to
-- do for any of them.
-- @param schema  @param text  a type as in the model's rows
cleaners.of = shapes.per_type(function(schema, kind, detail)
  return MAKERS[kind] and MAKERS[kind](schema, detail) or false
end)

--- Clean a value of a type.
function cleaners.clean(schema, text, value)
  local clean = cleaners.of(schema, text)
  if clean then clean(value) end
end

return cleaners
