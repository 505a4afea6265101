--- Does a decoded JSON value fit a JSON Schema?  As much of the standard as
-- Bedrock's structured output takes: types, enum, const, properties,
-- required, additionalProperties, items and their number, bounds, anyOf,
-- oneOf, allOf, and $ref within the schema.  Keywords beyond that hold
-- nothing back.

local json = require "bedrock.json"

local schema = {}

local types = {
  object = function(v) return type(v) == "table" and not json.is_array(v) end,
  array = json.is_array,
  string = function(v) return type(v) == "string" end,
  number = function(v) return type(v) == "number" end,
  -- 1.0 is an integer to JSON Schema.
  integer = function(v) return type(v) == "number" and v % 1 == 0 end,
  boolean = function(v) return type(v) == "boolean" end,
  null = function(v) return v == json.null end,
}

local ORDER = { "null", "boolean", "string", "integer", "number", "array",
                "object" }

local function type_of(v)
  for _, name in ipairs(ORDER) do
    if types[name](v) then return name end
  end
  return type(v)
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function told(v)
  return json.encode(v) or tostring(v)
end

local function told_all(list)
  local all = {}
  for i, v in ipairs(list) do all[i] = told(v) end
  return table.concat(all, ", ")
end

local check -- (root, rule, value, path, depth) -> nil or a sentence

local function at(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  return path == "" and key or path .. "." .. key
end

local function fails(path, format, ...)
  return (path == "" and "" or path .. ": ") .. format:format(...)
end

-- "#/$defs/city" within `root`.
local function resolve(root, pointer)
  local rule = root
  for part in pointer:gmatch "/([^/]*)" do
    part = part:gsub("~1", "/"):gsub("~0", "~")
    rule = type(rule) == "table" and rule[part]
  end
  return rule
end

local function sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local rules = {}

rules["$ref"] = function(root, rule, value, path, depth)
  local pointer = rule["$ref"]
  if type(pointer) ~= "string" or pointer:sub(1, 1) ~= "#" then return end
  return check(root, resolve(root, pointer), value, path, depth + 1)
end

function rules.type(_, rule, value, path)
  local wanted = rule.type
  if type(wanted) ~= "table" then wanted = { wanted } end
  for _, name in ipairs(wanted) do
    if not types[name] or types[name](value) then return end
  end
  return fails(path, "expected %s, got %s", table.concat(wanted, " or "),
               type_of(value))
end

function rules.enum(_, rule, value, path)
  for _, allowed in ipairs(rule.enum) do
    if equal(allowed, value) then return end
  end
  return fails(path, "expected one of %s, got %s", told_all(rule.enum),
               told(value))
end

function rules.const(_, rule, value, path)
  if equal(rule.const, value) then return end
  return fails(path, "expected %s, got %s", told(rule.const), told(value))
end

function rules.required(_, rule, value, path)
  if not types.object(value) then return end
  for _, name in ipairs(rule.required) do
    if value[name] == nil then
      return fails(at(path, name), "required member is missing")
    end
  end
end

function rules.properties(root, rule, value, path, depth)
  if not types.object(value) then return end
  for _, name in ipairs(sorted(rule.properties)) do
    if value[name] ~= nil then
      local wrong = check(root, rule.properties[name], value[name],
                          at(path, name), depth)
      if wrong then return wrong end
    end
  end
end

function rules.additionalProperties(root, rule, value, path, depth)
  if not types.object(value) then return end
  for _, name in ipairs(sorted(value)) do
    if not (rule.properties and rule.properties[name]) then
      if rule.additionalProperties == false then
        return fails(at(path, name), "the schema has no such member")
      end
      local wrong = check(root, rule.additionalProperties, value[name],
                          at(path, name), depth)
      if wrong then return wrong end
    end
  end
end

function rules.items(root, rule, value, path, depth)
  if not types.array(value) then return end
  for i, item in ipairs(value) do
    local wrong = check(root, rule.items, item, at(path, i), depth)
    if wrong then return wrong end
  end
end

local function alternatives(keyword)
  return function(root, rule, value, path, depth)
    local first
    for _, one in ipairs(rule[keyword]) do
      local wrong = check(root, one, value, path, depth)
      if not wrong then return end
      first = first or wrong
    end
    if not rule[keyword][2] then return first end
    return fails(path, "fits none of the alternatives (of the first: %s)",
                 first or "there are none")
  end
end

rules.anyOf = alternatives "anyOf"
rules.oneOf = alternatives "oneOf"

function rules.allOf(root, rule, value, path, depth)
  for _, one in ipairs(rule.allOf) do
    local wrong = check(root, one, value, path, depth)
    if wrong then return wrong end
  end
end

-- keyword -> type it speaks of, what of the value it bounds, does it hold?
local bounds = {
  minItems = { "array", function(v) return #v end, false },
  maxItems = { "array", function(v) return #v end, true },
  minimum = { "number", function(v) return v end, false },
  maximum = { "number", function(v) return v end, true },
}

for keyword, bound in pairs(bounds) do
  rules[keyword] = function(_, rule, value, path)
    local limit = rule[keyword]
    if type(limit) ~= "number" or not types[bound[1]](value) then return end
    local size = bound[2](value)
    if bound[3] and size > limit or not bound[3] and size < limit then
      return fails(path, "%s is %s, got %s", keyword, told(limit),
                   told(size))
    end
  end
end

-- Keywords in the order in which their complaints are most of use.
local KEYWORDS = { "$ref", "type", "const", "enum", "required", "properties",
  "additionalProperties", "items", "minItems", "maxItems", "minimum",
  "maximum", "anyOf", "oneOf", "allOf" }

-- A schema that refers to itself without an end would never be done.
local DEEPEST = 200

function check(root, rule, value, path, depth)
  if rule == false then return fails(path, "nothing is allowed here") end
  if type(rule) ~= "table" or depth > DEEPEST then return nil end
  for _, keyword in ipairs(KEYWORDS) do
    if rule[keyword] ~= nil then
      local wrong = rules[keyword](root, rule, value, path, depth + 1)
      if wrong then return wrong end
    end
  end
end

--- Check a value.
-- @param rule the schema, as a table (or a boolean)
-- @param value a decoded JSON value
-- @return true | nil, a sentence about the first thing that does not fit
function schema.check(rule, value)
  local wrong = check(rule, rule, value, "", 0)
  if wrong then return nil, wrong end
  return true
end

return schema
