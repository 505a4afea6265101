--- A whole answer out of the chunks of InvokeModelWithResponseStream, in the
-- shape that `invoke_model` returns for the same model.

local errors = require "bedrock.errors"
local families = require "bedrock.answer.families"
local json = require "bedrock.json"

local Invoke = {}
Invoke.__index = Invoke

-- What Bedrock itself adds to chunks of any family.
local ADDED = { "amazon-bedrock-invocationMetrics", "amazon-bedrock-trace",
                "amazon-bedrock-guardrailAction" }

local function decoded(event)
  local chunk = event.chunk
  if type(chunk) ~= "table" then return nil end
  local value = chunk.json
  if value == nil and type(chunk.bytes) == "string" then
    value = json.decode(chunk.bytes)
  end
  return type(value) == "table" and value or nil
end

local function recognise(chunk)
  for _, family in ipairs(families) do
    if family.match(chunk) then return family end
  end
  return nil
end

-- The members of a chunk that no family has, for the error.
local function members(chunk)
  local names = {}
  for key in pairs(chunk) do
    key = tostring(key)
    if key:sub(1, 15) ~= "amazon-bedrock-" then names[#names + 1] = key end
  end
  table.sort(names)
  return names
end

local function stranger(self, chunk)
  local names = members(chunk)
  if names[1] then
    self.strange = self.strange or table.concat(names, ", ", 1,
                                                math.min(#names, 8))
  end
end

--- Take one event (`{ chunk = { bytes =, json = } }`).  Never fails; an
-- event that is no chunk is passed over.
function Invoke:add(event)
  local chunk = decoded(event)
  if not chunk then return end
  self.built = nil
  if not self.kind then
    self.kind = recognise(chunk)
    if not self.kind then stranger(self, chunk) end
    self.state = self.kind and self.kind.new()
  end
  for _, name in ipairs(ADDED) do
    if chunk[name] ~= nil then self.added[name] = chunk[name] end
  end
  if self.state then self.state:add(chunk) end
end

local function unknown(self)
  local names = {}
  for _, family in ipairs(families) do
    if names[#names] ~= family.name then names[#names + 1] = family.name end
  end
  local what = self.strange and "members " .. self.strange
    or "no chunk arrived"
  return errors.new("protocol", ("the chunks of %s are of no family known "
    .. "here (%s); known are %s. Read them one by one: event.chunk.json is "
    .. "each chunk decoded, event.chunk.bytes its text"):format(
    self.model_id and ("%q"):format(self.model_id) or "this model", what,
    table.concat(names, ", ")), { code = "UnknownChunkFamily" })
end

--- The family that the chunks belong to.
-- @return its name | nil, err when no chunk was of a known family
function Invoke:family()
  if self.kind then return self.kind.name end
  return nil, unknown(self)
end

--- The piece of text in an event, or nil.  Of the event that was added last,
-- where a family's last chunk may say again what came.
-- @return text | nil | nil, err when the chunk is of no known family
function Invoke:text(event)
  local chunk = decoded(event)
  if not chunk then return nil end
  local kind = self.kind or recognise(chunk)
  if not kind then
    if not members(chunk)[1] then return nil end
    stranger(self, chunk)
    return nil, unknown(self)
  end
  local text = kind.text(chunk, self.state and self.state.state)
  if type(text) == "string" and text ~= "" then return text end
  return nil
end

--- What arrived so far, in the shape of `response`.
-- @return a table | nil, err when no chunk was of a known family
function Invoke:partial()
  if not self.kind then return nil, unknown(self) end
  local made, message = self.state:response()
  if not made then
    return nil, errors.new("service", message, { stage = "stream" })
  end
  local response = {}
  for key, value in pairs(made) do response[key] = value end
  for key, value in pairs(self.added) do response[key] = value end
  return response
end

--- The answer as `invoke_model` returns it for this family, and with it what
-- Bedrock added to the chunks (`amazon-bedrock-invocationMetrics`).
-- @return the same table each time until another event is added | nil, err
function Invoke:response()
  if not self.built then
    local made, err = self:partial()
    if not made then return nil, err end
    self.built = made
  end
  return self.built
end

local invoke = {}

--- A new, empty accumulator.
-- @param model_id for the error text alone
function invoke.new(model_id)
  return setmetatable({ model_id = model_id, added = {} }, Invoke)
end

--- The piece of text in an event of any known family, or nil.
function invoke.text(event)
  return (Invoke.text({}, event))
end

return invoke
