--- Events of a stream -> tables of AWS's member names.

local json = require "bedrock.json"
local lazy = require "bedrock.lazy"
local readers = require "bedrock.service.readers"
local shapes = require "bedrock.service.shapes"

local cleaners = lazy "bedrock.service.cleaners"

local output_event = {}

-- A chunk of a model's own output: `bytes` is raw, and `json` its decoding,
-- made when it is first asked for (nil when the bytes are no JSON).  Until
-- then `pairs` does not show it.  Mocks put the model's output where the
-- bytes should be; such a chunk is its own `json`.
local Chunk = {}

function Chunk.__index(chunk, key)
  if key ~= "json" then return nil end
  local bytes = rawget(chunk, "bytes")
  if bytes == nil and next(chunk) ~= nil then return chunk end
  if type(bytes) ~= "string" then return nil end
  local value = json.decode(bytes)
  if value ~= nil then rawset(chunk, "json", value) end
  return value
end

-- Does a structure hold a model's own bytes, as chunks do?
local function is_chunk(schema, text)
  local _, shape = schema:type(text)
  local member = type(shape) == "table" and shape.members
    and shape.members.bytes
  return member and member.type == "blob/json"
end

-- A reader that also makes a chunk of what it read.
local function chunk_reader(read)
  return function(value)
    if type(value) ~= "table" then return end
    read(value)
    setmetatable(value, Chunk)
  end
end

local function reader_of(operation, events, name)
  local member = events and events.members[name]
  if not member then return false end
  local read = readers.of(operation.schema, member.type)
  return is_chunk(operation.schema, member.type) and chunk_reader(read) or read
end

local function clean_event(operation, events, name, payload)
  local member = events and events.members[name]
  if member then cleaners.clean(operation.schema, member.type, payload) end
end

--- See unmarshal.event.
function output_event.reader(operation)
  local events = shapes.events(operation, operation.output)
  local reads = {}
  return function(name, payload, is_odd)
    if is_odd then clean_event(operation, events, name, payload) end
    local read = reads[name]
    if read == nil then
      read = reader_of(operation, events, name)
      reads[name] = read
    end
    if read then read(payload) end
    return { [name] = payload }
  end
end

return output_event
