-- The schema of a service -> doc/reference.md: every operation, member and
-- type, from the same rows that the library reads.

local exceptions = require "bedrock.service.exceptions"
local shapes = require "bedrock.service.shapes"

local reference = {}

local HEAD = [[
# Reference: operations, parameters, answers

Written by `make generate` from AWS's service model; not edited by hand.
Names and types only: what a member means, and which values a model takes,
is in AWS's documentation of %s.

How to read it: **bold** members are required; a *union* holds exactly one of
its members. A `blob` is a Lua string of raw bytes (the library does the
base64); a *blob of JSON* is raw bytes too, and may be given as a table, or as
an open file. A `document` is any JSON value, sent and received exactly
([`bedrock.array`, `bedrock.object` and `bedrock.null`](../README.md) say what
a Lua table cannot). A `timestamp` is given as seconds since the epoch or as
ISO 8601 text, and received as seconds. What this list does not know passes as
it came in answers, and in messages of the assistant's that go back; in other
parameters it is an error that names the nearest member, unless the client was
made with `validate = false`.

]]

local SCALARS = {
  ["blob/json"] = "blob of JSON",
  ["string/json"] = "string of JSON, or a table",
  ["timestamp/iso8601"] = "timestamp",
}

local function link(name)
  return ("[%s](#%s)"):format(name, name:lower())
end

local function type_words(schema, text)
  local kind, detail = schema:type(text)
  if kind == "list" then return "list of " .. type_words(schema, detail) end
  if kind == "map" then return "map of " .. type_words(schema, detail) end
  if type(detail) == "table" then return link(detail.name) end
  return SCALARS[text] or text
end

local PLACES = {
  uri = "in the path", query = "in the query", header = "a header",
}

local function member_line(schema, member)
  local notes = {}
  notes[#notes + 1] = PLACES[member.where]
  if member.token then notes[#notes + 1] = "made up when absent" end
  if member.sensitive then notes[#notes + 1] = "sensitive" end
  local name = ("`%s`"):format(member.name)
  return ("- %s: %s%s"):format(member.required and "**" .. name .. "**" or name,
    type_words(schema, member.type),
    #notes > 0 and " (" .. table.concat(notes, ", ") .. ")" or "")
end

local function member_lines(out, schema, shape)
  for _, name in ipairs(shape.order) do
    out[#out + 1] = member_line(schema, shape.members[name])
  end
  if #shape.order == 0 then out[#out + 1] = "No members: `{}`." end
end

-- Words as lines of at most 79 columns, commas between.
local function listed(words)
  local lines, line = {}, words[1]
  for i = 2, #words do
    line = line .. ","
    if #line + 2 + #words[i] > 79 then
      lines[#lines + 1] = line
      line = words[i]
    else
      line = line .. " " .. words[i]
    end
  end
  lines[#lines + 1] = line .. "."
  return table.concat(lines, "\n")
end

local ANSWERS = {
  json = "a table, or `nil, err`",
  blob = "a table, or `nil, err`",
  events = "a stream of events",
}

local function pages_text(method, pages)
  local one = method:gsub("^list_", ""):gsub("s$", "")
  return ("\n`client:each_%s(params)` iterates over the `%s` of all pages.")
    :format(one, pages.items)
end

local function alias_text(operation)
  for alias, name in pairs(shapes.aliases) do
    if name == operation.name then
      return (", `client:%s(params)`"):format(alias)
    end
  end
  return ""
end

-- How an operation is called, and what that gives.
local function call_text(operation)
  if operation.reply == "duplex" then
    return "Not offered by this version: it streams both ways."
  end
  return ("`client:%s(params)`%s gives %s."):format(
    shapes.method_name(operation.name), alias_text(operation),
    ANSWERS[operation.reply])
end

local function operation_text(out, schema, operation)
  local method = shapes.method_name(operation.name)
  out[#out + 1] = ("### %s\n"):format(operation.name)
  out[#out + 1] = ("%s\n`%s %s`.%s\n"):format(call_text(operation),
    operation.method, operation.uri,
    operation.pages and pages_text(method, operation.pages) or "")
  out[#out + 1] = "Parameters:\n"
  member_lines(out, schema, operation.input)
  out[#out + 1] = "\nAnswer:\n"
  member_lines(out, schema, operation.output)
  out[#out + 1] = "\nExceptions:"
  out[#out + 1] = listed(operation.errors) .. "\n"
end

local function shape_text(out, schema, shape)
  out[#out + 1] = ("### %s\n"):format(shape.name)
  local notes = {}
  if shape.kind == "union" then notes[1] = "Union: exactly one of" end
  if shape.kind == "events" then notes[1] = "Events, one at a time:" end
  if shape.kind == "enum" then notes[1] = "String:" end
  if shape.sensitive then notes[#notes + 1] = "(sensitive)" end
  if #notes > 0 then out[#out + 1] = table.concat(notes, " ") .. "\n" end
  if shape.kind == "enum" then
    local values = {}
    for i, value in ipairs(shape.order) do values[i] = "`" .. value .. "`" end
    out[#out + 1] = listed(values) .. "\n"
  else
    member_lines(out, schema, shape)
    out[#out + 1] = ""
  end
end

-- Inputs and outputs are told with their operations.
local function told_elsewhere(schema)
  local told = {}
  for _, name in ipairs(schema:operation_names()) do
    local operation = schema:operation(name)
    told[operation.input.name], told[operation.output.name] = true, true
  end
  return told
end

local function exceptions_text(out, schema)
  out[#out + 1] = "## Exceptions\n"
  out[#out + 1] = "`err.code` of errors whose `err.kind` is `\"service\"`; the"
    .. " further members are\nfields of the error.\n"
  out[#out + 1] = "| code | status | retryable | further members |"
  out[#out + 1] = "|---|---|---|---|"
  for _, name in ipairs(schema:shape_names()) do
    local shape = schema:shape(name)
    if shape.kind == "exception" then
      local more = {}
      for _, member in ipairs(shape.order) do
        if member ~= "message" then more[#more + 1] = "`" .. member .. "`" end
      end
      out[#out + 1] = ("| %s | %d | %s | %s |"):format(name, shape.status,
        exceptions.retryable(name, shape.status) and "yes" or "no",
        table.concat(more, ", "))
    end
  end
  out[#out + 1] = ""
end

-- The way to each operation, from the top of the page.
local function contents(schema)
  local links = {}
  for _, name in ipairs(schema:operation_names()) do
    links[#links + 1] = ("- [%s](#%s)"):format(name, name:lower())
  end
  links[#links + 1] = "\n[Types](#types) are in the order of the alphabet.\n"
  return table.concat(links, "\n")
end

--- The document's text.
-- @param schema  of service/shapes.lua
-- @param about   model.service
function reference.text(schema, about)
  local out = { HEAD:format(about.name) }
  out[#out + 1] = "## Operations\n"
  out[#out + 1] = contents(schema)
  for _, name in ipairs(schema:operation_names()) do
    operation_text(out, schema, schema:operation(name))
  end
  exceptions_text(out, schema)
  out[#out + 1] = "## Types\n"
  local told = told_elsewhere(schema)
  for _, name in ipairs(schema:shape_names()) do
    local shape = schema:shape(name)
    if shape.kind ~= "exception" and not told[name] then
      shape_text(out, schema, shape)
    end
  end
  return (table.concat(out, "\n"):gsub("\n\n\n+", "\n\n"):gsub("\n+$", "\n"))
end

return reference
