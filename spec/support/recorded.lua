--- The recorded event streams as event tables, read without the library's
-- decoder: spec/support/frames.lua and lua-cjson's sibling alone.

local bytes = require "bedrock.core".bytes
local frames = require "spec.support.frames"
local json = require "bedrock.json"
local process = require "bedrock.emulator.process"
local vectors = require "spec.support.vectors"

local recorded = {}

-- Members that the model calls blob and that the recordings hold.
local function raw_blobs(event)
  local delta = event.contentBlockDelta and event.contentBlockDelta.delta
  local reasoning = delta and delta.reasoningContent
  if reasoning and reasoning.redactedContent then
    reasoning.redactedContent =
      assert(bytes.base64_decode(reasoning.redactedContent))
  end
  return event
end

local function event_of(message)
  local kind = message.headers[":event-type"]
  if not kind then return nil end
  local payload = assert(json.decode(message.payload))
  if kind ~= "chunk" then return raw_blobs { [kind] = payload } end
  local text = assert(bytes.base64_decode(payload.bytes))
  return { chunk = { bytes = text, json = assert(json.decode(text)) } }
end

--- Every recorded stream of one operation.
-- @return list of { name =, path = of the bytes, model_id =, request =,
--   events = { ... }, exception = type of one that ends it }
function recorded.streams(operation)
  local list = {}
  for _, path in ipairs(vectors.files("recorded/streams", ".json")) do
    local about = assert(json.decode(vectors.read(path)))
    if about.operation == operation then
      local one = { name = path:match "([^/]+)%.json$", events = {},
                    model_id = about.model_id, request = about.request_body,
                    path = (path:gsub("json$", "bin")) }
      for _, message in ipairs(frames.read(vectors.read(one.path))) do
        one.exception = one.exception or message.headers[":exception-type"]
        one.events[#one.events + 1] = event_of(message)
      end
      list[#list + 1] = one
    end
  end
  return list
end

local METHODS = { ConverseStream = "converse_stream",
  InvokeModelWithResponseStream = "invoke" }

--- The recorded streams of all operations, as `streams` gives them, each with
-- its operation and the client's method for it.
function recorded.all_streams()
  local list = {}
  for operation, method in pairs(METHODS) do
    for _, one in ipairs(recorded.streams(operation)) do
      one.operation, one.method = operation, method
      list[#list + 1] = one
    end
  end
  return list
end

--- Serve streams over HTTP in pieces of random size; the model id of a
-- request is the number of its stream (plain_server.lua).
-- @return the process; its `line` is the port
function recorded.serve(list)
  local names = {}
  for i, one in ipairs(list) do names[i] = ("'%s'"):format(one.path) end
  return process.start("lua5.4 spec/support/plain_server.lua 1 "
    .. table.concat(names, " "))
end

--- The bodies of recorded unary answers of one operation, decoded.
-- @return list of { name =, model_id =, body = }
function recorded.answers(operation)
  local list = {}
  for _, path in ipairs(vectors.files("recorded/unary", ".json")) do
    local about = assert(json.decode(vectors.read(path)))
    if about.operation == operation and about.http_status == 200 then
      list[#list + 1] = {
        name = path:match "([^/]+)%.json$", model_id = about.model_id,
        body = json.decode(vectors.read((path:gsub("json$", "bin")))),
      }
    end
  end
  return list
end

--- Paths of everything in a value, lists told apart from objects: what two
-- answers of one kind have in common.
-- @return table: path -> type of what is there
function recorded.shape(value, path, paths)
  path, paths = path or "", paths or {}
  if type(value) ~= "table" then
    paths[path] = type(value)
  elseif json.is_array(value) then
    for _, item in ipairs(value) do
      recorded.shape(item, path .. "[]", paths)
    end
  else
    for key, item in pairs(value) do
      -- What a tool takes is the tool's, and counts vary with the model.
      if key ~= "input" and key ~= "serverToolUsage" then
        recorded.shape(item, path .. "." .. key, paths)
      end
    end
  end
  return paths
end

return recorded
