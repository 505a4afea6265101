-- The whole client inside nginx: whatever the emulator does to it, it sees
-- what the client on libcurl sees.
local support = require "spec.support.nginx"

local why = support.missing()
if not why and not pcall(require, "bedrock.curl") then
  why = "bedrock.curl is not built"
end
if not why and os.execute "command -v lua5.4 >/dev/null" ~= true
  and os.execute "command -v lua5.4 >/dev/null" ~= 0 then
  why = "the emulator needs Lua 5.4"
end
if why then
  describe("client in nginx", function() pending(why, function() end) end)
  return
end

local cqueues = require "cqueues"

local function read(name)
  local file = assert(io.open(name, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- What a caller can see of streams, as text; runs in both hosts.  Only where
-- the emulator stalls is a short patience right: it may be slow otherwise.
local SEEN = [[
  local core, stale = require "bedrock.core", 0
  local client = require "bedrock".new { region = "us-east-1", host = %s,
    endpoint_url = %q, idle_timeout = 30, max_attempts = 2, env = {},
    log = function(_, _, fields) -- connections of earlier examples are kept
      if fields.stale then stale = stale + 1 end
    end,
    credentials = { access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } }
  client.random = function() return 0 end
  local function see(name)
    if name:find "stall" then client.options.idle_timeout = 1 end
    local stream = client:converse_stream { modelId = "emulator." .. name,
      messages = { { role = "user", content = { { text = "hello" } } } } }
    local out = {}
    local event, err = stream:next()
    while event do
      local delta = event.contentBlockDelta
      out[#out + 1] = next(event) .. (delta and delta.delta
        and delta.delta.text or "")
      event, err = stream:next()
    end
    stream:close()
    local seen = table.concat(out, "|")
    if #seen > 200 then seen = core.bytes.sha256_hex(seen) end
    err = err or {}
    return table.concat({ seen, tostring(stream.status),
      tostring(err.kind), tostring(err.code), tostring(err.status),
      tostring(err.retryable), tostring(err.stage),
      tostring(err.attempts and err.attempts - stale) }, " ")
  end
  return see(%q)
]]

-- A chunk, given in one piece, in every Lua.
local function run(code)
  return assert(load(function()
    local piece = code
    code = nil
    return piece
  end))()
end

local EMULATOR = "lua5.4 lua/bin/bedrock-emulator "

-- What the gateway reads, and nothing of what this process has.
local ENVIRONMENT = [[
env AWS_ENDPOINT_URL_BEDROCK_RUNTIME=@URL@;
env AWS_ACCESS_KEY_ID=AKIDEXAMPLE;
env AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY;
env AWS_REGION=us-east-1;
]]

-- Where the two differ: libcurl believes a length beside chunks (RFC 9112
-- lets a client, other readers on the way may not), and has no word for a
-- head that is too long.
local DIFFERENT = {
  ["both-lengths"] = " nil protocol InvalidHttp nil false request 1",
  ["endless-header-line"] = " nil protocol LimitExceeded nil false request 1",
}

describe("client in nginx", function()
  local server, emulator, url, run_port

  setup(function()
    local name = os.tmpname()
    emulator = assert(io.popen(EMULATOR .. "--with-stdin >" .. name, "w"))
    repeat url = read(name):match "http://%S+" until url
    os.remove(name)
    run_port = support.port()
    server = support.start { http = read "spec/support/nginx_client.conf",
      main = ENVIRONMENT, values = { RUN = run_port, URL = url } }
  end)

  teardown(function()
    if server then server:stop() end
    if emulator then emulator:close() end
  end)

  local function scenarios()
    local pipe = io.popen(EMULATOR .. "--list-scenarios")
    local names = {}
    for line in pipe:lines() do
      names[#names + 1] = line:match "^emulator%.(%S+)"
    end
    pipe:close()
    return names
  end

  for _, name in ipairs(scenarios()) do
    it("sees what libcurl's does: " .. name, function()
      -- Each counts tries by itself, and has connections of its own.
      local here = run(SEEN:format('require "bedrock.host.curl".new()', url,
        name .. ":here"))
      local there, status = support.ask(run_port, "POST", "/", SEEN:format(
        'require "bedrock.host.nginx".new()', url, name .. ":there"))
      assert.equal(200, status, server:log():match "spec:[^\n]*")
      assert.falsy(there:find " closed ", there) -- it raised
      assert.equal(DIFFERENT[name] or here, there)
    end)
  end

  describe("the gateway of examples/nginx", function()
    local QUESTION = '{"messages":[{"role":"user","content":'
      .. '[{"text":"what is lua"}]}]}'

    local function control(method, path)
      return (support.ask(tonumber(url:match ":(%d+)"), method, path))
    end

    local function chat(scenario)
      if scenario then
        control("POST", "/next?count=3&scenario=" .. scenario)
      end
      local body, status, headers = support.ask(run_port, "POST", "/chat",
        QUESTION)
      control("POST", "/reset")
      control("POST", "/next?count=0&scenario=" .. (scenario or "slow"))
      return body, status, headers
    end

    local function text_of(body)
      local pieces = {}
      for text in body:gmatch 'event: text\ndata: {"text":"(.-)"}\n\n' do
        pieces[#pieces + 1] = text
      end
      return table.concat(pieces)
    end

    it("streams text and ends with reason and usage", function()
      local body, status, headers = chat()
      assert.equal(200, status)
      assert.equal("text/event-stream", headers["content-type"])
      assert.truthy(text_of(body):find "^Lua is a small, fast language")
      local done = body:match "\n\nevent: done\ndata: (%b{})\n\n$"
      assert.truthy(done:find '"stopReason":"end_turn"')
      assert.truthy(done:find '"outputTokens":%d+')
    end)

    it("answers a refusal with a status", function()
      local body, status = chat "throttle"
      assert.equal(429, status)
      assert.truthy(body:find "Too many requests")
      body, status = support.ask(run_port, "POST", "/chat", '{"messages":1}')
      assert.equal(400, status)
      assert.truthy(body:find "messages")
      body, status = support.ask(run_port, "POST", "/chat", "what?")
      assert.equal(400, status)
      assert.truthy(body:find "expected")
    end)

    it("tells a failure that comes later", function()
      local body, status = chat "exception-mid"
      assert.equal(200, status)
      assert.not_equal("", text_of(body))
      assert.truthy(body:find(
        'event: error\ndata: {[^\n]*ModelStreamErrorException[^\n]*}\n\n$'))
    end)

    it("ends the stream after the browser has left", function()
      control("POST", "/next?scenario=slow")
      local sock = support.request(run_port, "POST", "/chat", QUESTION)
      repeat until assert(sock:xread(-65536)):find "event: text"
      sock:close()
      local deadline = cqueues.monotime() + 10
      repeat
        cqueues.sleep(0.005)
        assert.is_true(cqueues.monotime() < deadline)
      until control("GET", "/stats"):find '"disconnected":1'
      control("POST", "/reset")
    end)

    it("has a configuration that nginx accepts", function()
      local pipe = io.popen("mkdir -p build && nginx -t -p examples/nginx "
        .. "-e stderr -c nginx.conf 2>&1")
      local said = pipe:read "*a"
      pipe:close()
      assert.truthy(said:find "test is successful", said)
    end)
  end)
end)
