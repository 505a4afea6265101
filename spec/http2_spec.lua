-- HTTP/2: what only it can do wrong, and back-pressure over it.
local curl = require "bedrock.curl"
local odd = require "spec.support.odd"
local process = require "bedrock.emulator.process"

local function has_node()
  local pipe = io.popen "node --version 2>/dev/null"
  local version = pipe:read "*a"
  pipe:close()
  return version:match "^v(%d+)" ~= nil
end

describe("over HTTP/2", function()
  if not has_node() then
    pending "node is absent"
    return
  end

  local server
  setup(function()
    local started = process.start "node spec/support/h2_server.mjs"
    local port, door = started.line:match "(%d+) (%d+)"
    server = { process = started, url = "http://127.0.0.1:" .. port,
      door = "http://127.0.0.1:" .. door }
    function server:client(options)
      options = options or {}
      options.http_version = "2"
      return odd.client_of(self.url, options)
    end
  end)
  teardown(function() server.process:stop() end)

  local function failure(what, options)
    local stream = server:client(options):converse_stream(odd.ask(what))
    local events = 0
    while true do
      local event, err = stream:next()
      if not event then return err, events, stream end
      events = events + 1
    end
  end

  it("streams run beside each other", function()
    local one = server:client()
    local streams = {}
    for i = 1, 20 do streams[i] = one:converse_stream(odd.ask "plain") end
    for _, stream in ipairs(streams) do assert.truthy(stream:response()) end
  end)

  it("a refused stream is sent once more, told", function()
    local sent
    local one = server:client { retry_mode = "off",
      log = function(_, message, fields)
        if message:find "^attempt" then sent = fields.attempt end
      end }
    assert.truthy(one:converse_stream(odd.ask "refuse-once"):response())
    assert.equal(2, sent)
  end)

  it("GOAWAY that leaves the stream out is tried again", function()
    local one = odd.client_of(server.door, { http_version = "2",
      max_attempts = 2, idle_timeout = 20 })
    one.random = function() return 0 end
    assert.truthy(one:converse_stream(odd.ask "plain"):response())
  end)

  it("a reset stream is an error", function()
    local one = server:client()
    local stream = one:converse_stream(odd.ask "reset")
    local answer, err = stream:response()
    assert.is_nil(answer)
    assert.equal("transport", err.kind)
    assert.equal("stream", err.stage)
    assert.equal("assistant", stream:partial().output.message.role)
    assert.equal("Http2StreamReset", err.code)
  end)

  it("GOAWAY with the connection gone is an error", function()
    local err, events = failure "goaway"
    assert.equal("transport", err.kind)
    assert.equal(1, events)
  end)

  it("GOAWAY lets the running stream end", function()
    local err, events = failure "farewell"
    assert.is_nil(err)
    assert.equal(3, events)
  end)

  it("a stream that ends inside a message is an error", function()
    local err, events = failure "short"
    assert.equal("TruncatedFrame", err.code)
    assert.equal(1, events)
  end)

  it("limits are the same", function()
    local err = failure("reset", { total_timeout = 0.005 })
    assert.truthy(err.kind == "timeout" or err.kind == "transport")
  end)

  it("a slow reader stops the sender, and gets everything", function()
    local one, other = server:client(), server:client()
    local function written()
      local multi = curl.multi()
      local transfer = multi:start { method = "GET", http_version = "2",
        url = server.url .. "/state", headers = {} }
      local pieces = {}
      while true do
        local bytes = transfer:read()
        if bytes == nil then break end
        if bytes then pieces[#pieces + 1] = bytes else multi:wait(1) end
      end
      multi:close()
      return tonumber(table.concat(pieces))
    end
    assert.truthy(other)
    local stream = one:converse_stream(odd.ask "flood")
    assert.truthy(stream:next())
    local last, same = -1, 0
    local deadline = curl.monotonic() + 20
    while same < 5 and curl.monotonic() < deadline do
      for _ = 1, 20 do one.host:wait(0.005) end
      local now = written()
      same = now == last and same + 1 or 0
      last = now
    end
    assert.is_true(last > 0)
    assert.is_true(last < 48 * 2 ^ 20, last) -- of 50 MiB
    local events = 1
    for _ in stream do events = events + 1 end
    assert.equal(3277 + 2, events)
  end)
end)
