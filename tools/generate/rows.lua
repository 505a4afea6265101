-- A service model (the JSON that AWS publishes for its SDKs) -> rows of text,
-- in the notation that lua/bedrock/service/shapes.lua reads and explains.
-- Names, types and bindings only: no sentences, patterns or limits.

local json = require "generate.json"

local rows = {}

local SCALARS = {
  string = true, boolean = true, integer = true, long = true, float = true,
  double = true, blob = true, timestamp = true,
}
local INTEGERS = { byte = "integer", short = "integer" }

-- Where a member travels, in the model's words -> in ours.
local PLACES = {
  uri = "uri", header = "header", headers = "headers",
  querystring = "query", statusCode = "status",
}

-- Two things the model's types do not say but its names do.  A blob called
-- Body or PartBody is a model's own request or answer, JSON for every model
-- of today; a string called ...Json is text that must be JSON.
local function special(name, kind)
  if kind == "blob" and (name == "Body" or name == "PartBody") then
    return "blob/json"
  elseif kind == "string" and name:find("Json$") then
    return "string/json"
  end
end

local type_of

local function scalar(name, shape)
  local kind = INTEGERS[shape.type] or shape.type
  assert(SCALARS[kind], "unknown type " .. tostring(shape.type))
  if kind == "timestamp" and shape.timestampFormat then
    return "timestamp/" .. shape.timestampFormat
  end
  return special(name, kind) or kind
end

-- How a member says its type, and whether that type is sensitive.
function type_of(shapes, name)
  local shape = assert(shapes[name], "no shape " .. name)
  local text, sensitive
  if shape.document then
    text = "document"
  elseif shape.type == "structure" or shape.enum then
    return name, false -- a row of its own says whether it is sensitive
  elseif shape.type == "list" then
    text, sensitive = type_of(shapes, shape.member.shape)
    text = "[" .. text .. "]"
  elseif shape.type == "map" then
    text, sensitive = type_of(shapes, shape.value.shape)
    text = "{" .. text .. "}"
  else
    text = scalar(name, shape)
  end
  return text, sensitive or shape.sensitive or false
end

local function binding(owner, name, member)
  if owner.payload == name then return "@payload" end
  if member.location then
    local where = assert(PLACES[member.location], member.location)
    local wire = member.locationName
    if wire == name or where == "status" then wire = nil end
    -- A map spread over the query has no name of its own.
    if where == "query" and not member.locationName then wire = "" end
    return "@" .. where .. (wire and "=" .. wire or "")
  end
  if member.locationName and member.locationName ~= name then
    return "@json=" .. member.locationName
  end
  return ""
end

local function member_text(shapes, owner, required, name)
  local member = owner.members[name]
  local text, sensitive = type_of(shapes, member.shape)
  if member.jsonvalue then text = "jsonvalue" end
  return name .. ":" .. text
    .. (required[name] and "!" or "")
    .. (sensitive and "~" or "")
    .. (member.idempotencyToken and "*" or "")
    .. binding(owner, name, member)
end

local function kind_of(shape)
  if shape.exception then
    local status = shape.error and shape.error.httpStatusCode or 0
    return "exception " .. status .. (shape.retryable and " retryable" or "")
  end
  return shape.eventstream and "events" or shape.union and "union"
    or "structure"
end

local function structure_words(shapes, name)
  local shape = shapes[name]
  local required = {}
  for _, member in ipairs(shape.required or {}) do required[member] = true end
  local words = { name, kind_of(shape) }
  if shape.sensitive then words[#words + 1] = "sensitive" end
  for _, member in ipairs(json.names(shape.members)) do
    words[#words + 1] = member_text(shapes, shape, required, member)
  end
  return words
end

local function enum_words(shapes, name)
  local words = { name, "enum" }
  for _, value in ipairs(shapes[name].enum) do
    assert(not value:find("%s"), "an enum value with a space: " .. value)
    words[#words + 1] = value
  end
  return words
end

-- The kind of an operation's answer: what the client has to do with it.
local function reply_of(shapes, operation)
  local function payload(reference)
    local shape = reference and shapes[reference.shape]
    local member = shape and shape.payload and shape.members[shape.payload]
    return member and shapes[member.shape] or {}
  end
  local up, down = payload(operation.input), payload(operation.output)
  if up.eventstream then return "duplex" end
  if down.eventstream then return "events" end
  return down.type == "blob" and "blob" or "json"
end

local function operation_words(model, pages, name)
  local operation = model.operations[name]
  local words = {
    name, operation.http.method, operation.http.requestUri,
    reply_of(model.shapes, operation),
    operation.input and operation.input.shape or "-",
    operation.output and operation.output.shape or "-",
  }
  for _, flag in ipairs { "readonly", "idempotent" } do
    if operation[flag] then words[#words + 1] = flag end
  end
  local page = pages[name]
  if page then
    words[#words + 1] = ("pages=%s,%s,%s,%s"):format(page.input_token,
      page.output_token, page.limit_key or "", page.result_key)
  end
  local fresh = #words + 1
  for _, failure in ipairs(operation.errors or {}) do
    words[#words + 1] = "!" .. failure.shape
  end
  return words, fresh
end

-- Words into lines of at most 79 columns; what is carried over is indented,
-- so that a row begins exactly where a line begins with its name.  The word
-- number `fresh` (if any) begins a line.
local function wrap(words, fresh)
  local lines, line = {}, words[1]
  for i = 2, #words do
    if i == fresh or #line + 1 + #words[i] > 79 then
      lines[#lines + 1] = line
      line = "  " .. words[i]
    else
      line = line .. " " .. words[i]
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function sorted_names(object)
  local names = {}
  for name in pairs(object) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Shapes that need a row: what is not written out where it is used.
local function has_row(shape)
  return shape.enum or shape.type == "structure" and not shape.document
end

local function lines(list)
  return table.concat(list, "\n") .. "\n"
end

--- The rows of a model as texts.
-- @param model  the decoded service-2.json
-- @param pages  the `pagination` object of paginators-1.json, or nil
-- @param apart  what the names of shapes hold that are the third text; nil:
--   none are
-- @return operations, shapes, shapes apart: each ends with a newline
function rows.from(model, pages, apart)
  local operations, shapes, others = {}, {}, {}
  for _, name in ipairs(sorted_names(model.operations)) do
    operations[#operations + 1] =
      wrap(operation_words(model, pages or {}, name))
  end
  for _, name in ipairs(sorted_names(model.shapes)) do
    local shape = model.shapes[name]
    if has_row(shape) then
      local words = shape.enum and enum_words or structure_words
      local list = apart and name:find(apart, 1, true) and others or shapes
      list[#list + 1] = wrap(words(model.shapes, name))
    end
  end
  return lines(operations), lines(shapes), lines(others)
end

return rows
