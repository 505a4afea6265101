-- Every recorded stream, through HTTP in pieces of random size, comes out of
-- the client as its decoded payloads, on each host.
local bedrock = require "bedrock"
local hosts = require "spec.support.hosts"
local recorded = require "spec.support.recorded"
local vectors = require "spec.support.vectors"

local function keep_json(events)
  for _, event in ipairs(events) do
    if event.chunk then event.chunk.json = event.chunk.json end
  end
  return events
end

local function drop_padding(events)
  for _, event in ipairs(events) do
    for _, payload in pairs(event) do payload.p = nil end
  end
  return events
end

describe("recorded streams over HTTP", function()
  if not vectors.available() then
    pending "vectors are absent"
    return
  end

  local list, server, options = recorded.all_streams(), nil, nil

  setup(function()
    server = recorded.serve(list)
    options = { region = "us-east-1",
      endpoint_url = "http://127.0.0.1:" .. server.line,
      credentials = { access_key_id = "a", secret_access_key = "b" } }
  end)
  teardown(function() server:stop() end)

  -- Events, and the error that ended them.
  local function events_of(host, one, index)
    options.host = host
    local client = bedrock.new(options)
    local stream = client[one.method](client, {
      modelId = tostring(index), body = one.operation:match "^Invoke" and "{}"
        or nil, messages = one.operation == "ConverseStream" and {} or nil })
    local events = {}
    while true do
      local event, err = stream:next()
      if not event then return keep_json(events), err, stream end
      events[#events + 1] = event
    end
  end

  local function check(host, one, index)
    local events, err, stream = host.run(function(object)
      return events_of(object, one, index)
    end)
    assert.same(one.events, events)
    if one.exception then
      assert.equal("service", err.kind)
      assert.equal("stream", err.stage)
      assert.equal(one.exception:lower(), err.code:lower())
    else
      assert.is_nil(err)
    end
    assert.equal("plain", stream.request_id)
  end

  for _, one in ipairs(list) do drop_padding(one.events) end
  for _, host in ipairs(hosts.list) do
    describe("on " .. host.name, function()
      if host.absent then return pending(host.absent) end
      for index, one in ipairs(list) do
        it(one.operation .. ": " .. one.name, function()
          check(host, one, index)
        end)
      end
    end)
  end
end)
