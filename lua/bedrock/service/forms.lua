--- Types of the model as forms, by which the C core finds out whether a value
-- goes out exactly as it is: nothing wrong with it, nothing to convert.
--
-- Most requests are such.  All others are walked (walk.lua), which knows what
-- is wrong, or what to send instead.

local form = require "bedrock.core".form
local shapes = require "bedrock.service.shapes"

local forms = {}

-- Forms of a structure's members, each made when it is first asked for.
local function members_of(schema, shape)
  return setmetatable({}, { __index = function(known, name)
    local member = shape.members[name]
    if not member then return nil end
    known[name] = forms.of(schema, member.type)
    return known[name]
  end })
end

local function structure(schema, shape)
  if shapes.renamed(shape) then return false end
  return { form.STRUCTURE, members_of(schema, shape), shape.required }
end

local function union(schema, shape)
  return not shapes.renamed(shape) and { form.UNION, members_of(schema, shape) }
end

local function constant(value)
  return function() return value end
end

-- Blobs and timestamps are converted; they have no form.
local MAKERS = {
  list = function(schema, element)
    return { form.LIST, forms.of(schema, element) }
  end,
  map = function(schema, element)
    return { form.MAP, forms.of(schema, element) }
  end,
  structure = structure, union = union,
  string = constant(form.STRING), enum = constant(form.STRING),
  boolean = constant(form.BOOLEAN),
  integer = constant(form.INTEGER), long = constant(form.INTEGER),
  float = constant(form.REAL), double = constant(form.REAL),
  document = constant(true),
}

--- The form of a type; false where values of it are always converted.
-- @param schema  @param text  a type as in the model's rows
forms.of = shapes.per_type(function(schema, kind, detail)
  local make = MAKERS[kind]
  return make and make(schema, detail) or false
end)

--- Does a value go out exactly as it is?
-- @param of  its type's form
forms.fits = form.fits

return forms
