-- core.sigv4, stage by stage, against AWS's own signing suite.
local sigv4 = require "bedrock.core".sigv4
local bytes = require "bedrock.core".bytes
local cjson = require "cjson"
local vectors = require "spec.support.vectors"

local SUITE = "aws-c-auth/tests/aws-signing-test-suite/v4"

-- A request.txt: request line, headers (with folded lines), body.
local function parse_request(text)
  local head, body = text:match("^(.-)\r?\n\r?\n(.*)$")
  head, body = head or text, body or ""
  local lines = {}
  for line in (head .. "\n"):gmatch("(.-)\r?\n") do
    if line:match("^%s") then
      lines[#lines] = lines[#lines] .. line
    elseif line ~= "" then
      lines[#lines + 1] = line
    end
  end
  local method, target = table.remove(lines, 1):match("^(%u+) (.*) HTTP/1.1$")
  local path, query = target:match("^([^?]*)%??(.*)$")
  local headers = {}
  for _, line in ipairs(lines) do
    local name, value = line:match("^([^:]+):(.*)$")
    name = name:lower()
    headers[name] = headers[name] or {}
    table.insert(headers[name], value)
  end
  return { method = method, path = path, query = query, headers = headers },
    body
end

local function prepare(case, context)
  local request, body = parse_request(vectors.read(case .. "/request.txt"))
  local amz_date = context.timestamp:gsub("[-:]", "")
  request.headers["x-amz-date"] = amz_date
  request.payload_hash = bytes.sha256_hex(body)
  request.normalize = context.normalize
  if context.sign_body then
    request.headers["x-amz-content-sha256"] = request.payload_hash
  end
  if context.credentials.token and not context.omit_session_token then
    request.headers["x-amz-security-token"] = context.credentials.token
  end
  return request, amz_date
end

describe("AWS's signing suite", function()
  local cases = vectors.directories(SUITE)
  if #cases == 0 then
    pending("vectors are absent")
    return
  end

  for _, case in ipairs(cases) do
    it(case:match("[^/]+$"), function()
      local context = cjson.decode(vectors.read(case .. "/context.json"))
      local request, amz_date = prepare(case, context)
      local function expected(stage)
        return vectors.read(case .. "/header-" .. stage .. ".txt")
      end

      local canonical = sigv4.canonical_request(request)
      assert.equal(expected "canonical-request", canonical)

      local scope = table.concat({ amz_date:sub(1, 8), context.region,
        context.service, "aws4_request" }, "/")
      local string_to_sign = sigv4.string_to_sign(amz_date, scope, canonical)
      assert.equal(expected "string-to-sign", string_to_sign)

      local secret = context.credentials.secret_access_key
      local signature = sigv4.signature(secret, scope, string_to_sign)
      assert.equal(expected "signature", signature)

      local header = assert(sigv4.signer():sign(request, context.credentials,
        context.region, context.service, amz_date))
      local whole = expected "signed-request"
      assert.equal(whole:match("\nAuthorization:%s*([^\r\n]*)"), header)
    end)
  end
end)

describe("a signer", function()
  local keys = { access_key_id = "AKID", secret_access_key = "secret" }

  local function request()
    return { method = "POST", path = "/model/a%3A0/converse", query = "",
      headers = { host = "h", ["x-amz-date"] = "20260115T123456Z" },
      payload_hash = bytes.sha256_hex("{}") }
  end

  it("encodes the wire's path once more", function()
    local canonical = sigv4.canonical_request(request())
    assert.truthy(canonical:find("/model/a%253A0/converse", 1, true))
  end)

  it("gives the same signature from its remembered key", function()
    local signer = sigv4.signer()
    local function sign(k, region, date)
      return signer:sign(request(), k, region, "bedrock", date)
    end
    local first = sign(keys, "us-east-1", "20260115T123456Z")
    assert.equal(first, sign(keys, "us-east-1", "20260115T123456Z"))
    local changed = {
      sign(keys, "us-west-2", "20260115T123456Z"),
      sign(keys, "us-east-1", "20260116T123456Z"),
      sign({ access_key_id = "AKID", secret_access_key = "other" },
        "us-east-1", "20260115T123456Z"),
    }
    for _, other in ipairs(changed) do assert.not_equal(first, other) end
    assert.equal(first, sign(keys, "us-east-1", "20260115T123456Z"))
  end)

  -- Figures of Python's hmac.  "AWS4" and 60 bytes fill a block of SHA-256.
  it("takes secrets of any length", function()
    local known = {
      [60] = "dad2cac0109f18e1cf2e5911bbc42f21"
        .. "42cc80eb3a626fc2e82cd39600094948",
      [61] = "fd996df55ae5ea4f9206feea6be3d320"
        .. "104296e5f6035e527bdbc23ada7bb198",
      [200] = "e5f2b32e8cbc19241ce7c935ff258031"
        .. "38e3c41618e2f6c1efb2932bbac98337",
    }
    for length, signature in pairs(known) do
      assert.equal(signature, sigv4.signature(("s"):rep(length),
        "20260115/us-east-1/bedrock/aws4_request", "x"))
    end
  end)

  it("encodes a query anew, what is no escape included", function()
    local r = request()
    r.query = "q=%2f%aF%zz%g0%0G%4g%4"
    assert.truthy(sigv4.canonical_request(r):find(
      "\nq=%2F%AF%25zz%25g0%250G%254g%254\n", 1, true))
  end)

  it("leaves out what proxies rewrite", function()
    local r = request()
    r.headers["user-agent"] = "lua"
    r.headers["x-amzn-trace-id"] = "Root=1"
    local _, names = sigv4.canonical_request(r)
    assert.equal("host;x-amz-date", names)
  end)

  it("signs however many headers there are", function()
    local headers, names = {}, {}
    for i = 1, 100 do
      names[i] = ("x-%03d"):format(i)
      headers[names[i]] = i % 10 == 0 and { "a", "b" } or "a"
    end
    local many = { method = "GET", path = "/", headers = headers,
      payload_hash = bytes.sha256_hex "" }
    local text, signed = sigv4.canonical_request(many)
    assert.equal(table.concat(names, ";"), signed)
    assert.truthy(text:find("\nx-100:a,b\n", 1, true))
    local authorization = sigv4.signer():sign(many,
      { access_key_id = "AKID", secret_access_key = "secret" }, "us-east-1",
      "bedrock", "20260115T123456Z")
    local scope = "20260115/us-east-1/bedrock/aws4_request"
    assert.equal(sigv4.signature("secret", scope, sigv4.string_to_sign(
      "20260115T123456Z", scope, text)), authorization:match "%x+$")
  end)

  it("refuses a header that would be two", function()
    for _, bad in ipairs { "a\r\nb: c", "a\nb", "a\0b" } do
      local r = request()
      r.headers["x-amz-meta"] = bad
      local got, message, code = sigv4.canonical_request(r)
      assert.is_nil(got)
      assert.is_string(message)
      assert.equal("InvalidArgument", code)
    end
  end)

  it("raises for a wrong type", function()
    assert.has_error(function() sigv4.canonical_request("text") end)
    assert.has_error(function() sigv4.canonical_request {} end)
    assert.has_error(function() sigv4.signature(1, 2, 3) end)
  end)
end)
