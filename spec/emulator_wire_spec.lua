-- luacheck: std lua54+busted
-- The emulator as a process, asked over raw sockets.
local cjson = require "cjson"
local emulator = require "spec.support.emulator"

local has_cqueues, socket = pcall(require, "cqueues.socket")
if not has_cqueues or not string.pack then
  describe("the emulator over the wire", function()
    pending "needs cqueues, and Lua 5.3 or 5.4"
  end)
  return
end

local errno = require "cqueues.errno"
local frame = require "bedrock.emulator.frame"

local HELLO = '{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}'
local WORDS = "Hello! How can I help you today?"

local function connect(server)
  local client = socket.connect("127.0.0.1", server.port)
  client:setmode("b", "b")
  client:onerror(function(_, _, code) return code end)
  return client
end

local function send(client, path, body, method)
  body = body or ""
  client:xwrite(("%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
    .. "%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s")
    :format(method or "POST", path, emulator.bearer_token, #body, body), "n")
end

-- Next line without its end | nil.
local function read_line(client)
  local line = client:xread("*L", "b", 5)
  return line and line:gsub("\r?\n$", "")
end

local function read_exactly(client, n)
  if n == 0 then return "" end
  return client:xread(n, "b", 5) or ""
end

local function read_chunked(client)
  local out = {}
  while true do
    local size = tonumber((read_line(client) or ""):match "^%x+" or "", 16)
    if not size then return table.concat(out), false end
    if size == 0 then break end
    out[#out + 1] = read_exactly(client, size)
    read_line(client)
  end
  repeat local line = read_line(client) until not line or line == ""
  return table.concat(out), true
end

-- Everything until the end of the connection; "reset" if it was one.
local function read_all(client)
  local out = {}
  while true do
    local bytes, why = client:xread(-65536, "b", 5)
    if not bytes then
      return table.concat(out), why == errno.ECONNRESET and "reset" or "end"
    end
    out[#out + 1] = bytes
  end
end

-- One reply: status, headers by lower-case name, body, whole (did the body
-- come to its end?).
local function receive(client)
  local line = read_line(client)
  if not line then return nil end
  local reply = { status = tonumber(line:match "^HTTP/1.1 (%d+)"),
    headers = {} }
  for text in function() return read_line(client) end do
    if text == "" then break end
    local name, value = text:match "^([^:]+):%s*(.-)%s*$"
    reply.headers[name:lower()] = value
  end
  local length = tonumber(reply.headers["content-length"])
  if length then
    reply.body = read_exactly(client, length)
    reply.whole = #reply.body == length
  elseif reply.headers["transfer-encoding"] == "chunked" then
    reply.body, reply.whole = read_chunked(client)
  else
    reply.body, reply.whole = read_all(client)
  end
  return reply
end

local function frames(bytes)
  local out, at = {}, 1
  while true do
    local headers, payload, after = frame.decode(bytes, at)
    if not headers then
      return out, payload or (at <= #bytes and "cut" or nil)
    end
    out[#out + 1] = { headers = headers, payload = payload,
      kind = headers[":event-type"] or headers[":exception-type"] }
    at = after
  end
end

local function text_of(list)
  local out = {}
  for _, item in ipairs(list) do
    local ok, event = pcall(cjson.decode, item.payload)
    local delta = ok and type(event) == "table" and event.delta
    out[#out + 1] = type(delta) == "table" and delta.text or nil
  end
  return table.concat(out)
end

describe("the emulator over the wire", function()
  local server

  setup(function() server = assert(emulator.start()) end)
  teardown(function() server:stop() end)

  local function ask(path, body, method)
    local client = connect(server)
    send(client, path, body, method)
    local reply = receive(client)
    client:close()
    return reply
  end

  -- Streams a scenario: reply, frames, what was wrong with the last one.
  local function play(name)
    local reply = ask("/model/emulator." .. name .. "/converse-stream", HELLO)
    if not reply then return nil end
    return reply, frames(reply.body)
  end

  it("answers over one connection as long as it is wanted", function()
    server:reset()
    local client = connect(server)
    for _ = 1, 5 do
      send(client, "/model/a.b/converse", HELLO)
      local reply = receive(client)
      assert.equal(200, reply.status)
      assert.equal(WORDS, cjson.decode(reply.body).output.message.content[1]
        .text)
      assert.truthy(reply.headers["x-amzn-requestid"]:find "^%x+%-%x+%-4")
      assert.truthy(reply.headers.date:find "GMT$")
    end
    client:close()
    local stats = server:stats()
    assert.equal(5, stats.operations.Converse)
    assert.equal(stats.requests[1].connection, stats.requests[5].connection)
    assert.equal("Bearer <removed>", stats.requests[1].headers.authorization)
  end)

  it("answers pipelined requests in their order", function()
    local client = connect(server)
    send(client, "/model/emulator.slow:5/converse-stream", HELLO)
    send(client, "/model/a.b/converse", HELLO)
    assert.equal(WORDS, text_of((frames(receive(client).body))))
    assert.equal(200, receive(client).status)
    client:close()
  end)

  it("does what Connection: close asks", function()
    local client = connect(server)
    client:xwrite("POST /model/a.b/converse-stream HTTP/1.1\r\nHost: x\r\n"
      .. "Connection: close\r\nAuthorization: Bearer " .. emulator.bearer_token
      .. "\r\nContent-Length: " .. #HELLO .. "\r\n\r\n" .. HELLO, "n")
    local reply = receive(client)
    assert.equal("close", reply.headers.connection)
    assert.equal(WORDS, text_of((frames(reply.body))))
    assert.equal("", (read_all(client)))
    client:close()
  end)

  it("refuses what it does not know", function()
    assert.equal(404, ask("/model/a.b/whatever", "{}").status)
    assert.equal(404, ask("/model/arn:aws:x/y/converse", HELLO).status)
    assert.equal(404, ask("/model/emulator.nonsense/converse", HELLO).status)
    local reply = ask("/model/a.b/converse", "{nonsense")
    assert.equal(400, reply.status)
    assert.equal("SerializationException", reply.headers["x-amzn-errortype"])
    reply = ask("/model/no-such-model/converse", HELLO)
    assert.equal("ValidationException:http://internal.amazon.com/coral/"
      .. "com.amazon.bedrock/", reply.headers["x-amzn-errortype"])
  end)

  it("survives nonsense on the socket", function()
    for _, bytes in ipairs { "", "\r\n", "GET", ("\255\0"):rep(5000),
      "GET / HTTP/1.1\r\n" .. ("A: b\r\n"):rep(500) .. "\r\n",
      "POST /model/x/converse HTTP/1.1\r\nContent-Length: 100\r\n\r\nshort",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" .. ("\0"):rep(100),
      "\22\3\1\2\0\1\0\1\252" } do
      local client = connect(server)
      client:xwrite(bytes, "n")
      client:shutdown "w"
      read_all(client)
      client:close()
    end
    assert.equal(200, ask("/model/a.b/converse", HELLO).status)
  end)

  it("has scenarios, each with its sentence", function()
    local list = server:ask("GET", "/scenarios").scenarios
    assert.is_true(#list > 100)
    for _, entry in ipairs(list) do
      assert.truthy(entry.name:find "^[%w-]+$")
      assert.is_true(#entry.description > 10)
    end
  end)

  it("plays every unary scenario that ends by itself", function()
    for name, status in pairs { throttle = 429, unavailable = 503,
      ["internal-error"] = 500, ["model-timeout"] = 408, ["model-error"] = 424,
      ["access-denied"] = 403, ["expired-token"] = 403, ["error-html"] = 502,
      ["redirect-301"] = 301, ["redirect-307"] = 307, ["ok-json"] = 200,
      ["bad-message-crc"] = 200, ["tool-cut"] = 200,
      ["skewed-clock"] = 200, ["one-chunk"] = 200, drip = 200 } do
      assert.equal(status,
        ask("/model/emulator." .. name .. "/converse", HELLO).status, name)
    end
  end)

  it("succeeds after the tries that were asked for", function()
    for _, status in ipairs { 429, 429, 429, 200, 200 } do
      assert.equal(status,
        ask("/model/emulator.throttle-twice:3/converse", HELLO).status)
    end
  end)

  it("plays what it is told to do next", function()
    server:ask("POST", "/next?scenario=throttle&count=2")
    assert.equal(429, ask("/async-invoke", nil, "GET").status)
    assert.equal(429, ask("/model/a.b/converse", HELLO).status)
    assert.equal(200, ask("/model/a.b/converse", HELLO).status)
  end)

  it("streams in frames that are right", function()
    local reply, list, wrong = play "one-chunk"
    assert.equal("application/vnd.amazon.eventstream",
      reply.headers["content-type"])
    assert.is_nil(wrong)
    assert.equal(WORDS, text_of(list))
    assert.equal("metadata", list[#list].kind)
  end)

  it("ends streams badly in every way", function()
    local function check(name, kinds, problem, whole)
      local reply, list, wrong = play(name)
      local got = {}
      for i, item in ipairs(list) do got[i] = item.kind end
      assert.equal(kinds, #got, name)
      assert.equal(problem, wrong, name)
      assert.equal(whole, reply.whole, name)
      return got
    end
    assert.same({ "throttlingException" }, check("exception-first", 1, nil,
      true))
    local got = check("exception-mid", 5, nil, true)
    assert.equal("modelStreamErrorException", got[5])
    check("bad-prelude-crc", 4, "prelude checksum mismatch", true)
    check("bad-message-crc", 4, "message checksum mismatch", true)
    check("bad-payload", 4, "message checksum mismatch", true)
    check("short-frame", 4, "bad lengths", true)
    check("headers-overrun", 4, "bad lengths", true)
    check("cut-mid-frame", 4, "cut", false)
    check("cut-mid-prelude", 4, "cut", false)
    check("cut-between-frames", 4, nil, false)
    check("missing-last-chunk", 11, nil, false)
    check("eof-mid-frame", 4, "cut", true)
    check("eof-without-metadata", 10, nil, true)
    got = check("eof-without-stop", 9, nil, true)
    assert.equal("contentBlockStop", got[9])
    check("eof-at-once", 0, nil, true)
    check("extra-frame", 12, nil, true)
    check("content-length-long", 11, nil, false)
    check("content-length-short", 10, "cut", true)
  end)

  it("resets connections", function()
    for name, head in pairs { ["reset-before-headers"] = false,
      ["reset-after-headers"] = true, ["reset-mid-stream"] = true } do
      local client = connect(server)
      send(client, "/model/emulator." .. name .. "/converse-stream", HELLO)
      local bytes, how = read_all(client)
      assert.equal("reset", how, name)
      if not head then assert.equal("", bytes) end
      client:close()
    end
  end)

  it("sees at once when a client leaves, also in silence", function()
    server:reset()
    for _, name in ipairs { "slow:100", "stall-mid-stream", "huge-frame",
      "stall-before-headers", "endless-error", "endless-headers" } do
      local client = connect(server)
      send(client, "/model/emulator." .. name .. "/converse-stream",
        (HELLO:gsub("Hello", "Count to 1000")))
      if name ~= "stall-before-headers" then client:xread(-10, "b", 5) end
      client:close()
    end
    local stats, last = server:await(function(stats)
      for _, record in ipairs(stats.requests) do
        if record.outcome ~= "disconnected" then return false end
      end
      return #stats.requests == 6 and stats.streams.active == 0
    end)
    assert(stats, last and cjson.encode(last.streams))
    for _, record in ipairs(stats.requests) do
      assert.is_true(record.seconds < 1, record.path)
    end
  end)

  it("lets no reader hold it up", function()
    local slow = connect(server)
    send(slow, "/model/emulator.endless-error/converse", HELLO)
    for _ = 1, 3 do
      assert.equal(200, ask("/model/a.b/converse", HELLO).status)
    end
    assert.is_true(server:stats().memory_bytes < 64 * 1024 * 1024)
    slow:close()
  end)

  it("reads chunked requests", function()
    local client = connect(server)
    client:xwrite("POST /model/a.b/converse HTTP/1.1\r\nHost: x\r\n"
      .. "Authorization: Bearer " .. emulator.bearer_token
      .. "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" .. HELLO:sub(1, 5)
      .. ("\r\n%x\r\n"):format(#HELLO - 5) .. HELLO:sub(6)
      .. "\r\n0\r\n\r\n", "n")
    assert.equal(200, receive(client).status)
    client:close()
  end)

  it("serves as a proxy would", function()
    assert.equal(200, ask("http://elsewhere/model/a.b/converse", HELLO).status)
  end)

  it("keeps its clock as told", function()
    server:ask("POST", "/clock?offset=86400")
    local reply = ask("/model/a.b/converse", HELLO)
    server:ask("POST", "/clock?offset=0")
    local tomorrow = os.date("!%d %b %Y", os.time() + 86400)
    assert.truthy(reply.headers.date:find(tomorrow, 1, true))
  end)
end)

describe("the emulator as a library", function()
  it("answers while it is stepped", function()
    if not pcall(require, "http.server") then
      return pending "lua-http is not complete for this Lua"
    end
    local library = require "bedrock.emulator"
    local server = library.new { scenario = "throttle" }
    finally(function() server:close() end)
    local client, reply = connect(server), nil
    server.cq:wrap(function()
      send(client, "/model/a.b/converse", HELLO)
      reply = receive(client)
    end)
    for _ = 1, 100 do
      if reply then break end
      server:step(0.1)
    end
    assert.equal(429, reply.status)
    assert.is_true(#library.scenarios() > 100)
  end)
end)

describe("the emulator as a process", function()
  it("says what is wrong with its options", function()
    assert.is_nil((emulator.start { "--port", "1", "--host", "192.0.2.1" }))
  end)

  it("speaks TLS with a certificate of its own authority", function()
    local server = assert(emulator.start { "--tls" })
    finally(function() server:stop() end)
    assert.truthy(server.url:find "^https://127.0.0.1:%d+$")
    local file = assert(io.open(server.ca))
    assert.truthy(file:read("*a"):find "BEGIN CERTIFICATE")
    file:close()
    assert.is_table(server:stats().connections)
    server:stop()
    assert.is_nil(io.open(server.ca))
  end)

  -- Over TLS: with prior knowledge curl 7.88 cannot use a connection twice.
  local has_curl = os.execute "command -v curl >/dev/null"
  local curl_it = has_curl and it or pending
  curl_it("speaks HTTP/2, several replies on one connection", function()
    local server = assert(emulator.start { "--tls" })
    finally(function() server:stop() end)
    local url = server.url .. "/model/a.b/converse"
    local pipe = io.popen(("curl -s --http2 --cacert %s -d '%s' -H "
      .. "'Authorization: Bearer %s' -w 'X %%{http_code} %%{http_version} "
      .. "%%{num_connects}\\n' %s %s %s"):format(server.ca, HELLO,
        emulator.bearer_token, url, url, url))
    local text = pipe:read "*a"
    pipe:close()
    local seen = {}
    for line in text:gmatch "X (%d+ %d %d)\n" do seen[#seen + 1] = line end
    assert.same({ "200 2 1", "200 2 0", "200 2 0" }, seen)
  end)

  it("serves under a base path, with its own keys and scenario", function()
    local server = assert(emulator.start { "--base-path", "/base/path",
      "--bearer-token", "mine", "--scenario", "throttle" })
    finally(function() server:stop() end)
    assert.truthy(server.url:find "/base/path$")
    local client = connect(server)
    for _, case in ipairs { { "/model/a.b/converse", 404 },
      { "/base/path/model/a.b/converse", 403 } } do
      send(client, case[1], HELLO)
      assert.equal(case[2], receive(client).status)
    end
    client:close()
  end)
end)
