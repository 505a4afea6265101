-- luacheck: std lua54+busted
-- The emulator examines the client; here it is examined itself, with AWS's
-- vectors, recorded streams and bytes read raw from its socket.
local cjson = require "cjson"

local vectors = os.getenv "BEDROCK_VECTORS" or "../shared"

if not string.pack then
  describe("the emulator's parts", function()
    pending "need Lua 5.3 or 5.4"
  end)
  return
end

if not package.searchpath("fifo", package.path) then
  package.path = package.path .. ";/usr/share/lua/5.3/?.lua;"
    .. "/usr/share/lua/5.3/?/init.lua;/usr/share/lua/5.2/?.lua;"
    .. "/usr/share/lua/5.2/?/init.lua"
end

local base64 = require "bedrock.emulator.base64"
local frame = require "bedrock.emulator.frame"
local verify = require "bedrock.emulator.verify"

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function files(pattern)
  local out = {}
  local pipe = io.popen("ls -d " .. vectors .. "/" .. pattern .. " 2>/dev/null")
  for line in pipe:lines() do out[#out + 1] = line end
  pipe:close()
  return out
end

-- A spec that is counted as skipped where its data are absent.
local function with(list, name, body)
  if list[1] then it(name, body) else pending(name) end
end

describe("emulator frames", function()
  it("have zlib's checksum", function()
    assert.equal(0xCBF43926, frame.crc32 "123456789")
    assert.equal(0xCBF43926, frame.crc32("6789", frame.crc32 "12345"))
  end)

  it("are read as they were written, all header types", function()
    local headers = { { "a", true, 0 }, { "b", false, 1 }, { "c", -5, 2 },
      { "d", -300, 3 }, { "e", 70000, 4 }, { "f", -1099511627776, 5 },
      { "g", "\0\1", 6 }, { "h", "text" }, { "i", 1736000000123, 8 },
      { "j", ("x"):rep(16), 9 } }
    local bytes = frame.encode(frame.headers(headers), "payload")
    local got, payload, at = frame.decode(bytes, 1)
    assert.equal("payload", payload)
    assert.equal(#bytes + 1, at)
    for _, header in ipairs(headers) do
      assert.equal(header[2], got[header[1]])
    end
  end)

  it("are refused when any bit is flipped", function()
    local bytes = frame.event("contentBlockStop", '{"contentBlockIndex":0}')
    for i = 1, #bytes do
      for bit = 0, 7 do
        local value, mask = bytes:byte(i), 2 ^ bit
        local set = value % (2 * mask) >= mask
        local flipped = math.floor(value + (set and -mask or mask))
        local bad = bytes:sub(1, i - 1) .. string.char(flipped)
          .. bytes:sub(i + 1)
        assert.is_nil((frame.decode(bad, 1)))
      end
    end
  end)

  local recorded = files "recorded/streams/*/*.bin"
  with(recorded, "equal Bedrock's own, byte for byte", function()
    local seen = 0
    for _, path in ipairs(recorded) do
      local bytes, at = read(path), 1
      while at <= #bytes do
        local headers, payload, after, whole = frame.decode(bytes, at)
        assert(headers, path)
        local kind = headers[":event-type"]
        if kind then assert.equal(whole, frame.event(kind, payload)) end
        at, seen = after, seen + 1
      end
    end
    assert.is_true(seen > 1000)
  end)
end)

describe("emulator base64", function()
  it("decodes what it encodes", function()
    for n = 0, 300 do
      local bytes = {}
      for i = 1, n do bytes[i] = string.char((i * 37 + n) % 256) end
      local raw = table.concat(bytes)
      assert.equal(raw, base64.decode(base64.encode(raw)))
    end
    assert.equal("Zm9vYg==", base64.encode "foob")
    assert.is_nil(base64.decode "Zm9vYg=")
    assert.is_nil(base64.decode "Zm9v!g==")
  end)
end)

local KEYS = { access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

-- Signed headers of a request by the book, without the emulator's check.
local function signed(request, keys, date, options)
  options = options or {}
  local names = {}
  table.insert(request.headers, { "x-amz-date", date })
  for _, header in ipairs(request.headers) do names[#names + 1] = header[1] end
  for _, header in ipairs(options.unsigned or {}) do
    table.insert(request.headers, header)
  end
  table.sort(names)
  local scope = options.scope
    or date:sub(1, 8) .. "/us-east-1/bedrock/aws4_request"
  local text = verify.string_to_sign(date, scope, verify.canonical_request(
    request, names, verify.sha256(request.body)))
  local signature = verify.sign(verify.key(keys.secret_access_key, scope),
    text)
  table.insert(request.headers, { "authorization",
    ("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s")
      :format(keys.access_key_id, scope, table.concat(names, ";"),
        signature) })
  return request
end

local DATE = "20260115T123456Z"
local NOW = verify.time(DATE)

local function request(headers)
  headers = headers or { { "host", "localhost" } }
  return { method = "POST", path = "/model/a.b-v1%3A0/converse", query = "",
    headers = headers, body = "{}" }
end

describe("emulator signatures", function()
  local checker = verify.new { credentials = { KEYS,
    { access_key_id = "AKIDTOKEN", secret_access_key = "s",
      session_token = "token" },
    { access_key_id = "AKIDOLD", secret_access_key = "s", expired = true } },
    bearer_token = "good" }

  it("knows what time it is", function()
    assert.equal(1768480496, NOW)
    assert.equal(951782400, verify.time "20000229T000000Z")
    assert.is_nil(verify.time "2026-01-15T12:34:56Z")
  end)

  it("accepts a right one", function()
    local who = checker:check(signed(request(), KEYS, DATE), NOW)
    assert.equal("sigv4", who.kind)
    assert.equal("us-east-1", who.region)
  end)

  it("encodes the path once more", function()
    local canonical = verify.canonical_request(request(), { "host" }, "x")
    assert.truthy(canonical:find("/model/a.b-v1%253A0/converse", 1, true))
  end)

  local function refused(name, pattern, what, now)
    local who, got, message = checker:check(what, now or NOW)
    assert.is_nil(who)
    assert.equal(name, got)
    if pattern then assert.truthy(message:find(pattern), message) end
  end

  it("refuses what is not covered or not true", function()
    local changed = signed(request(), KEYS, DATE)
    changed.body = "{ }"
    refused("InvalidSignatureException", "Canonical String.-\n'POST\n",
      changed)
    refused("AccessDeniedException", "not signed: x%-amz%-target",
      signed(request(), KEYS, DATE,
        { unsigned = { { "x-amz-target", "x" } } }))
    refused("InvalidSignatureException", "'Host'",
      signed(request {}, KEYS, DATE))
    refused("InvalidSignatureException", "content%-sha256",
      signed(request { { "host", "h" },
        { "x-amz-content-sha256", ("0"):rep(64) } }, KEYS, DATE))
    refused("InvalidSignatureException", "content%-sha256",
      signed(request { { "host", "h" },
        { "x-amz-content-sha256", "UNSIGNED-PAYLOAD" } }, KEYS, DATE))
  end)

  it("refuses other times, places and services", function()
    refused("InvalidSignatureException", "^Signature expired: ",
      signed(request(), KEYS, DATE), NOW + 301)
    refused("InvalidSignatureException", "^Signature not yet current: ",
      signed(request(), KEYS, DATE), NOW - 301)
    assert.truthy(checker:check(signed(request(), KEYS, DATE), NOW + 300))
    for scope, pattern in pairs {
      ["20260115/us-east-1/bedrock-runtime/aws4_request"] = "'bedrock'",
      ["20260114/us-east-1/bedrock/aws4_request"] = "^Date in Credential",
      ["20260115/us-east-1/bedrock/aws3_request"] = "valid terminator",
      ["20260115/us east/bedrock/aws4_request"] = "valid region",
    } do
      if not scope:find " " then
        refused("InvalidSignatureException", pattern,
          signed(request(), KEYS, DATE, { scope = scope }))
      end
    end
    refused("IncompleteSignatureException", "5 slash",
      signed(request(), KEYS, DATE, { scope = "20260115/x/bedrock" }))
  end)

  it("refuses strangers and the expired", function()
    refused("UnrecognizedClientException", nil, signed(request(),
      { access_key_id = "AKIDX", secret_access_key = "x" }, DATE))
    local token = { access_key_id = "AKIDTOKEN", secret_access_key = "s" }
    refused("UnrecognizedClientException", nil, signed(request(), token, DATE))
    assert.truthy(checker:check(signed(request { { "host", "h" },
      { "x-amz-security-token", "token" } }, token, DATE), NOW))
    refused("ExpiredTokenException", nil, signed(request(),
      { access_key_id = "AKIDOLD", secret_access_key = "s" }, DATE))
    refused("MissingAuthenticationTokenException", nil, request())
    refused("IncompleteSignatureException", "'Signature'", request {
      { "host", "h" }, { "x-amz-date", DATE },
      { "authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e" } })
  end)

  it("knows bearer tokens", function()
    assert.equal("bearer", checker:check(request {
      { "authorization", "Bearer good" } }, NOW).kind)
    refused("AccessDeniedException", "API Key",
      request { { "authorization", "Bearer bad" } })
  end)

  local golden = read(vectors .. "/vectors/js-golden/requests.json")
  with({ golden }, "accepts every request of AWS's SDK", function()
    local seen = 0
    for _, case in ipairs(cjson.decode(golden)) do
      local sent = case.request
      local authorization = sent and sent.headers.authorization
      if authorization and authorization:find "^AWS4" then
        local headers, query = {}, {}
        for name, value in pairs(sent.headers) do
          headers[#headers + 1] = { name == ":authority" and "host" or name,
            value }
        end
        for name, value in pairs(sent.query or {}) do
          query[#query + 1] = name .. "=" .. (value:gsub("[:+/ ]",
            function(c) return ("%%%02X"):format(c:byte()) end))
        end
        local keys = { access_key_id = "AKIDEXAMPLE",
          secret_access_key = KEYS.secret_access_key,
          session_token = sent.headers["x-amz-security-token"] }
        local who, name, why = verify.new { credentials = { keys } }:check({
          method = sent.method, path = sent.path, headers = headers,
          query = table.concat(query, "&"), streaming = true,
          body = base64.decode(sent.body_base64 or "") },
          verify.time(sent.headers["x-amz-date"]))
        assert(who, ("%s: %s %s"):format(case.name, name, why))
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 30)
  end)

  local suite = files "vectors/aws-c-auth/tests/aws-signing-test-suite/v4/*"
  with(suite, "makes the canonical requests of AWS's suite", function()
    for _, folder in ipairs(suite) do
      local function part(name)
        return (read(folder .. "/" .. name):gsub("\r", ""))
      end
      local text = part "header-signed-request.txt"
      local head, body = text:match("^(.-)\n\n(.*)$")
      local line, rest = (head or text):match("^([^\n]*)\n(.*)$")
      local method, path, query = line:match("^(%S+) ([^?]*)%??(.*) HTTP")
      local headers = {}
      for name, value in (rest:gsub("\n%s+", " ") .. "\n")
          :gmatch("([^:\n]+):([^\n]*)\n") do
        headers[#headers + 1] = { name:lower(), value }
      end
      local what = { method = method, path = path, query = query,
        headers = headers, plain_path =
          not cjson.decode(part "context.json").normalize }
      local names = {}
      for name in verify.header(what, "authorization")
          :match("SignedHeaders=([^,]*)"):gmatch("[^;]+") do
        names[#names + 1] = name
      end
      assert.equal(part "header-canonical-request.txt",
        verify.canonical_request(what, names, verify.sha256(body or "")))
    end
  end)
end)

local answer = require "bedrock.emulator.answer"
local converse = require "bedrock.emulator.converse"
local tools = require "bedrock.emulator.tools"

describe("emulator answers", function()
  it("lose no byte in words and fragments", function()
    for _, text in ipairs { "", " ", "a", " a  b\n\nc ", "Gr\195\188\195\159e",
      "\240\159\140\153\240\159\140\153 x", ("word "):rep(50) } do
      for _, pieces in ipairs { answer.words, answer.fragments } do
        local out = {}
        for piece in pieces(text) do out[#out + 1] = piece end
        assert.equal(text, table.concat(out))
      end
    end
  end)

  it("call the tools that a text names", function()
    local schema = { properties = { city = { type = "string" },
      days = { type = "integer" } } }
    local function calls(text, force)
      return tools.calls { text = text, force = force, tools = {
        { name = "get_weather", schema = schema },
        { name = "ping", schema = {} } } }
    end
    assert.same({}, calls "get_weather_today, pings")
    assert.same({ { name = "get_weather", input =
      '{"city":"Rome","days":3}' } }, calls "Get_Weather city=Rome days=3")
    assert.same({ { name = "get_weather", input = '{"x":[]}' },
      { name = "get_weather", input = "{}" }, { name = "ping", input = "" } },
      calls 'get_weather{"x":[]} and get_weather {} and ping')
    assert.equal("ping", calls("nothing", "ping")[1].name)
    assert.equal("get_weather", calls("nothing", "any")[1].name)
  end)

  it("stop at limits and sequences", function()
    local cut = answer.make { text = "Count to 9", size = 10, max_tokens = 3 }
    assert.equal("1 2 3", cut.blocks[1].text)
    assert.equal("max_tokens", cut.stop_reason)
    local stopped = answer.make { text = "Say: ab END cd", size = 10,
      stops = { "END" } }
    assert.equal("ab ", stopped.blocks[1].text)
    assert.equal("END", stopped.stop_sequence)
  end)

  it("make events of the same content as the unary body", function()
    local self = answer.make { text = "What is Lua?", size = 12,
      thinking = true }
    local text, kinds = {}, {}
    for kind, payload in converse.events(self) do
      kinds[#kinds + 1] = kind
      local event = cjson.decode(payload)
      assert.is_string(event.p)
      text[#text + 1] = event.delta and event.delta.text
    end
    assert.equal("messageStart", kinds[1])
    assert.equal("messageStop", kinds[#kinds - 1])
    assert.equal("metadata", kinds[#kinds])
    local body = cjson.decode(converse.body(self))
    assert.equal(table.concat(text), body.output.message.content[2].text)
  end)
end)
