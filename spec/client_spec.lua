-- The client as users meet it, against the emulator.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl = require "bedrock.curl"
local curl_host = require "bedrock.host.curl"
local json = require "bedrock.json"

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local ARN = "arn:aws:bedrock:us-east-1:123456789012:"
  .. "application-inference-profile/abc"

local function ask(text, model)
  return { modelId = model or MODEL,
    messages = { { role = "user", content = { { text = text } } } } }
end

local emulator

local function client(changes)
  local options = { host = curl_host.new() }
  for name, value in pairs(emulator.options) do options[name] = value end
  for name, value in pairs(changes or {}) do options[name] = value end
  return bedrock.new(options)
end

-- One exchange beside the client, to ask the emulator itself.
local function get(path)
  local multi = curl.multi()
  local transfer = multi:start { method = "GET", url = emulator.url .. path,
    headers = {} }
  local pieces = {}
  while true do
    local bytes = transfer:read()
    if bytes == nil then break end
    if bytes then pieces[#pieces + 1] = bytes else multi:wait(1) end
  end
  return json.decode(table.concat(pieces))
end

local function eventually(check)
  local deadline = curl.monotonic() + 5
  while curl.monotonic() < deadline do
    if check() then return true end
    os.execute "sleep 0.02"
  end
  return false
end

local function streams_by_outcome(outcome)
  local n = 0
  for _, request in ipairs(get "/stats".requests) do
    if request.stream and request.outcome == outcome then n = n + 1 end
  end
  return n
end

local function open_descriptors()
  local pipe = io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l"
  local n = tonumber(pipe:read "*a")
  pipe:close()
  return n
end

describe("a client", function()
  setup(function() emulator = assert(child.start()) end)
  teardown(function() emulator:stop() end)

  it("streams a conversation", function()
    local text, last = {}, nil
    local stream = client():converse_stream(ask "Hello")
    for event in stream do
      local delta = event.contentBlockDelta
      if delta then text[#text + 1] = delta.delta.text end
      last = event
    end
    assert.equal("Hello! How can I help you today?", table.concat(text))
    assert.truthy(last.metadata.usage.totalTokens)
    assert.equal(200, stream.status)
    assert.equal("application/vnd.amazon.eventstream", stream.content_type)
    assert.equal(stream.headers["x-amzn-requestid"], stream.request_id)
    assert.is_nil((stream:next()))
    assert.is_nil(select(2, stream:next()))
  end)

  it("signs model ids with colons, ARNs and odd characters", function()
    for _, model in ipairs { MODEL, ARN, "a b~c/d%3A", "modèle" } do
      local stream = client():converse_stream(ask("Hello", model))
      assert.truthy(stream:response(), tostring(stream.err))
    end
    local paths = {}
    for _, request in ipairs(get "/stats".requests) do
      paths[request.path] = true
    end
    assert.is_true(paths["/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A"
      .. "123456789012%3Aapplication-inference-profile%2Fabc/"
      .. "converse-stream"])
    assert.is_true(paths["/model/a%20b~c%2Fd%253A/converse-stream"])
  end)

  it("sends the headers it signed, and no others", function()
    client():converse(ask "Hello")
    local requests = get "/stats".requests
    local names = {}
    for name in pairs(requests[#requests].headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "amz-sdk-invocation-id", "amz-sdk-request", "authorization",
      "content-length", "content-type", "host", "user-agent",
      "x-amz-content-sha256", "x-amz-date" }, names)
  end)

  it("is refused with a wrong key, and says so without showing it", function()
    local wrong = client { credentials = { access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wrong-secret" } }
    local stream = wrong:converse_stream(ask "Hello")
    local _, err = stream:next()
    assert.equal("service", err.kind)
    assert.equal("InvalidSignatureException", err.code)
    assert.equal(403, err.status)
    assert.is_nil(tostring(err):find("wrong-secret", 1, true))
  end)

  it("reads credentials, region and endpoint from the environment", function()
    local keys = emulator.options.credentials
    local from_env = bedrock.new { env = {
      AWS_ACCESS_KEY_ID = keys.access_key_id,
      AWS_SECRET_ACCESS_KEY = keys.secret_access_key,
      AWS_DEFAULT_REGION = "eu-central-1",
      AWS_ENDPOINT_URL_BEDROCK_RUNTIME = emulator.url,
    } }
    assert.truthy(from_env:converse(ask "Hello"))
    local requests = get "/stats".requests
    assert.truthy(requests[#requests].headers.authorization:find(
      "/eu-central-1/bedrock/aws4_request", 1, true))
  end)

  it("takes credentials from a function", function()
    local asked = 0
    local given = client { credentials = function()
      asked = asked + 1
      return emulator.options.credentials
    end }
    assert.truthy(given:converse(ask "Hello"))
    assert.truthy(given:converse(ask "Hello"))
    assert.equal(1, asked)
    local none = client { credentials = function() return nil, "locked" end }
    local _, err = none:converse(ask "Hello")
    assert.equal("credentials", err.kind)
    assert.truthy(err.message:find "locked")
  end)

  it("keeps its connection", function()
    local one = client()
    local before = get "/stats".connections.accepted
    for _ = 1, 5 do assert.truthy(one:converse(ask "Hello")) end
    assert.truthy(one:converse_stream(ask "Hello"):response())
    -- one for these, one for this look and the one before
    assert.is_true(get "/stats".connections.accepted - before <= 2)
  end)

  it("tries again when throttled, and tells the attempts", function()
    local log = {}
    local patient = client { log = function(_, message, fields)
      log[#log + 1] = { message, fields }
    end }
    patient.random = function() return 0 end
    assert.truthy(patient:converse(ask("Hello", "emulator.throttle-twice")))
    assert.equal(3, #log) -- two that failed, one that did not
    local _, err = patient:converse(ask("Hello", "emulator.throttle"))
    assert.equal("ThrottlingException", err.code)
    assert.equal(3, err.attempts)
    assert.is_true(err.retryable)
    local off = client { retry_mode = "off" }
    _, err = off:converse(ask("Hello", "emulator.throttle"))
    assert.equal(1, err.attempts)
  end)

  it("mends a clock that is wrong, once", function()
    local skewed = client()
    assert.truthy(skewed:converse(ask("Hello", "emulator.skewed-clock")))
    assert.is_true(math.abs(skewed.clock_offset) > 240)
  end)

  it("gives raw headers and the request id with a response", function()
    local response = assert(client():invoke_model { modelId = MODEL,
      body = { max_tokens = 9, messages = { { role = "user",
        content = "Hello" } } } })
    local about = bedrock.metadata(response)
    assert.equal(200, about.status)
    assert.equal(about.headers["x-amzn-requestid"], about.request_id)
    assert.truthy(about.headers["x-amzn-bedrock-input-token-count"])
    assert.equal("application/json", response.contentType)
    assert.is_string(response.body)
  end)
end)

describe("a stream", function()
  setup(function() emulator = assert(child.start { delay = 30 }) end)
  teardown(function() emulator:stop() end)

  it("gives its first event before the last was written", function()
    -- Three words, and then silence for an hour.
    local stream = client():converse_stream(
      ask("What is Lua?", "emulator.stall-mid-stream"))
    local text = {}
    repeat
      local delta = assert(stream:next()).contentBlockDelta
      text[#text + 1] = delta and delta.delta.text
    until #text == 3
    assert.is_false(stream:poll())
    stream:close()
  end)

  it("is polled without waiting", function()
    local stream = client():converse_stream(ask "What is Lua?")
    local events, idle = 0, 0
    while true do
      local event, err = stream:poll()
      assert.is_nil(err)
      if event == nil then break end
      if event then events = events + 1 else idle = idle + 1 end
    end
    assert.is_true(events > 10)
    assert.is_true(idle > events)
  end)

  it("goes on after a wait that was limited", function()
    local stream = client():converse_stream(
      ask("Hello", "emulator.stall-after-headers"))
    local event, err = stream:next(0.05)
    assert.is_nil(event)
    assert.equal("timeout", err.kind)
    assert.equal("WaitTimeout", err.code)
    stream:close()
    stream = client():converse_stream(ask "Hello")
    local events = 0
    while true do
      event, err = stream:next(0.005)
      if event then
        events = events + 1
      elseif not err then
        break
      else
        assert.equal("WaitTimeout", err.code)
      end
    end
    assert.equal(11, events)
  end)

  it("closes its connection when it is left", function()
    local stream = client():converse_stream(ask "What is Lua?")
    for event in stream do
      if event.contentBlockDelta then break end
    end
    stream:close() -- what Lua 5.4 does by itself
    stream:close()
    assert.is_true(eventually(function()
      return streams_by_outcome "disconnected" > 0
    end))
    local event, err = stream:next()
    assert.is_nil(event)
    assert.equal("closed", err.kind)
  end)

  it("may be closed inside its loop", function()
    local stream = client():converse_stream(ask "What is Lua?")
    local n = 0
    for _ in stream do
      n = n + 1
      if n == 3 then stream:close() end
    end
    assert.equal(3, n)
  end)

  it("leaves nothing behind, a hundred times", function()
    local one = client()
    assert.truthy(one:converse(ask "Hello"))
    collectgarbage()
    collectgarbage()
    local before, memory = open_descriptors(), collectgarbage "count"
    for i = 1, 100 do
      local stream = one:converse_stream(ask "What is Lua?")
      if i % 3 == 0 then stream:next() end
      if i % 2 == 0 then stream:close() end
    end
    collectgarbage()
    collectgarbage()
    one.host:wait(0)
    assert.is_true(open_descriptors() <= before + 2)
    assert.is_true(collectgarbage "count" - memory < 100)
  end)

  it("is stopped by a slow reader", function()
    local one = client()
    local stream = one:converse_stream(
      ask("Hello", "emulator.big-events"))
    assert.truthy(stream:next())
    assert.truthy(stream:response())
  end)

  it("ends after total_timeout, however steadily it comes", function()
    local began = curl.monotonic()
    local stream = client { total_timeout = 0.3 }:converse_stream(
      ask("Hello", "emulator.many-events"))
    local answer, err = stream:response()
    assert.is_nil(answer)
    assert.equal("TotalTimeout", err.code)
    assert.truthy(curl.monotonic() - began >= 0.3)
    assert.truthy(stream:partial().output.message.content[1].text)
  end)

  it("runs beside others on one thread", function()
    local one, open = client(), {}
    for i = 1, 10 do open[i] = one:converse_stream(ask "What is Lua?") end
    local answers = {}
    for i, stream in ipairs(open) do
      answers[i] = stream:response().output.message.content[1].text
    end
    for i = 2, 10 do assert.equal(answers[1], answers[i]) end
  end)
end)

describe("bad input", function()
  setup(function() emulator = assert(child.start()) end)
  teardown(function() emulator:stop() end)

  local NOTHING = { AWS_EC2_METADATA_DISABLED = "true", HOME = "/nonexistent" }

  local function failure(options, params)
    options.env = options.env or NOTHING
    return select(2, bedrock.new(options):converse_stream(
      params or ask "Hello"):next())
  end

  it("no region says where one may come from", function()
    local err = failure { credentials = { access_key_id = "a",
      secret_access_key = "b" } }
    assert.equal("config", err.kind)
    assert.truthy(err.message:find "AWS_REGION")
    err = failure { endpoint_url = emulator.url, credentials = {
      access_key_id = "a", secret_access_key = "b" } }
    assert.equal("config", err.kind)
    assert.equal("MissingRegion", err.code)
  end)

  it("no credentials says who was asked", function()
    local err = failure { region = "us-east-1" }
    assert.equal("credentials", err.kind)
    assert.truthy(err.message:find "AWS_ACCESS_KEY_ID")
  end)

  it("a bad endpoint names it", function()
    for _, url in ipairs { "localhost:80", "ftp://x", "http://", "http://a b",
      "http://u:p@h/" } do
      local err = failure { region = "us-east-1", endpoint_url = url,
        credentials = { access_key_id = "a", secret_access_key = "b" } }
      assert.equal("config", err.kind, url)
    end
  end)

  it("a refused connection and an unknown host are transport errors",
    function()
      local keys = { access_key_id = "a", secret_access_key = "b" }
      local err = failure { region = "us-east-1", credentials = keys,
        max_attempts = 1, endpoint_url = "http://127.0.0.1:1" }
      assert.equal("transport", err.kind)
      assert.equal("ConnectionRefused", err.code)
      assert.equal("request", err.stage)
      err = failure { region = "us-east-1", credentials = keys,
        max_attempts = 1, endpoint_url = "http://no-such-host.invalid" }
      assert.equal("HostNotFound", err.code)
    end)

  it("a missing modelId is a validation error, and nothing is sent",
    function()
      local one = client()
      local before = #get "/stats".requests
      for _, params in ipairs { {}, { modelId = "" }, { modelId = 5 },
        "text", { modelId = MODEL, messages = "x" },
        { modelId = MODEL, massages = {} } } do
        local _, err = one:converse_stream(params):next()
        assert.equal("validation", err.kind)
        local _, unary = one:converse(params)
        assert.equal("validation", unary.kind)
      end
      assert.is_true(#get "/stats".requests - before <= 1)
    end)

  it("an option that is unknown or of a wrong type raises", function()
    assert.error_matches(function() bedrock.new { regoin = "x" } end,
      'unknown option "regoin", did you mean "region"')
    assert.error_matches(function() bedrock.new { region = 5 } end,
      'option "region": expected string')
    assert.error_matches(function() bedrock.new { max_attempts = 0 } end,
      "max_attempts")
    assert.error_matches(function() bedrock.new "x" end, "table of options")
    assert.has_error(function() client():call("NoSuchOperation", {}) end)
  end)

  it("a token does not go out in the clear", function()
    local err = failure { region = "us-east-1", bearer_token = "secret-token",
      endpoint_url = "http://example.com" }
    assert.equal("config", err.kind)
    assert.is_nil(tostring(err):find("secret-token", 1, true))
  end)
end)

describe("a bearer token", function()
  setup(function()
    emulator = assert(child.start { bearer_token = "bedrock-api-key-x" })
  end)
  teardown(function() emulator:stop() end)

  it("comes before all keys", function()
    local one = client { env = {
      AWS_BEARER_TOKEN_BEDROCK = "bedrock-api-key-x" } }
    assert.truthy(one:converse(ask "Hello"))
    local requests = get "/stats".requests
    local headers = requests[#requests].headers
    assert.is_nil(headers["x-amz-date"])
    assert.truthy(client { auth = "sigv4", env = {
      AWS_BEARER_TOKEN_BEDROCK = "wrong" } }:converse(ask "Hello"))
  end)

  it("is refused when it is wrong", function()
    local _, err = client { bearer_token = "wrong" }:converse(ask "Hello")
    assert.equal("service", err.kind)
    assert.equal(403, err.status)
  end)
end)

describe("TLS", function()
  setup(function() emulator = assert(child.start { tls = true }) end)
  teardown(function() emulator:stop() end)

  it("is verified against the bundle that is given", function()
    assert.truthy(client { ca_bundle = emulator.ca_file }
      :converse_stream(ask "Hello"):response())
    local _, err = client { max_attempts = 1, connect_timeout = 60 }
      :converse(ask "Hello") -- it reads the system's bundle, which takes time
    assert.equal("transport", err.kind)
    assert.equal("CertificateRejected", err.code)
  end)

  it("is refused for another name", function()
    local other = emulator.url:gsub("127%.0%.0%.1", "127.0.0.2")
    local _, err = client { ca_bundle = emulator.ca_file,
      endpoint_url = other, max_attempts = 1 }:converse(ask "Hello")
    assert.truthy(err.code == "CertificateRejected"
      or err.code == "ConnectionRefused")
  end)

  it("carries HTTP/2", function()
    local one = client { ca_bundle = emulator.ca_file, http_version = "2" }
    local a = one:converse_stream(ask "Hello")
    local b = one:converse_stream(ask "Hello")
    assert.truthy(a:response())
    assert.truthy(b:response())
  end)
end)
