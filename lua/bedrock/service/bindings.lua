--- Members of a request that are not in its JSON body, as restJson1 binds
-- them: labels of the path, the query, headers.
--
-- Each becomes a function, made when the member is first given:
--
--     put(value, state)    state: of the walk; see marshal.lua for its parts

local json = require "bedrock.json"
local texts = require "bedrock.service.texts"
local walk = require "bedrock.service.walk"
local wire = require "bedrock.service.wire"

local bindings = {}

local null = json.null

function bindings.uri(schema, member)
  local write = texts.scalar(schema, member.type, "uri")
  return function(value, state)
    local text = write(value, state)
    if text == "" then
      walk.refuse(state, "must not be empty")
    elseif text == "." or text == ".." then -- a server may go up the path
      walk.refuse(state, "must not be " .. text)
    end
    state.labels[member.wire] = text or ""
  end
end

function bindings.header(schema, member)
  local write, name = texts.header(schema, member.type), member.wire:lower()
  return function(value, state)
    state.headers[name] = write(value, state)
  end
end

-- The texts of a map's elements.
local function element_texts(schema, member, place)
  local _, element = schema:type(member.type)
  return texts.of(schema, element, place)
end

-- A map spread over headers that begin alike.
function bindings.headers(schema, member)
  local write = element_texts(schema, member, "header")
  return function(value, state)
    if type(value) ~= "table" then
      return walk.mismatch(state, "a map", value)
    end
    for key, item in next, value do
      local found = item ~= null and write(item, state)
      local name = (member.wire or ""):lower() .. tostring(key):lower()
      if not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
        walk.refuse(state, ("no header can be called %q"):format(name))
      elseif found then
        local text = table.concat(found, ", ")
        if texts.is_header(text, state) then
          state.headers[name] = state.headers[name] or text
        end
      end
    end
  end
end

-- A map spread over the query.
local function spread(schema, member)
  local write = element_texts(schema, member, "query")
  return function(value, state)
    if type(value) ~= "table" then
      return walk.mismatch(state, "a map", value)
    end
    state.spread = state.spread or {}
    for key, item in next, value do
      state.spread[tostring(key)] = item ~= null and write(item, state) or nil
    end
  end
end

function bindings.query(schema, member)
  if not member.wire or schema:type(member.type) == "map" then
    return spread(schema, member)
  end
  local write = texts.of(schema, member.type, "query")
  return function(value, state)
    state.query = state.query or {}
    state.query[member.wire] = write(value, state) or {}
  end
end

function bindings.status()
  return function() end
end

local function add_query(pairs_of, name, list)
  for _, text in ipairs(list) do
    pairs_of[#pairs_of + 1] = wire.encode(name) .. "=" .. wire.encode(text)
  end
end

--- The query: what the path's template has, members in the model's order,
-- then what a map spreads over it, unless a member is called so.
function bindings.query_text(plan, state)
  local list, named = {}, state.query or {}
  for _, name in ipairs(plan.input.order) do
    local member = plan.input.members[name]
    local found = member.where == "query" and named[member.wire]
    if found then add_query(list, member.wire, found) end
  end
  local names = {}
  for name in pairs(state.spread or {}) do
    if not named[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    add_query(list, name, state.spread[name])
  end
  if plan.query ~= "" then table.insert(list, 1, plan.query) end
  return table.concat(list, "&")
end

return bindings
