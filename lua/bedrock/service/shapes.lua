--- Reads the rows of a service model: operations and shapes as tables.
--
-- A row is one line (what does not fit is carried over, indented):
--
--     name kind [sensitive] member ...      a structure, union or event stream
--     name exception STATUS [retryable] member ...
--     name enum value ...
--     name METHOD URI reply input output [readonly] [idempotent]
--          [pages=token,next,limit,items] !exception ...      an operation
--
-- where a member is `name:type`, then `!` when it is required, `~` when it is
-- sensitive, `*` when it is an idempotency token (filled in when absent), and
-- `@where[=wire name]` when it is not a member of the JSON body under its own
-- name: `@uri @query @header @headers @status @payload @json`.
--
-- A type is `string boolean integer long float double blob document
-- timestamp`, the name of a row, `[type]` for a list, `{type}` for a map whose
-- keys are strings; a word after `/` says more about a scalar: a timestamp's
-- format, or `json` for a blob or string that holds JSON text.
--
-- Rows are read when they are first asked for, each once.

local shapes = {}

local Schema = {}
Schema.__index = Schema

local SPACE = (" "):byte()

-- The row called `name`, as a function that gives its words; nil if none.
local function words_of(rows, name)
  if type(name) ~= "string" or not name:find("^[%w_]+$") then return nil end
  local _, from = rows:find("\n" .. name .. " ", 1, true)
  if not from then return nil end
  local upto = from
  repeat -- the next line that is not indented
    upto = rows:find("\n", upto + 1, true)
  until not upto or rows:byte(upto + 1) ~= SPACE
  return rows:sub(from, (upto or 0) - 1):gmatch("%S+")
end

local function read_member(word)
  local name, of, marks, where, wire =
    word:match("^([%w_]+):([%w_/%[%]{}]+)([!~*]*)@?(%a*)=?(.*)$")
  local member = {
    name = name, type = of, wire = wire ~= "" and wire or name,
    where = where ~= "" and where or "body",
    required = marks:find("!", 1, true) ~= nil,
    sensitive = marks:find("~", 1, true) ~= nil,
    token = marks:find("*", 1, true) ~= nil,
  }
  if where == "json" then member.where = "body" end
  if word:find("=$") then member.wire = nil end -- a map spread out
  return member
end

local function read_shape(name, words)
  local shape = {
    name = name, kind = words(), members = {}, order = {}, required = {},
  }
  if shape.kind == "exception" then shape.status = tonumber(words()) end
  for word in words do
    if shape.kind == "enum" then
      shape.order[#shape.order + 1] = word
    elseif word == "sensitive" or word == "retryable" then
      shape[word] = true
    else
      local member = read_member(word)
      shape.members[member.name] = member
      shape.order[#shape.order + 1] = member.name
      if member.required then
        shape.required[#shape.required + 1] = member.name
      end
    end
  end
  return shape
end

local function read_operation(schema, name, words)
  local operation = {
    schema = schema, name = name, method = words(), uri = words(),
    reply = words(), errors = {},
  }
  operation.input = schema:shape(words())
  operation.output = schema:shape(words())
  for word in words do
    local kind, rest = word:match("^([!%a]-)=?([^!=]*)$")
    if word:sub(1, 1) == "!" then
      operation.errors[#operation.errors + 1] = word:sub(2)
    elseif kind == "pages" then
      local token, next_token, limit, items =
        rest:match("^([^,]*),([^,]*),([^,]*),([^,]*)$")
      operation.pages = {
        token = token, next_token = next_token,
        limit = limit ~= "" and limit or nil, items = items,
      }
    else
      operation[word] = true
    end
  end
  return operation
end

-- The rows of shapes apart from the others: those of guardrails.
local function rows_apart(self)
  if not self.apart_rows then
    self.apart_rows = self.apart and "\n" .. self.apart() or ""
  end
  return self.apart_rows
end

local function shape_words(self, name)
  local words = words_of(self.shape_rows, name)
  if words or not tostring(name):find("Guardrail", 1, true) then
    return words
  end
  return words_of(rows_apart(self), name)
end

--- A shape by its name, or nil.
-- @return { name, kind, order = names or enum values, members = by name,
--   required = names, status, retryable, sensitive }; kind is "structure",
--   "union", "events", "exception" or "enum"; a member is { name, type, wire,
--   where = "body" "uri" "query" "header" "headers" "status" "payload",
--   required, sensitive, token }
function Schema:shape(name)
  local shape = self.known[name]
  if shape == nil then
    local words = shape_words(self, name)
    shape = words and read_shape(name, words) or false
    self.known[name] = shape
  end
  return shape or nil
end

--- An operation by AWS's name ("ConverseStream"), or nil.
-- @return { name, method, uri, reply = "json" "blob" "events" "duplex",
--   input, output = shapes or nil, errors = names, readonly, idempotent,
--   pages = { token, next_token, limit, items } or nil, schema }
function Schema:operation(name)
  local operation = self.operations[name]
  if operation == nil and name ~= nil then
    local words = words_of(self.operation_rows, name)
    operation = words and read_operation(self, name, words) or false
    self.operations[name] = operation
  end
  return operation or nil
end

local function first_words(rows)
  local names = {}
  for name in rows:gmatch("\n([%w_]+)") do names[#names + 1] = name end
  return names
end

--- The names of all operations, sorted.
function Schema:operation_names()
  return first_words(self.operation_rows)
end

--- The names of all shapes that have a row, sorted.
function Schema:shape_names()
  local names = first_words(self.shape_rows .. rows_apart(self))
  table.sort(names)
  return names
end

--- What a type text means.
-- @return "list" or "map" and the type text of its elements; or a scalar's
--   name and the word after "/" (or nil); or a shape's kind and the shape
function Schema:type(text)
  local first = text:sub(1, 1)
  if first == "[" then return "list", text:sub(2, -2) end
  if first == "{" then return "map", text:sub(2, -2) end
  if first:find("%l") and not self:shape(text) then
    return text:match("^(%a+)/?(.*)$")
  end
  local shape = assert(self:shape(text), text)
  return shape.kind, shape
end

--- Something that is made of a type: once for each type of a schema, which
-- keeps it.
-- @param make  function(schema, kind, detail) -> anything but nil; kind and
--   detail are Schema:type's
-- @return function(schema, text) -> what was made of the type `text`
function shapes.per_type(make)
  return function(schema, text)
    local known = schema.made[make]
    if not known then
      known = {}
      schema.made[make] = known
    end
    local made = known[text]
    if made == nil then
      made = make(schema, schema:type(text))
      known[text] = made
    end
    return made
  end
end

--- Members in the body that have another name in JSON: name -> that name; nil
-- where there is none.
function shapes.renamed(shape)
  local names
  for name, member in pairs(shape.members) do
    if member.where == "body" and member.wire ~= name then
      names = names or {}
      names[name] = member.wire
    end
  end
  return names
end

--- The member of a shape that travels as a kind, or nil: the payload of an
-- operation's input or output.
function shapes.member_at(shape, where)
  for _, name in ipairs(shape and shape.order or {}) do
    local member = shape.members[name]
    if member and member.where == where then return member end
  end
end

--- The shape of the events that an operation's input or output streams.
function shapes.events(operation, shape)
  local member = shapes.member_at(shape, "payload")
  local streamed = member and operation.schema:shape(member.type)
  return streamed and streamed.kind == "events" and streamed or nil
end

--- The method that an operation is called by: converse_stream.
function shapes.method_name(operation_name)
  local name = operation_name:gsub("(%l)(%u)", "%1_%2")
  return (name:gsub("(%u)(%u%l)", "%1_%2"):lower())
end

--- Shorter names of methods.
shapes.aliases = {
  invoke = "InvokeModelWithResponseStream",
  invoke_bidirectional = "InvokeModelWithBidirectionalStream",
}

--- The operation that a method calls, or nil: "converse_stream" calls
-- ConverseStream, "invoke" InvokeModelWithResponseStream.
-- @param schema  nil for Bedrock's own
function shapes.operation_of(method, schema)
  schema = schema or shapes.bedrock()
  if not schema.methods then
    schema.methods = {}
    for _, name in ipairs(schema:operation_names()) do
      schema.methods[shapes.method_name(name)] = name
    end
  end
  return schema.methods[method] or shapes.aliases[method]
end

--- A schema over a model's rows.
-- @param model  { operations = rows, shapes = rows, guardrails = function
--   that gives further shapes' rows, or nil }, as in model.lua
function shapes.new(model)
  return setmetatable({
    operation_rows = "\n" .. model.operations,
    shape_rows = "\n" .. model.shapes, apart = model.guardrails,
    known = {}, operations = {}, made = {},
  }, Schema)
end

local default

--- The schema of Bedrock Runtime itself; loaded at the first call.
function shapes.bedrock()
  default = default or shapes.new(require "bedrock.service.model")
  return default
end

--- An operation of Bedrock's by its name; one of another schema as it is.
function shapes.resolve(operation)
  if type(operation) == "table" then return operation end
  return assert(shapes.bedrock():operation(operation), operation)
end

return shapes
