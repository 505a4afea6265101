--- Parameters -> an HTTP request (restJson1).
--
-- Everything an operation is comes from the model's rows: which member is a
-- label of the URI, part of the query, a header, the body.  The request is
-- what was asked for and no more: no Accept, no member that was not given.
--
-- Parameters that fit the model's forms, as most do, go out as they are; the
-- modules that convert and complain are loaded for the first that do not.

local forms = require "bedrock.service.forms"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local shapes = require "bedrock.service.shapes"
local wire = require "bedrock.service.wire"

local bindings = lazy "bedrock.service.bindings"
local explain = lazy "bedrock.service.explain"
local input_event = lazy "bedrock.service.input_event"
local payload = lazy "bedrock.service.payload"
local walk = lazy "bedrock.service.walk"

local marshal = {}

local next, type, rawget = next, type, rawget
local fits = forms.fits
local null = json.null

local JSON_TYPE = "application/json"

-- How the members of an input are put into a request: functions
--
--     put(value, state)
--
-- where `state` is the walk's (walk.lua), and holds what is made on the way:
-- labels (by their name in the path), headers, json (the body's members),
-- body (bytes), payload (payload.lua), query and spread (bindings.lua).

local function body_member(schema, member)
  local form, name = forms.of(schema, member.type), member.wire
  return function(value, state)
    if not fits(value, form) then value = walk.member(member, value, state) end
    state.json[name] = value
  end
end

local function bound_member(schema, member)
  local put = bindings[member.where](schema, member)
  return function(value, state)
    state.depth, state[1] = 1, member.name
    put(value, state)
    state.depth = 0
  end
end

-- A label that is plain text, as ids and ARNs are, needs no more of a look.
local function label_member(schema, member)
  local put = nil
  return function(value, state)
    if type(value) == "string" and value:find "^%w[!-~]*$" then
      state.labels[member.wire] = value
      return
    end
    put = put or bound_member(schema, member)
    put(value, state)
  end
end

local function put_member(schema, member)
  if member.where == "body" then return body_member(schema, member) end
  if member.where == "payload" then return payload.put(schema, member) end
  if member.where == "uri" and schema:type(member.type) == "string" then
    return label_member(schema, member)
  end
  return bound_member(schema, member)
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
    -- Each made when its member is first given; nil for unknown names.
    put = setmetatable({}, { __index = function(known, name)
      local member = input.members[name]
      if not member then return nil end
      known[name] = put_member(schema, member)
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

-- What the model does not know is complained of, and sent all the same.
local function put_unknown(plan, params, state)
  for name, value in next, params do
    if not plan.input.members[name] then
      walk.unknown(state, state.schema, plan.input, name)
      if value ~= null and plan.body_members then state.json[name] = value end
    end
  end
end

-- Tables are read raw, as when they are encoded.
local function put_members(plan, params, state)
  local any_unknown = false
  for name, value in next, params do
    local put = plan.put[name]
    if not put then
      any_unknown = true
    elseif value ~= null then
      put(value, state)
    end
  end
  if any_unknown then put_unknown(plan, params, state) end
end

local function is_absent(params, name)
  local value = rawget(params, name)
  return value == nil or value == null
end

local function put_tokens(plan, params, state, uuid)
  for i = 1, uuid and #plan.tokens or 0 do
    local name = plan.tokens[i].name
    if is_absent(params, name) then plan.put[name](uuid(), state) end
  end
end

local function check_required(plan, params, state)
  for i = 1, #plan.required do
    if is_absent(params, plan.required[i]) then
      return walk.check_required(plan, params, state)
    end
  end
end

local function label_of(piece, state)
  local text = state.labels[piece.name]
  if text == nil then
    walk.refuse(state, "required member is missing", piece.name)
    return ""
  end
  return wire.encode(text, piece.greedy)
end

local function path_text(plan, state)
  local path = ""
  for i = 1, #plan.path do
    local piece = plan.path[i]
    if type(piece) == "table" then piece = label_of(piece, state) end
    path = path .. piece
  end
  return path
end

local function default_type(state, text)
  local headers = state.headers
  if (headers["content-type"] or "") == "" then
    headers["content-type"] = text
  end
end

-- The value that goes out as JSON, or nil: the body's members (`{}` when
-- there are none), or a payload that is one.
local function json_value(plan, state)
  if plan.payload then return payload.json_value(plan.payload, state) end
  if not plan.body_members then return nil end
  return next(state.json) ~= nil and state.json or json.object {}
end

local function encode_body(plan, state)
  local value = json_value(plan, state)
  if value == nil then
    local text = plan.payload and payload.raw_type(plan.payload, state)
    if text then default_type(state, text) end
    return
  end
  local text, message = wire.json(value)
  if not text or state.problems then
    local found = explain.add(state, value, plan.payload
      and { plan.payload.name } or {})
    if not text and not found then walk.refuse(state, message) end
  end
  state.body = text
  default_type(state, JSON_TYPE)
end

local resolve = shapes.resolve

local function new_state(operation, options)
  return {
    depth = 0, schema = operation.schema, problems = nil,
    validate = not options or options.validate ~= false,
    body = nil, labels = { modelId = nil }, -- nil: room for what is usual
    headers = { ["content-type"] = nil },
    json = { messages = nil, system = nil, inferenceConfig = nil,
      toolConfig = nil },
  }
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
  local plan, state = plan_of(operation), new_state(operation, options)
  if type(params) ~= "table" then
    walk.refuse(state, "expected a table of parameters, got a " .. type(params))
    return nil, state.problems:error(operation.name)
  end
  put_members(plan, params, state)
  put_tokens(plan, params, state, options and options.uuid)
  if state.validate then check_required(plan, params, state) end
  local path = path_text(plan, state)
  encode_body(plan, state)
  if state.problems then return nil, state.problems:error(operation.name) end
  local query = plan.query
  if state.query or state.spread then
    query = bindings.query_text(plan, state)
  end
  return {
    method = operation.method, path = path, query = query,
    headers = state.headers, body = state.body,
  }
end

--- One event of a duplex operation's input: `{ chunk = { bytes = raw } }`.
-- Where the model's own JSON is meant, a table serves as `bytes` too.
-- @return the event's type, its payload as JSON; nil, error of kind
--   "validation"
function marshal.event(operation, event, options)
  return input_event.write(resolve(operation), event, options)
end

return marshal
