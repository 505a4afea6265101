--- Parameters -> an HTTP request (restJson1).
--
-- Everything an operation is comes from the model's rows: which member is a
-- label of the URI, part of the query, a header, the body.  The request is
-- what was asked for and no more: no Accept, no member that was not given.

local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local shapes = require "bedrock.service.shapes"
local walk = require "bedrock.service.walk"
local wire = require "bedrock.service.wire"

local explain = lazy "bedrock.service.explain"

local marshal = {}

local null = json.null

local JSON_TYPE = "application/json"
local STREAM_TYPE = "application/vnd.amazon.eventstream"

-- A map spread over the query, or over headers that begin alike.
local function spread(schema, member, place)
  local _, element = schema:type(member.type)
  return wire.texts(schema, element, place)
end

local function plan_member(schema, member)
  local kind = schema:type(member.type)
  if member.where == "uri" then
    return wire.scalar(schema, member.type, "uri")
  elseif member.where == "header" then
    return wire.header(schema, member.type)
  elseif member.where == "headers" then
    return spread(schema, member, "header")
  elseif member.where == "query" then
    if kind == "map" then return spread(schema, member, "query") end
    return wire.texts(schema, member.type, "query")
  elseif kind == "events" then
    return false
  end
  return walk.converter(schema, member.type)
end

local NO_INPUT = { members = {}, order = {}, required = {} }

-- "/model/{modelId}/converse" as { "/model/", { name, greedy }, "/converse" }.
local function path_of(template)
  local pieces = {}
  for text, name, more in template:gmatch "([^{]*){?([^{}+]*)(%+?)}?" do
    if text ~= "" then pieces[#pieces + 1] = text end
    if name ~= "" then
      pieces[#pieces + 1] = { name = name, greedy = more == "+" }
    end
  end
  return pieces
end

local function plan_of(operation)
  local plan = operation.plan
  if plan then return plan end
  local schema, input = operation.schema, operation.input or NO_INPUT
  plan = {
    input = input, required = {}, tokens = {}, body_members = false,
    payload = shapes.member_at(input, "payload"),
    -- How a member is written, made when it is first given.
    write = setmetatable({}, { __index = function(known, name)
      known[name] = plan_member(schema, input.members[name])
      return known[name]
    end }),
  }
  local path, query = operation.uri:match("^([^?]*)%??(.*)$")
  plan.path, plan.query = path_of(path), query
  for _, member in pairs(input.members) do
    if member.where == "body" then plan.body_members = true end
    if member.token then plan.tokens[#plan.tokens + 1] = member end
  end
  for _, name in ipairs(input.required) do
    -- Events are sent one by one, later.
    if schema:type(input.members[name].type) ~= "events" then
      plan.required[#plan.required + 1] = name
    end
  end
  operation.plan = plan
  return plan
end

local place = {}

function place.uri(request, member, write, value, state)
  local text = write(value, state)
  if text == "" then
    walk.refuse(state, "must not be empty")
  elseif text == "." or text == ".." then -- a server may go up the path
    walk.refuse(state, "must not be " .. text)
  end
  request.labels[member.wire] = text or ""
end

function place.header(request, member, write, value, state)
  request.headers[member.wire:lower()] = write(value, state)
end

function place.headers(request, member, write, value, state)
  if type(value) ~= "table" then
    return walk.mismatch(state, "a map", value)
  end
  for key, item in next, value do
    local texts = item ~= null and write(item, state)
    local name = (member.wire or ""):lower() .. tostring(key):lower()
    if not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
      walk.refuse(state, ("no header can be called %q"):format(name))
    elseif texts then
      local text = table.concat(texts, ", ")
      if text:find("[%z\1-\8\10-\31\127]") then
        walk.refuse(state, "a header holds no control characters")
      end
      request.headers[name] = request.headers[name] or text
    end
  end
end

local function add_query(request, name, texts)
  for _, text in ipairs(texts or {}) do
    local query = request.query or {}
    request.query = query
    query[#query + 1] = wire.encode(name) .. "=" .. wire.encode(text)
  end
end

function place.query(request, member, write, value, state)
  if member.wire and state.schema:type(member.type) ~= "map" then
    request.named = request.named or {}
    request.named[member.wire] = true
    return add_query(request, member.wire, write(value, state))
  end
  if type(value) ~= "table" then
    return walk.mismatch(state, "a map", value)
  end
  request.spread = request.spread or {}
  for key, item in next, value do
    request.spread[tostring(key)] = item ~= null and write(item, state) or nil
  end
end

function place.body(request, member, write, value, state)
  local new
  if write then new = write(value, state) end
  if new == nil then new = value end
  request.json[member.wire] = new
end

function place.payload(request, member, write, value, state)
  local kind, detail = state.schema:type(member.type)
  if kind == "events" then return end
  if kind == "blob" then
    request.body = walk.bytes(value, state, detail)
    if not request.body and not state.validate then
      walk.refuse(state, "has no bytes that could be sent")
    end
    return
  end
  local new
  if write then new = write(value, state) end
  if new == nil then new = value end
  request.payload = new
end

function place.status() end

-- Members in the model's order (which gives the query its order), then what
-- the model does not know.  Tables are read raw, as when they are encoded.
local function place_members(plan, request, params, state)
  state.depth = 1
  for _, name in ipairs(plan.input.order) do
    local value = rawget(params, name)
    if value ~= nil and value ~= null then
      local member = plan.input.members[name]
      state[1] = name
      place[member.where](request, member, plan.write[name], value, state)
    end
  end
  state.depth = 0
  for name, value in next, params do
    if not plan.input.members[name] then
      walk.unknown(state, state.schema, plan.input, name)
      if value ~= null and plan.body_members then request.json[name] = value end
    end
  end
end

local function fill_tokens(plan, request, params, state, uuid)
  if not uuid then return end
  for _, member in ipairs(plan.tokens) do
    local value = rawget(params, member.name)
    if value == nil or value == null then
      place[member.where](request, member, plan.write[member.name], uuid(),
        state)
    end
  end
end

local function greedy(text)
  return (wire.encode(text):gsub("%%2F", "/"))
end

local function fill_path(plan, request, state)
  local pieces = {}
  for i, piece in ipairs(plan.path) do
    if type(piece) == "table" then
      local text = request.labels[piece.name]
      if text == nil then
        walk.refuse(state, "required member is missing", piece.name)
        text = ""
      end
      piece = piece.greedy and greedy(text) or wire.encode(text)
    end
    pieces[i] = piece
  end
  return table.concat(pieces)
end

local function query_of(plan, request)
  if request.spread then
    local names, named = {}, request.named or {}
    for name in pairs(request.spread) do
      if not named[name] then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do
      add_query(request, name, request.spread[name])
    end
  end
  local query = request.query and table.concat(request.query, "&") or ""
  if plan.query == "" or query == "" then return plan.query .. query end
  return plan.query .. "&" .. query
end

local function default_type(request, text)
  local headers = request.headers
  if (headers["content-type"] or "") == "" then
    headers["content-type"] = text
  end
end

-- The value that goes out as JSON, or nil: the body's members (`{}` when
-- there are none), or a payload that is one; `{}` for an absent structure.
local function json_value(plan, request, schema)
  local payload = plan.payload
  if not payload then
    if not plan.body_members then return nil end
    return next(request.json) ~= nil and request.json or json.object {}
  end
  local kind = schema:type(payload.type)
  if kind == "structure" then
    return request.payload ~= nil and request.payload or json.object {}
  elseif kind == "union" or kind == "document" then
    return request.payload
  end
end

-- A payload that is no JSON of ours, with its type.
local function raw_body(plan, request, schema)
  local kind, detail = schema:type(plan.payload.type)
  if kind == "events" then
    default_type(request, STREAM_TYPE)
  elseif kind == "blob" then
    -- A model's own request is JSON, for every model of today.
    if detail == "json" then default_type(request, JSON_TYPE) end
    if request.body then default_type(request, "application/octet-stream") end
  elseif type(request.payload) == "string" then -- a string or an enum
    request.body = request.payload
    default_type(request, "text/plain")
  end
end

local function encode_body(plan, request, state)
  local value = json_value(plan, request, state.schema)
  if value == nil then
    if plan.payload then raw_body(plan, request, state.schema) end
    return
  end
  local text, message = walk.encode(value)
  if not text or state.problems then
    local found = explain.add(state, value, plan.payload
      and { plan.payload.name } or {})
    if not text and not found then walk.refuse(state, message) end
  end
  request.body = text
  default_type(request, JSON_TYPE)
end

local function resolve(operation)
  if type(operation) == "table" then return operation end
  return assert(shapes.bedrock():operation(operation), operation)
end

--- The HTTP request of an operation.
-- @param operation  its name ("ConverseStream"), or an operation of a schema
-- @param params     table of AWS's member names
-- @param options    nil or { validate = false to keep complaints back,
--   uuid = function that gives idempotency tokens }
-- @return { method, path = percent-encoded once, query = "" or "a=b&c=d",
--   headers = { ["lower-name"] = text }, body = string or nil };
--   nil, error of kind "validation" that tells every problem at once
function marshal.request(operation, params, options)
  operation = resolve(operation)
  options = options or {}
  local state = walk.new(options.validate)
  local plan = plan_of(operation)
  state.schema = operation.schema
  if type(params) ~= "table" then
    walk.refuse(state, "expected a table of parameters, got a " .. type(params))
    return nil, walk.error(state, operation)
  end
  -- Made when first needed: query (list of pairs), named (in the query).
  local request = { labels = {}, headers = {}, json = {} }
  place_members(plan, request, params, state)
  fill_tokens(plan, request, params, state, options.uuid)
  if state.validate then
    walk.check_required(plan, params, state)
  end
  local path = fill_path(plan, request, state)
  encode_body(plan, request, state)
  local problem = walk.error(state, operation)
  if problem then return nil, problem end
  return {
    method = operation.method, path = path, query = query_of(plan, request),
    headers = request.headers, body = request.body,
  }
end

--- One event of a duplex operation's input: `{ chunk = { bytes = raw } }`.
-- Where the model's own JSON is meant, a table serves as `bytes` too.
-- @return the event's type, its payload as JSON; nil, error of kind
--   "validation"
function marshal.event(operation, event, options)
  operation = resolve(operation)
  local state = walk.new(options and options.validate)
  local events = shapes.events(operation, operation.input)
  local name, value
  if type(event) == "table" then name, value = next(event) end
  local member = events and events.members[name]
  if not member or next(event, name) ~= nil then
    walk.refuse(state, "expected a table with one of the events "
      .. table.concat(events and events.order or {}, ", "))
    return nil, walk.error(state, operation)
  end
  state.depth, state[1] = 1, name
  local convert = walk.converter(operation.schema, member.type)
  local new = convert(value, state)
  local text, message = walk.encode(new ~= nil and new or value)
  if not text then walk.refuse(state, message) end
  local problem = walk.error(state, operation)
  if problem then return nil, problem end
  return name, text
end

return marshal
