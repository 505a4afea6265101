-- The protocol cases that AWS's SDKs share, both ways (restJson1).

local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local protocol = require "spec.support.protocol"
local signing = require "bedrock.signing"
local unmarshal = require "bedrock.service.unmarshal"
local vectors = require "spec.support.vectors"

-- Cases of the shared protocol tests that ask for what Bedrock's model has
-- not, or what belongs to another part of the library.
local OUT = {
  RestJsonEndpointTrait = "no operation has a host prefix",
  RestJsonEndpointTraitWithHostLabel = "no operation has a host prefix",
  RestJsonHttpChecksumRequired = "no operation asks for a Content-MD5",
  SDKAppliedContentEncoding_restJson1 = "no operation compresses requests",
  SDKAppendedGzipAfterProvidedEncoding_restJson1 =
    "no operation compresses requests",
}

local function sorted_query(query)
  local parts = {}
  for part in query:gmatch("[^&]+") do parts[#parts + 1] = part end
  table.sort(parts)
  return table.concat(parts, "&")
end

local function check_body(expected, got, id)
  if expected == nil then return end
  if expected == "" then return assert.equal("", got or "", id) end
  local value = json.decode(expected)
  if value == nil then return assert.equal(expected, got, id) end
  assert.same(value, json.decode(got or ""), id)
end

-- Where it goes, in the client's own message: the endpoint's path is before
-- the operation's.
local function check_target(case, got)
  local wanted = case.serialized
  local message = signing.message(got,
    signing.place(case.endpoint or "https://example.com"))
  assert.equal(wanted.method, message.method, case.id)
  assert.equal(wanted.uri:match("^[^?]*"), message.path, case.id)
  assert.equal((wanted.host or "example.com"):match("^[^/]*"),
    message.headers.host, case.id)
end

local function check_request(case)
  local id, wanted = case.id, case.serialized
  local got = assert(marshal.request(case.operation, case.params, {
    uuid = function() return "00000000-0000-4000-8000-000000000000" end }))
  check_target(case, got)
  assert.equal(sorted_query(wanted.uri:match("%?(.*)$") or ""),
    sorted_query(got.query), id)
  for name, value in pairs(wanted.headers or {}) do
    assert.equal(value, got.headers[name:lower()], id .. " " .. name)
  end
  for _, name in ipairs(wanted.forbidHeaders or {}) do
    assert.is_nil(got.headers[name:lower()], id .. " " .. name)
  end
  for _, name in ipairs(wanted.requireHeaders or {}) do
    -- The transport counts a body's bytes, where there is one.
    assert.equal("Content-Length", name, id)
    assert.is_string(got.body, id)
  end
  check_body(wanted.body, got.body, id)
end

describe("restJson1 requests", function()
  it("are what AWS's protocol cases say", function()
    if not vectors.available() then return pending "no protocol cases here" end
    local done, out = 0, 0
    for _, case in ipairs(protocol.cases "input") do
      if OUT[case.id] then
        out = out + 1
      else
        check_request(case)
        done = done + 1
      end
    end
    assert.equal(108, done)
    assert.equal(5, out)
  end)
end)

-- Non-finite numbers are numbers here; the cases have their strings.
local function with_numbers(value)
  local special = { NaN = 0 / 0, Infinity = math.huge,
    ["-Infinity"] = -math.huge }
  if special[value] then return special[value] end
  if type(value) == "table" then
    for key, item in pairs(value) do value[key] = with_numbers(item) end
  end
  return value
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b or a ~= a and b ~= b
  end
  for key, item in pairs(a) do
    if not same(item, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function check_answer(case)
  local headers = {}
  for name, value in pairs(case.response.headers or {}) do
    headers[name:lower()] = value
  end
  local got, err = unmarshal.response(case.operation,
    case.response.status_code, headers, case.response.body or "")
  if not case.error then
    return assert.is_true(same(with_numbers(case.result), got), case.id)
  end
  assert.is_nil(got, case.id)
  assert.equal(case.errorCode, err.code, case.id)
  if case.errorMessage then assert.equal(case.errorMessage, err.message) end
  for name, value in pairs(case.error) do
    if name ~= "Message" then
      assert.is_true(same(value, err[name]), case.id)
    end
  end
end

describe("restJson1 answers", function()
  it("are what AWS's protocol cases say", function()
    if not vectors.available() then return pending "no protocol cases here" end
    local list = protocol.cases "output"
    for _, case in ipairs(list) do check_answer(case) end
    assert.equal(91, #list)
  end)
end)
