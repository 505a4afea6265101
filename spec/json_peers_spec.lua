-- bedrock.json against lua-cjson and dkjson, and over all JSON there is.
local json = require "bedrock.json"
local vectors = require "spec.support.vectors"
local has_cjson, cjson = pcall(require, "cjson")
local has_dkjson, dkjson = pcall(require, "dkjson")

local seed = 7
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n
end

-- Same values, numbers by value: lua-cjson makes all of them floats.
local function same(a, b)
  if type(a) == "number" and type(b) == "number" then
    return a * 1.0 == b * 1.0
  end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local SCALARS = {
  "null", "true", "false", "0", "1", "-17", "123456789", "9007199254740991",
  "0.5", "-2.25e-3", "1E5", "1e-300", "6.02214076e23", "3.14159265358979",
  '""', '"a"', '"two words"', '"\\n\\t\\"\\\\\\/\\b\\f\\r"', '"\\u0041\\u00e9"',
  '"\\ud83d\\ude00"', '"\240\159\152\128 \195\169"', '"\\u0000"', '"\127"',
}
local NAMES = { '"a"', '"b"', '"name"', '""', '"a b"', '"\\u00e9"', '"1"' }
local SPACE = { "", "", "", " ", "\n  ", "\t", "\r\n" }

local function one_of(list) return list[random(#list) + 1] end

-- A random text; objects may repeat names.
local function text(depth)
  local kind = depth > 0 and random(4) or 0
  if kind < 2 then
    return one_of(SPACE) .. one_of(SCALARS) .. one_of(SPACE)
  end
  local list = {}
  for i = 1, random(8) do
    list[i] = text(depth - 1)
    if kind == 2 then
      list[i] = one_of(SPACE) .. one_of(NAMES) .. one_of(SPACE) .. ":"
        .. list[i]
    end
  end
  local inside = one_of(SPACE) .. table.concat(list, ",") .. one_of(SPACE)
  return kind == 2 and "{" .. inside .. "}" or "[" .. inside .. "]"
end

describe("bedrock.json beside lua-cjson", function()
  local function with_cjson(name, test)
    it(name, function()
      if not has_cjson then return pending "no lua-cjson here" end
      test()
    end)
  end

  with_cjson("reads the same values", function()
    assert.equal(cjson.null, json.null)
    for _ = 1, 2000 do
      local source = "[" .. text(5) .. "]"
      local ours = assert(json.decode(source))
      assert.is_true(same(ours, cjson.decode(source)), source)
    end
  end)

  with_cjson("reads what it writes, and writes what it reads", function()
    for _ = 1, 1000 do
      -- fewer digits than lua-cjson's 14, so that it loses none
      local source = text(5):gsub("9007199254740991", "9007199254")
      source = "[" .. source:gsub("3.14159265358979", "3.14159") .. "]"
      local value = assert(json.decode(source))
      assert.is_true(same(value, cjson.decode((json.encode(value)))), source)
      assert.is_true(same(value, json.decode(cjson.encode(value))), source)
    end
  end)

  with_cjson("refuses mutilated texts unless it is right to read them",
    function()
      for _ = 1, 4000 do
        local source = text(3)
        local at = random(#source) + 1
        local byte = string.char(random(256))
        source = source:sub(1, at - 1) .. byte .. source:sub(at + 1)
        local ours = json.decode(source)
        if ours ~= nil then
          -- it knows no lone surrogates
          local read, theirs = pcall(cjson.decode, source)
          assert.is_true(read or source:find "\\u" ~= nil, source)
          assert.is_true(not read or same({ ours }, { theirs }), source)
          assert.equal(json.encode(ours, { sorted = true }), json.encode(
            json.decode((json.encode(ours))), { sorted = true }))
        end
      end
    end)
end)

describe("bedrock.json beside dkjson", function()
  it("understands its marks, and it understands ours", function()
    if not has_dkjson then return pending "no dkjson here" end
    local source = '{"a":[],"b":{},"c":[[],{}]}'
    local value = dkjson.decode(source)
    assert.equal(source, (json.encode(value, { sorted = true })))
    assert.equal("[[],{}]",
      dkjson.encode { json.decode "[]", json.object() })
  end)
end)

describe("bedrock.json over the test data", function()
  local function each(folder, suffix, test)
    if not vectors.available() then return pending "no test data here" end
    local files = vectors.files(folder, suffix)
    assert.is_true(#files > 0)
    for _, path in ipairs(files) do test(vectors.read(path), path) end
  end

  -- Blanks outside of strings and what escapes may vary in, taken away.
  local function canonical(source)
    local value, message = json.decode(source)
    assert(value ~= nil, message)
    local out = assert(json.encode(value, { sorted = true }))
    local again = assert(json.decode(out))
    assert.is_true(same(value, again))
    assert.equal(out, json.encode(again, { sorted = true }))
    return value
  end

  local function check(source, path)
    if path:find "/malformed%.json$" or path:find "/invalid_json%.json$" then
      return assert.is_nil((json.decode(source)))
    end
    local value = canonical(source)
    local peer = has_cjson and cjson.decode(source)
    if peer then assert.is_true(same(value, peer), path) end
    -- every array and object is what it was: an independent count
    local out = json.encode(value)
    local function count(s, pattern)
      local bare = s:gsub('\\.', ""):gsub('"[^"]*"', '""'):gsub("%s+", "")
      return select(2, bare:gsub(pattern, ""))
    end
    if not source:find('"p"', 1, true) then
      for _, pattern in ipairs { "%[", "{", "%[%]", "{}", "null" } do
        assert.equal(count(source, pattern), count(out, pattern),
          path .. ": " .. pattern)
      end
    end
  end

  it("survives in the service model", function()
    each("model/.", ".json", check)
  end)

  it("survives in the recordings", function()
    each("recorded/streams", ".json", check)
    each("recorded/unary", ".json", check)
    each("recorded/errors", ".json", check)
  end)

  it("survives in other people's vectors", function()
    each(".", ".json", check)
  end)

  it("survives as smithy's own document", function()
    each("smithy-rs/rust-runtime/aws-smithy-types/test_data",
      "serialize_document.json", function(source)
        local value = canonical(source)
        assert.equal(0.1 + 0.2, value.float)
        assert.equal(json.null, value.null)
        assert.truthy(json.encode(value):find("0.30000000000000004", 1, true))
      end)
  end)
end)
