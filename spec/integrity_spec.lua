-- A stream ends cleanly only if it did, and no event is ever another than
-- the one that was sent.
local bedrock = require "bedrock"
local core = require "bedrock.core"
local errors = require "bedrock.errors"
local fakehost = require "spec.support.fakehost"
local odd = require "spec.support.odd"
local recorded = require "spec.support.recorded"
local vectors = require "spec.support.vectors"

local HEADERS = { ["content-type"] = "application/vnd.amazon.eventstream" }
local STREAMS = 5 -- of each operation are cut everywhere
local AT_ONCE = 24

local METHODS = { ConverseStream = "converse_stream",
  InvokeModelWithResponseStream = "invoke" }

local function plain(events)
  for _, event in ipairs(events) do
    for _, payload in pairs(event) do
      payload.p = nil
      if payload.bytes then payload.json = payload.json end
    end
  end
  return events
end

-- The smallest recordings of each operation, in the order of their sizes.
local function smallest()
  local list = {}
  for operation in pairs(METHODS) do
    for _, one in ipairs(recorded.streams(operation)) do
      one.operation, one.size = operation, #vectors.read(one.path)
      plain(one.events)
      list[#list + 1] = one
    end
  end
  table.sort(list, function(a, b)
    if a.size ~= b.size then return a.size < b.size end
    return a.path < b.path
  end)
  local chosen, seen, count = {}, {}, {}
  for _, one in ipairs(list) do
    local n = count[one.operation] or 0
    if n < STREAMS and not seen[one.size] then
      chosen[#chosen + 1], seen[one.size] = one, true
      count[one.operation] = n + 1
    end
  end
  return chosen
end

describe("a recorded stream that is cut", function()
  if not vectors.available() then
    pending "vectors are absent"
    return
  end

  local list, server, client = smallest(), nil, nil
  setup(function()
    local paths = {}
    for i, one in ipairs(list) do paths[i] = one.path end
    server = odd.start(paths)
    client = server:client()
  end)
  teardown(function() server:stop() end)

  local function start(one, index, n, how)
    local params = { modelId = ("cut.%d.%d.%s"):format(index, n, how) }
    if one.operation == "ConverseStream" then
      params.messages = {}
    else
      params.body = "{}"
    end
    return { events = {}, n = n,
      stream = client[METHODS[one.operation]](client, params) }
  end

  local function finish(try)
    while true do
      local event, err = try.stream:next()
      if not event then return err end
      try.events[#try.events + 1] = event
    end
  end

  local function check(one, whole, try, err)
    plain(try.events)
    for i, event in ipairs(try.events) do
      assert.same(one.events[i], event)
    end
    if try.n < whole then
      assert.truthy(err, ("a clean end after %d bytes of %d"):format(try.n,
        whole))
      assert.truthy(({ transport = true, protocol = true,
        service = one.exception ~= nil })[err.kind], tostring(err))
    elseif not one.exception then
      assert.is_nil(err)
      assert.equal(#one.events, #try.events)
    end
  end

  local HEAD = #("HTTP/1.1 200 OK\r\n"
    .. "content-type: application/vnd.amazon.eventstream\r\n"
    .. "content-length: \r\n\r\n")

  for index, one in ipairs(list) do
    for _, how in ipairs { "rst", "fin" } do
      it(("by %s anywhere is an error: %s"):format(how, one.name), function()
        local whole = HEAD + #tostring(one.size) + one.size
        local tries, n = {}, 0
        while n <= whole do
          for _ = 1, math.min(AT_ONCE, whole - n + 1) do
            tries[#tries + 1] = start(one, index, n, how)
            n = n + 1
          end
          for _, try in ipairs(tries) do
            check(one, whole, try, finish(try))
          end
          tries = {}
        end
      end)
    end
  end
end)

-- ---- one message at a time, without a network ----------------------------

local function message(kind, payload, more)
  local headers = { { ":message-type", "event" }, { ":event-type", kind },
    { ":content-type", "application/json" } }
  for _, header in ipairs(more or {}) do headers[#headers + 1] = header end
  return core.eventstream.encode(headers, payload)
end

local START = message("messageStart", '{"role":"assistant"}')
local TEXT = message("contentBlockDelta",
  '{"contentBlockIndex":0,"delta":{"text":"Hi"}}')
local STOP = message("messageStop", '{"stopReason":"end_turn"}')

local function run(pieces, options, headers)
  pieces.headers = headers or HEADERS
  local host = fakehost.new(pieces)
  local given = { host = host, region = "us-east-1", env = {},
    max_attempts = 1,
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  local stream = bedrock.new(given):converse_stream { modelId = "m",
    messages = { { role = "user", content = { { text = "Hello" } } } } }
  local events = {}
  while true do
    local event, err = stream:next()
    if not event then return err, events, stream end
    events[#events + 1] = event
  end
end

local function flipped(bytes, bit)
  local at = math.floor(bit / 8) + 1
  local value, mask = bytes:byte(at), 2 ^ (bit % 8)
  value = math.floor(value / mask) % 2 == 1 and value - mask or value + mask
  return bytes:sub(1, at - 1) .. string.char(value) .. bytes:sub(at + 1)
end

describe("the end of a stream", function()
  it("has five ways to be wrong, told apart", function()
    local cut = TEXT:sub(1, -5)
    local seen = {}
    for code, pieces in pairs {
      TruncatedFrame = { START, cut },
      IncompleteStream = { START, TEXT },
      MessageChecksumMismatch = { START, flipped(TEXT, #TEXT * 8 - 3) },
      PreludeChecksumMismatch = { START, flipped(TEXT, 3) },
      ThrottlingException = { START, core.eventstream.encode({
        { ":message-type", "exception" },
        { ":exception-type", "throttlingException" } },
        '{"message":"slow"}') },
    } do
      local err, events, stream = run(pieces)
      assert.equal(code, err.code)
      assert.is_nil(seen[err.message])
      seen[err.message] = true
      assert.is_true(#events >= 1)
      assert.equal("assistant", stream:partial().output.message.role)
    end
    local err = run({ "<html>" }, nil, { ["content-type"] = "text/html" })
    assert.equal("UnexpectedContentType", err.code)
  end)

  it("is clean after messageStop, and metadata still comes", function()
    local err, events = run { START, TEXT, STOP,
      message("metadata", '{"usage":{"inputTokens":1}}') }
    assert.is_nil(err)
    assert.equal(4, #events)
  end)

  it("keeps what had come for partial()", function()
    local err, _, stream = run { START, TEXT, errors.new("transport", "gone",
      { code = "ConnectionReset", retryable = true }) }
    assert.equal("ConnectionReset", err.code)
    assert.equal("Hi", stream:partial().output.message.content[1].text)
    local answer, again = stream:response()
    assert.is_nil(answer)
    assert.equal(err, again)
  end)

  it("is none when bytes follow it", function()
    local err = run { START, TEXT, STOP, "more" }
    assert.equal("TruncatedFrame", err.code)
  end)
end)

describe("a body that ends with its connection", function()
  it("is whole if its last chunk came", function()
    local server = odd.start()
    local client = server:client()
    local function ending(how)
      local events = 0
      local stream = client:invoke { modelId = "loose." .. how, body = "{}" }
      while true do
        local event, err = stream:next()
        if not event then return events, err and err.code end
        events = events + 1
      end
    end
    assert.same({ 2 }, { ending "whole" })
    assert.same({ 1, "IncompleteStream" }, { ending "cut" })
    server:stop()
  end)
end)

describe("a message", function()
  it("with any bit flipped is refused, and nothing of it is seen", function()
    for bit = 0, #TEXT * 8 - 1 do
      local err, events = run { START .. flipped(TEXT, bit) .. STOP }
      assert.equal("protocol", err.kind, bit)
      assert.equal(1, #events, bit)
    end
  end)

  it("above the limit is refused before it is held", function()
    local err = run({ START, message("contentBlockDelta",
      '{"contentBlockIndex":0,"delta":{"text":"' .. ("x"):rep(2000)
      .. '"}}') }, { max_event_bytes = 1000 })
    assert.equal("LimitExceeded", err.code)
  end)

  it("that says it is 4 GB is refused at its first twelve bytes", function()
    local lengths = "\255\255\255\255\0\0\0\16"
    local crc = core.bytes.crc32(lengths)
    local prelude = lengths
    for shift = 3, 0, -1 do
      prelude = prelude
        .. string.char(math.floor(crc / 256 ^ shift) % 256)
    end
    local err = run { START, prelude, ("x"):rep(1000) }
    assert.equal("LimitExceeded", err.code)
  end)

  it("with a header twice is refused", function()
    local twice = core.eventstream.encode({ { ":message-type", "event" },
      { ":event-typeA", "a" }, { ":event-typeB", "b" } }, "{}")
    -- the encoder would not write it; rename one and mend the checksum
    local body = twice:sub(1, -5):gsub(":event%-typeB", ":event-typeA")
    local crc = core.bytes.crc32(body)
    for shift = 3, 0, -1 do
      body = body .. string.char(math.floor(crc / 256 ^ shift) % 256)
    end
    assert.equal("InvalidHeader", run({ START, body }).code)
  end)

  it("whose payload is no JSON object is refused", function()
    for _, payload in ipairs { "", "[]", "1", '"x"', "null", "{", "{}x",
        '{"a":1,}', "\255", '{"a":"\1"}' } do
      local err = run { START, message("contentBlockDelta", payload) }
      assert.equal("InvalidEvent", err.code, payload)
    end
  end)

  it("of a type nobody knows is an error", function()
    local err = run { START, core.eventstream.encode({
      { ":message-type", "surprise" } }, "{}") }
    assert.equal("UnknownMessageType", err.code)
    err = run { START, core.eventstream.encode({ { ":message-type", true } },
      "{}") }
    assert.equal("UnknownMessageType", err.code)
  end)

  it("of an event nobody knows is handed on", function()
    local err, events = run { START, message("novelty", '{"a":{"b":[1]}}'),
      STOP }
    assert.is_nil(err)
    assert.same({ novelty = { a = { b = { 1 } } } }, events[2])
  end)
end)

describe("the head of a stream", function()
  it("with a content encoding is refused", function()
    local err = run({ START }, nil, { ["content-encoding"] = "gzip",
      ["content-type"] = HEADERS["content-type"] })
    assert.equal("UnexpectedContentEncoding", err.code)
  end)
end)
