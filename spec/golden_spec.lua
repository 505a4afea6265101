-- Requests that AWS's own SDK for JavaScript made, held against ours: what is
-- sent, where to, and (given its headers and clock) the same signature.

local core = require "bedrock.core"
local endpoint = require "bedrock.service.endpoint"
local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local vectors = require "spec.support.vectors"

-- Where this library means to differ, and why.
local DIFFERENT = {
  ["invoke-no-content-type"] = { ["content-type"] = "application/json" },
  ["invoke-empty-body"] = { ["content-type"] = "application/json" },
}

-- A model id of no length makes a path that names no model; refused here.
local REFUSED = {
  ["missing-modelid"] = "modelId: required member is missing",
  ["empty-modelid"] = "modelId: must not be empty",
}

-- Headers that are the SDK's own, or another part's of this library.
local NOT_OURS = {
  authorization = true, ["amz-sdk-invocation-id"] = true,
  ["amz-sdk-request"] = true, ["content-length"] = true, host = true,
  ["x-amz-content-sha256"] = true, ["x-amz-date"] = true,
  ["x-amz-security-token"] = true, ["x-amz-user-agent"] = true,
}

local function with_blobs(value)
  if type(value) ~= "table" then return value end
  if value["$blob_base64"] then
    return assert(core.bytes.base64_decode(value["$blob_base64"]))
  end
  for key, item in pairs(value) do value[key] = with_blobs(item) end
  return value
end

local function cases()
  local list = {}
  for _, case in ipairs(json.decode(vectors.read "js-golden/requests.json"))
  do
    if case.operation ~= "InvokeModelWithBidirectionalStream" then
      case.input = with_blobs(case.input)
      list[#list + 1] = case
    end
  end
  return list
end

local function endpoint_of(case)
  local config, env = case.config, case.env
  local url = config.endpoint
  if not url and env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS ~= "true" then
    url = env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME or env.AWS_ENDPOINT_URL
  end
  return endpoint.resolve {
    service = "bedrock-runtime", region = config.region, endpoint_url = url,
    use_fips = config.useFipsEndpoint,
    use_dualstack = config.useDualstackEndpoint,
  }
end

local function lower(headers)
  local copy = {}
  for name, value in pairs(headers) do copy[name:lower()] = value end
  return copy
end

local function ours(headers)
  local copy = {}
  for name, value in pairs(headers) do
    if not NOT_OURS[name] then copy[name] = value end
  end
  return copy
end

local function query_text(query)
  local parts = {}
  for name, value in pairs(query) do
    parts[#parts + 1] = core.bytes.uri_encode(name) .. "="
      .. core.bytes.uri_encode(value)
  end
  table.sort(parts)
  return table.concat(parts, "&")
end

local function check_body(case, body)
  local captured = case.request.body_base64
  captured = captured and assert(core.bytes.base64_decode(captured)) or ""
  if case.operation:find("^InvokeModel") or captured == "" then
    assert.equal(captured, body or "", case.name)
  else
    assert.same(json.decode(captured), json.decode(body), case.name)
  end
end

local function check_request(case, at, request)
  local wanted, name = case.request, case.name
  assert.equal(wanted.method, request.method, name)
  assert.equal(wanted.protocol, at.scheme .. ":", name)
  assert.equal(wanted.hostname, at.host, name)
  assert.equal(lower(wanted.headers).host, at.authority, name)
  assert.equal(wanted.path, at.path .. request.path, name)
  assert.equal(query_text(wanted.query), request.query, name)
  local expected = ours(lower(wanted.headers))
  for header, value in pairs(DIFFERENT[name] or {}) do
    expected[header] = value
  end
  assert.same(expected, ours(request.headers), name)
  check_body(case, request.body)
end

-- The signature over our path and query and the SDK's headers.
local function check_signature(case, at, request)
  local headers = lower(case.request.headers)
  local authorization = headers.authorization
  local signed = {}
  for name in authorization:match("SignedHeaders=([^,]+)"):gmatch("[^;]+") do
    signed[name] = headers[name]
  end
  local keys = case.config.credentials
  local got = assert(core.sigv4.signer():sign({
    method = request.method, path = at.path .. request.path,
    query = request.query, headers = signed,
    payload_hash = headers["x-amz-content-sha256"],
  }, {
    access_key_id = keys.accessKeyId, secret_access_key = keys.secretAccessKey,
    session_token = keys.sessionToken,
  }, at.signing_region, at.signing_service, headers["x-amz-date"]))
  assert.equal(authorization, got, case.name)
end

-- `test` of every case says whether the case concerns it; `count` do.
local function with_cases(name, count, test)
  it(name, function()
    if not vectors.available() then return pending "no golden requests" end
    local done = 0
    for _, case in ipairs(cases()) do
      if test(case) then done = done + 1 end
    end
    assert.equal(count, done)
  end)
end

describe("golden requests", function()
  with_cases("are made by us too", 34, function(case)
    if case.error or REFUSED[case.name] then return false end
    local at = assert(endpoint_of(case))
    check_request(case, at, assert(marshal.request(case.operation,
      case.input)))
    return true
  end)

  with_cases("get the same signature", 30, function(case)
    local headers = case.request and lower(case.request.headers)
    if not headers or REFUSED[case.name]
      or not headers.authorization:find("^AWS4") then
      return false
    end
    check_signature(case, assert(endpoint_of(case)),
      assert(marshal.request(case.operation, case.input)))
    return true
  end)

  with_cases("that cannot be made say why", 4, function(case)
    if REFUSED[case.name] then
      local request, err = marshal.request(case.operation, case.input)
      assert.is_nil(request)
      assert.equal("validation", err.kind)
      assert.equal(REFUSED[case.name], err.message)
      return true
    elseif case.error then
      local at, err = endpoint_of(case)
      assert.is_nil(at)
      assert.equal("config", err.kind)
      assert.truthy(case.error:find(err.message, 1, true), case.error)
      return true
    end
  end)
end)
