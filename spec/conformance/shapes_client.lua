-- Random parameters, answers and events of every operation, for us and for
-- AWS's own SDK (shapes_peer.mjs): both have to write and read the same.
--
--   BEDROCK_PEERS=.../node_modules lua5.4 spec/conformance/shapes_client.lua
--
-- Prints TAP lines and at the end "N passed, N failed".  BEDROCK_SEED makes
-- other values.

package.path = "spec/conformance/?.lua;" .. package.path

local core = require "bedrock.core"
local json = require "bedrock.json"
local judge = require "judge"
local marshal = require "bedrock.service.marshal"
local shapes = require "bedrock.service.shapes"
local unmarshal = require "bedrock.service.unmarshal"
local values = require "values"

local equal, test = judge.equal, judge.test
local EACH = 60

math.randomseed(tonumber(os.getenv "BEDROCK_SEED") or 1)
local schema = shapes.bedrock()
local questions = {} -- { name, ask = for the peer, check = function(answer) }

-- Headers that are the SDK's own, or another part's of the library.
local NOT_OURS = { host = true, authorization = true, ["x-amz-date"] = true,
  ["content-length"] = true, ["user-agent"] = true, ["amz-sdk-request"] = true,
  ["x-amz-user-agent"] = true, ["amz-sdk-invocation-id"] = true,
  ["x-amz-content-sha256"] = true }

local function headers_of(theirs)
  local ours = {}
  for name, value in pairs(theirs) do
    if not NOT_OURS[name:lower()] then ours[name:lower()] = value end
  end
  -- A model's own request is JSON to us, and bytes to them.
  if ours["content-type"] == "application/octet-stream" then
    ours["content-type"] = "application/json"
  end
  return ours
end

local function query_of(theirs)
  local parts = {}
  for name, value in pairs(theirs or {}) do
    parts[#parts + 1] = core.bytes.uri_encode(name) .. "="
      .. core.bytes.uri_encode(value)
  end
  table.sort(parts)
  return table.concat(parts, "&")
end

local function sorted(query)
  local parts = {}
  for part in query:gmatch "[^&]+" do parts[#parts + 1] = part end
  table.sort(parts)
  return table.concat(parts, "&")
end

-- A copy in which arrays differ from objects, and in which a document is its
-- value: only our side marks them in answers.
local function plain(value)
  if type(value) ~= "table" then return value end
  if value["$document"] ~= nil then return plain(value["$document"]) end
  local copy = {}
  for key, item in pairs(value) do copy[key] = plain(item) end
  copy.__array = json.is_array(value) or nil
  return copy
end

local function check_body(operation, ours, theirs)
  theirs = theirs ~= json.null and core.bytes.base64_decode(theirs) or ""
  if operation.reply ~= "json" and operation.name:find "^Invoke" then
    return equal(theirs, ours or "", "body")
  elseif theirs == "" then
    return equal("", ours or "", "body")
  end
  theirs, ours = assert(json.decode(theirs)), assert(json.decode(ours))
  theirs.clientRequestToken, ours.clientRequestToken = nil, nil -- made up
  equal(plain(theirs), plain(ours), "body")
end

local function ask_request(operation)
  local params = values.params(operation)
  local ask = { operation = operation.name,
    params = values.marked(operation.input.name, params) }
  local function check(theirs)
    local ours = assert(marshal.request(operation, params))
    equal(theirs.method, ours.method, "method")
    equal(theirs.path, ours.path, "path")
    equal(query_of(theirs.query), sorted(ours.query), "query")
    equal(headers_of(theirs.headers), ours.headers, "headers")
    check_body(operation, ours.body, theirs.body)
  end
  return { ask = ask, check = check }
end

-- Parameters with which the SDK asks; the answer is what is looked at.
local function least(shape)
  local out = json.object {}
  for _, name in ipairs(shape.required) do
    local kind, detail = schema:type(shape.members[name].type)
    if kind == "structure" then
      out[name] = least(detail)
    else
      out[name] = kind == "list" and json.array {} or kind == "union"
        and json.object {} or "x"
    end
  end
  return out
end

local function ask_answer(operation)
  local output = operation.output.name
  local body = json.encode(values.wire(output, values.answer(operation)))
  local ask = { operation = operation.name, params = least(operation.input),
    body = core.bytes.base64_encode(body) }
  local function check(theirs)
    local ours = assert(unmarshal.response(operation, 200, {}, body))
    equal(plain(theirs.answer), plain(values.marked(output, ours)), "answer")
  end
  return { ask = ask, check = check }
end

-- All events of a stream, some of them often: readers change with habit.
local function frames_of(events)
  local frames, all = {}, {}
  for i = 1, 40 do
    local name = events.order[math.random(#events.order)]
    local of = events.members[name].type
    local payload = values.wire(of, values.of(of))
    if i % 3 == 0 then payload.p = ("abcdef"):rep(i % 5) end
    all[i] = { name, of }
    frames[i] = core.eventstream.encode({ { ":event-type", name },
      { ":content-type", "application/json" }, { ":message-type", "event" } },
      json.encode(payload))
  end
  return table.concat(frames), all
end

-- The events that are none of its exceptions.
local function plain_events(operation)
  local events = shapes.events(operation, operation.output)
  local order = {}
  for _, name in ipairs(events.order) do
    if schema:type(events.members[name].type) ~= "exception" then
      order[#order + 1] = name
    end
  end
  return { order = order, members = events.members }
end

local function ask_events(operation)
  local bytes, all = frames_of(plain_events(operation))
  local ask = { operation = operation.name, params = least(operation.input),
    body = core.bytes.base64_encode(bytes), streams = true }
  local function check(theirs)
    local decoder, read = core.eventstream.decoder(),
      unmarshal.event(operation)
    decoder:feed(bytes)
    equal(#all, #theirs.events, "events")
    for i, one in ipairs(all) do
      local name, of = one[1], one[2]
      local event = read(decoder:event())
      equal(plain(theirs.events[i]),
        plain { [name] = values.marked(of, event[name]) }, name)
    end
  end
  return { ask = ask, check = check }
end

local function add(name, operation, make)
  local list = {}
  for i = 1, EACH do list[i] = make(operation) end
  questions[#questions + 1] = { name = name:format(operation.name), list }
end

for _, name in ipairs(schema:operation_names()) do
  local operation = schema:operation(name)
  if operation.reply ~= "duplex" then
    add("%s: requests", operation, ask_request)
  end
  if operation.reply == "json" then
    add("%s: answers", operation, ask_answer)
  elseif operation.reply == "events" then
    add("%s: events", operation, ask_events)
  end
end

local path = os.tmpname()
local file = assert(io.open(path, "w"))
for _, group in ipairs(questions) do
  for _, one in ipairs(group[1]) do
    file:write(assert(json.encode(one.ask)), "\n")
  end
end
file:close()

local peer = assert(io.popen("node spec/conformance/shapes_peer.mjs " .. path
  .. " 2>/dev/null"))
for _, group in ipairs(questions) do
  test(("%s (%d)"):format(group.name, EACH), function()
    for _, one in ipairs(group[1]) do
      local line = peer:read "l" or error "the peer has ended"
      one.theirs = assert(json.decode(line))
    end
    for _, one in ipairs(group[1]) do
      if one.theirs.error then error(one.theirs.error) end
      one.check(one.theirs)
    end
  end)
end
peer:close()
os.remove(path)
judge.finish()
