--- The walk over parameters that do not go out exactly as they are (forms.lua
-- finds out): validates and converts at once.
--
-- Each type of the model becomes a function, made when it is first met:
--
--     convert(value, walk) -> nil (good as it is) | what to send instead
--
-- Nothing that the caller gave is changed: a table is copied when something
-- in it has to be, and only that table and those around it.  The walk keeps
-- the keys on its way down in itself, `walk[1 .. walk.depth]`, so that a path
-- is put into words only when there is a problem.  What else it holds:
-- `validate` (false keeps the complaints back; conversions stay), `schema`,
-- and `problems`, nil while there is none.
--
-- Checked is what the model's types say.  Values that AWS limits by length,
-- pattern or enumeration are for the service to judge: they change more often
-- than this library.

local forms = require "bedrock.service.forms"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local shapes = require "bedrock.service.shapes"
local wire = require "bedrock.service.wire"

local explain = lazy "bedrock.service.explain"
local nearest = lazy "bedrock.nearest"
local problems = lazy "bedrock.service.problems"
local timestamp = lazy "bedrock.service.timestamp"

local walk = {}

local null = json.null

-- Sent for every empty table; marked, because `{}` alone does not say which.
local EMPTY_LIST = json.array {}
local EMPTY_MAP = json.object {}

-- Bedrock's own shapes nest 12 deep at most; more is a table inside itself.
local MAX_DEPTH = 100

-- The length without metamethods: tables are read raw, as when encoded.
local rawlen = rawget(_G, "rawlen") or function(value) return #value end

-- Integers as a type of their own came with Lua 5.3; before, JSON has whole
-- numbers of 64 bits written as such (binding/json_encode.c).
local math_type = rawget(math, "type") or function() return "float" end
local has_integers = rawget(math, "type") ~= nil
local tointeger = rawget(math, "tointeger") or function(value)
  local whole = value == math.floor(value) and math.abs(value) < 2 ^ 63
  return whole and value or nil
end

local function complain(state, message, key)
  if not state.validate then return end
  local depth = state.depth
  if key ~= nil then
    depth = depth + 1
    state[depth] = key
  end
  state.problems = state.problems or problems.new()
  state.problems:add(problems.path(state, depth), message)
end

-- A complaint whatever the options say: what cannot be sent at all.
local function refuse(state, message, key)
  local validate = state.validate
  state.validate = true
  complain(state, message, key)
  state.validate = validate
end

local function mismatch(state, expected, value)
  complain(state, ("expected %s, got %s"):format(expected,
    problems.describe(value, null)))
end

local function string(value, state)
  if type(value) ~= "string" then mismatch(state, "a string", value) end
end

local function boolean(value, state)
  if type(value) ~= "boolean" then mismatch(state, "true or false", value) end
end

local function is_finite(value)
  return value - value == 0
end

local function integer(value, state)
  if math_type(value) == "integer" then return nil end
  if type(value) ~= "number" then
    return mismatch(state, "an integer", value)
  end
  local whole = is_finite(value) and tointeger(value)
  if not whole then
    return complain(state, ("%s is %s"):format(tostring(value),
      is_finite(value) and value == math.floor(value)
      and "too large for an integer of 64 bits" or "not an integer"))
  end
  if has_integers then return whole end -- 3.0 goes out as 3
  return value == 0 and 0 or nil -- and -0 as 0
end

-- restJson1 writes what JSON cannot as these strings.
local NOT_FINITE = { NaN = true, Infinity = true, ["-Infinity"] = true }

local function float(value, state)
  if type(value) ~= "number" then
    if not NOT_FINITE[value] then mismatch(state, "a number", value) end
  elseif not is_finite(value) then
    complain(state, "must be a finite number")
  end
end

-- Years 1 to 9999, what ISO 8601 can write; to the last millisecond.
local EARLIEST, LATEST = -62135596800, 253402300799.999

local TIME = "seconds since the epoch or an ISO 8601 time such as "
  .. '"2025-01-02T03:04:05Z"'

local function timestamps(format)
  local write = timestamp[format]
  return function(value, state)
    local seconds = timestamp.parse(value)
    if not seconds then
      return mismatch(state, TIME, value)
    elseif not (seconds >= EARLIEST and seconds <= LATEST) then
      return complain(state, "is no time in seconds since the epoch")
    end
    if format ~= "unixTimestamp" then return write(seconds) end
    return seconds ~= value and seconds or nil
  end
end

-- A string that is JSON text; a table is written as such.
local function json_text(value, state)
  if type(value) == "string" then return nil end
  if type(value) ~= "table" then
    return mismatch(state, "a string or a table", value)
  end
  local text, message = wire.json(value)
  if not text then
    local above = {}
    for i = 1, state.depth do above[i] = state[i] end
    if not explain.add(state, value, above) then refuse(state, message) end
  end
  return text
end

-- An open file, or whatever else has a method `read`.
local function is_readable(value)
  local kind = type(value)
  if kind == "table" then return type(value.read) == "function" end
  if kind ~= "userdata" then return false end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__index ~= nil
    and type(value.read) == "function"
end

local function read_all(value, state)
  if io and io.type and io.type(value) == "closed file" then
    return complain(state, "is a closed file")
  end
  local pieces = {}
  while true do
    local piece, message = value:read("*a")
    if piece == nil and message then
      return complain(state, "could not be read: " .. tostring(message))
    elseif piece == nil or piece == "" then
      return table.concat(pieces)
    elseif type(piece) ~= "string" then
      return mismatch(state, "its read method to give a string", piece)
    end
    pieces[#pieces + 1] = piece
  end
end

--- The raw bytes of a blob: a string as it is, an open file read to its end,
-- a table as JSON where the blob holds JSON.  nil after a complaint.
-- @param detail  "json" where the model says that the blob holds JSON
function walk.bytes(value, state, detail)
  if type(value) == "string" then return value end
  if is_readable(value) then return read_all(value, state) end
  if detail == "json" then return json_text(value, state) end
  mismatch(state, "a string of raw bytes or an open file", value)
end

local function blob(detail)
  return function(value, state)
    local bytes = walk.bytes(value, state, detail)
    return bytes and json.base64(bytes)
  end
end

local function copy(value)
  local twin = {}
  for key, item in next, value do twin[key] = item end
  return twin
end

local function too_deep(state)
  refuse(state, "nested too deeply, or a table inside itself")
end

local function list_of(schema, element)
  local convert = walk.converter(schema, element)
  local form = forms.of(schema, element)
  return function(value, state)
    if type(value) ~= "table" then
      return mismatch(state, walk.name(schema, "[" .. element .. "]"), value)
    end
    local length = rawlen(value)
    if length == 0 then
      if next(value) == nil then return EMPTY_LIST end
      return mismatch(state, walk.name(schema, "[" .. element .. "]"), value)
    end
    local depth = state.depth + 1
    if depth > MAX_DEPTH then return too_deep(state) end
    state.depth = depth
    local out, count = nil, 0
    for index, item in next, value do
      count = count + 1
      state[depth] = index
      if item == null then
        complain(state, "null in a list")
      elseif convert and not forms.fits(item, form) then
        local new = convert(item, state)
        if new ~= nil then
          out = out or copy(value)
          out[index] = new
        end
      end
    end
    state.depth = depth - 1
    if count ~= length then
      complain(state, "a list must have the indices 1, 2, 3 ... and no other")
    end
    return out
  end
end

local function map_of(schema, element)
  local convert = walk.converter(schema, element)
  return function(value, state)
    if type(value) ~= "table" then
      return mismatch(state, walk.name(schema, "{" .. element .. "}"), value)
    end
    local depth = state.depth + 1
    if depth > MAX_DEPTH then return too_deep(state) end
    state.depth = depth
    local out
    for key, item in next, value do
      state[depth] = key
      if type(key) ~= "string" then
        complain(state, "the keys of a map are strings")
      end
      local new
      if item ~= null and convert then new = convert(item, state) end
      if new ~= nil or item == null then
        out = out or copy(value)
        out[key] = new
      end
    end
    state.depth = depth - 1
    if next(out or value) == nil then return EMPTY_MAP end
    return out
  end
end

-- What was meant by a name that a shape has not: a member of it, or of a
-- structure in it, where the level between was forgotten.
local function meant_by(schema, shape, key)
  local name = nearest.find(key, shape.order)
  if name or shape.kind == "union" then return name end
  for _, outer in ipairs(shape.order) do
    local kind, inner = schema:type(shape.members[outer].type)
    name = kind == "structure" and nearest.same(key, inner.order)
    if name then return outer .. "." .. name end
  end
end

local function unknown(state, schema, shape, key)
  if state.answered and type(key) == "string" then return end
  if type(key) ~= "string" then
    return complain(state, ("expected named members of %s, not a list")
      :format(shape.name))
  end
  local meant = state.validate and meant_by(schema, shape, key)
  complain(state, meant and ("unknown member, did you mean %q?"):format(meant)
    or "unknown member", key)
end

-- What a metamethod would give is not sent either.
local function check_required(shape, value, state)
  for i = 1, #shape.required do
    local name = shape.required[i]
    local item = rawget(value, name)
    if item == nil or item == null then
      complain(state, "required member is missing", name)
    end
  end
end

-- A union holds one of its members; an unknown one was told already.
local function check_union(shape, value, state)
  local only, held = next(value)
  if shape.members[only] and held ~= null
      and next(value, only) == nil then
    return -- as nearly all are
  end
  local set = {}
  for key, item in next, value do
    if item ~= null then
      if not shape.members[key] then return end
      set[#set + 1] = key
    end
  end
  if #set == 0 then
    complain(state, "needs one of " .. table.concat(shape.order, ", "))
  elseif #set > 1 then
    table.sort(set)
    complain(state, ("holds one member, not %s"):format(
      table.concat(set, " and ")))
  end
end

-- Converters of a structure's members by name: a function, false (nothing to
-- do), nil (unknown); each made when it is first needed.
local function members_of(schema, shape)
  return setmetatable({}, { __index = function(known, name)
    local member = shape.members[name]
    if not member then return nil end
    local convert = walk.converter(schema, member.type) or false
    known[name] = convert
    return convert
  end })
end

local function rename(names, value, out)
  for name, other in pairs(names) do
    if rawget(out or value, name) ~= nil then
      out = out or copy(value)
      out[other], out[name] = out[name], nil
    end
  end
  return out
end

local function structure(schema, shape)
  local members, names = members_of(schema, shape), shapes.renamed(shape)
  local check = shape.kind == "structure" and check_required or check_union
  return function(value, state)
    if type(value) ~= "table" then
      return mismatch(state, walk.name(schema, shape.name), value)
    end
    local depth = state.depth + 1
    if depth > MAX_DEPTH then return too_deep(state) end
    state.depth = depth
    local out
    for key, item in next, value do
      local convert = members[key]
      local new
      if convert == nil then
        state.depth = depth - 1
        unknown(state, schema, shape, key)
        state.depth = depth
      elseif convert and item ~= null then
        state[depth] = key
        new = convert(item, state)
      end
      if new ~= nil or item == null then
        out = out or copy(value)
        out[key] = new
      end
    end
    state.depth = depth - 1
    if state.validate then check(shape, value, state) end
    if names then out = rename(names, value, out) end
    if next(out or value) == nil then return EMPTY_MAP end
    return out
  end
end

-- What a message of the assistant's holds the service wrote, and goes back to
-- it unchanged: blocks and members that came after this model pass.
local function message(schema, shape)
  local convert = structure(schema, shape)
  return function(value, state)
    if type(value) ~= "table" or rawget(value, "role") ~= "assistant" then
      return convert(value, state)
    end
    state.answered = true
    local out = convert(value, state)
    state.answered = nil
    return out
  end
end

local function structure_or_message(schema, shape)
  return (shape.name == "Message" and message or structure)(schema, shape)
end

local MAKERS = {
  list = list_of, map = map_of,
  structure = structure_or_message, union = structure, exception = structure,
  string = function(_, detail)
    return detail == "json" and json_text or string
  end,
  enum = function() return string end,
  boolean = function() return boolean end,
  integer = function() return integer end,
  long = function() return integer end,
  float = function() return float end,
  double = function() return float end,
  blob = function(_, detail) return blob(detail) end,
  timestamp = function(_, format)
    return timestamps(format ~= "" and format or "unixTimestamp")
  end,
  document = function() return false end,
  jsonvalue = function() return false end,
}

--- The function that converts values of a type; false when values go out
-- exactly as they are.
-- @param schema  @param text  a type as in the model's rows
walk.converter = shapes.per_type(function(schema, kind, detail)
  return assert(MAKERS[kind], kind)(schema, detail)
end)

--- What goes out for a member at the top of the parameters.
function walk.member(member, value, state)
  local convert = walk.converter(state.schema, member.type)
  local new
  state.depth, state[1] = 1, member.name
  if convert then new = convert(value, state) end
  state.depth = 0
  if new == nil then return value end
  return new
end

local function is_text_union(schema, element)
  local kind, shape = schema:type(element)
  local member = kind == "union" and shape.members.text
  return member and member.type == "string"
end

--- A type in words, for messages.
function walk.name(schema, text)
  local kind, detail = schema:type(text)
  if kind == "list" then
    local element, shape = schema:type(detail)
    local name = "a list of "
      .. (type(shape) == "table" and shape.name or element .. "s")
    return is_text_union(schema, detail)
      and name .. ' such as { { text = "..." } }' or name
  elseif kind == "map" then
    return "a map"
  elseif type(detail) == "table" then
    return "a table (" .. detail.name .. ")"
  end
  return "a " .. kind
end

walk.complain = complain
walk.refuse = refuse
walk.mismatch = mismatch
walk.unknown = unknown
walk.check_required = check_required

return walk
