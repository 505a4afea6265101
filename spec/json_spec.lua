-- bedrock.json: what came in goes out the same, and nothing else comes in.
local core = require "bedrock.core"
local json = require "bedrock.json"

local INTEGERS = math.type ~= nil

-- decode, encode, and both once more
local function round(text)
  local value, message = json.decode(text)
  assert(value ~= nil, message)
  local out = assert(json.encode(value, { sorted = true }))
  assert.equal(out, json.encode((json.decode(out)), { sorted = true }))
  return out
end

local function refused(value, path, code)
  local text, message, found = json.encode(value)
  assert.is_nil(text)
  assert.equal(path, message:sub(1, #path))
  assert.equal(code or "InvalidArgument", found)
end

describe("json.decode then json.encode", function()
  it("keeps every text that is as short as it can be", function()
    for _, text in ipairs {
      "null", "true", "false", "0", "-1", '""', "[]", "{}", "[[]]", "[{}]",
      '{"a":[],"b":{}}', '{"":1}', "[null,null]", '{"a":null}', "0.1", "-0.0",
      "1e300", "5e-324", "0.30000000000000004", "1.7976931348623157e308",
      "2.2250738585072014e-308", "9007199254740991", "-9007199254740991",
      '"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\\"\\\\/\127"',
      '"\195\169\224\160\128\237\159\191\238\128\128\240\144\128\128"',
      '"\244\143\191\191"', '"\\ud800"', '"\\udc00\\ud800x\\udfff"',
    } do
      assert.equal(text, round(text))
    end
  end)

  it("drops only what JSON gives no meaning to", function()
    for from, to in pairs {
      [" \t\r\n[ 1 , { \"a\" : 2 } ] \n"] = '[1,{"a":2}]',
      ['{"a":1,"a":2}'] = '{"a":2}',
      ['{"a":1,"b":3,"a":null}'] = '{"a":null,"b":3}',
      ['"\\u00e9\\/\\u0041\\ud83d\\ude00"'] = '"\195\169/A\240\159\152\128"',
      ["-0"] = "-0.0", ["1E+2"] = INTEGERS and "100.0" or "100",
      ["1e-400"] = INTEGERS and "0.0" or "0",
    } do
      local value = assert(json.decode(from))
      assert.equal(to, (json.encode(value, { sorted = true })))
    end
  end)

  it("keeps integers apart from floats where Lua does", function()
    if not INTEGERS then return pending "no integers in this Lua" end
    for _, text in ipairs {
      "9223372036854775807", "-9223372036854775808", "9007199254740993",
      "1.0", "100.0", "-3.0", "1e16", "1000000000000000.0",
      "9.223372036854776e18", "12345678901234567",
    } do
      assert.equal(text, round(text))
    end
    assert.equal("integer", math.type(json.decode "9223372036854775807"))
    assert.equal(2 ^ 63, json.decode "9223372036854775808")
    assert.equal(-2 ^ 63 - 2048, json.decode "-9223372036854777856")
    assert.equal("float", math.type(json.decode "9223372036854775808"))
    assert.equal("float", math.type(json.decode "12.0"))
  end)

  it("reads numbers of any length to the nearest double", function()
    local zeros = ("0"):rep(400)
    assert.equal(1, json.decode("1." .. zeros))
    assert.equal(1e-5, json.decode("0.00001" .. zeros))
    assert.equal(10, json.decode("0." .. zeros .. "1e402"))
    assert.equal(1, json.decode("1" .. zeros .. "e-400"))
    -- half-way between 2^53 and its neighbour: to even; a trace more: up
    assert.equal(2 ^ 53, json.decode("9007199254740993.0"))
    assert.equal(2 ^ 53 + 2, json.decode(
      "9007199254740993." .. zeros .. zeros .. "1"))
    assert.equal(0, json.decode("0e99999999999999999999"))
    assert.equal(0, json.decode("1e-99999999999999999999"))
  end)

  it("keeps every bit of a double, in no more digits than printf needs",
    function()
      local seed = 12345
      local function random()
        seed = (seed * 1103515245 + 12345) % 2147483648
        return seed / 2147483648
      end
      local function check(v)
        local text = json.encode(v)
        assert.equal(v, json.decode(text))
        assert.equal(v, tonumber(text))
        local digits = text:gsub("e.*", ""):gsub("%.0$", "")
        digits = digits:gsub("%D", ""):gsub("^0+", ""):gsub("0+$", "")
        if #digits > 1 and text:find "[.e]" then -- not a whole integer
          local fewer = ("%%.%dg"):format(#digits - 1):format(v)
          assert.not_equal(v, tonumber(fewer))
        end
      end
      for exponent = -1074, 1023 do check(2 ^ exponent) end
      for exponent = -323, 308 do check(tonumber("1e" .. exponent)) end
      for i = 1, 3000 do
        check(random() + random() * 2 ^ -31)
        check((random() - 0.5) * 2 ^ math.floor(random() * 2000 - 1000))
        check(math.floor(random() * 1e6) / 1e4 + i)
      end
    end)

  it("does not mind the locale", function()
    local before = os.setlocale(nil, "numeric")
    local comma
    for _, name in ipairs { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" } do
      comma = comma or os.setlocale(name, "numeric")
    end
    if not comma then return pending "no locale with a decimal comma" end
    local out = json.encode(json.decode "[0.5,1e-7,0.30000000000000004]")
    os.setlocale(before, "numeric")
    assert.equal("[0.5,1e-7,0.30000000000000004]", out)
  end)

  it("keeps every code point, escaped or not, and every lone surrogate",
    function()
      local bytes = {}
      local function check(code, escape)
        local value = assert(json.decode('"' .. escape .. '"'))
        assert.is_nil(bytes[value])
        bytes[value] = code
        local text = assert(json.encode(value))
        assert.equal(value, json.decode(text))
        local lone = code >= 0xD800 and code <= 0xDFFF
        assert.equal(lone and '"' .. escape .. '"' or text, text)
        if code > 0x7F and not lone then
          assert.equal('"' .. value .. '"', text)
        end
      end
      for code = 0, 0xFFFF, 7 do check(code, ("\\u%04x"):format(code)) end
      for code = 0xD800, 0xDFFF do
        if code % 7 ~= 0 then check(code, ("\\u%04x"):format(code)) end
      end
      for code = 0x10000, 0x10FFFF, 997 do
        local c = code - 0x10000
        check(code, ("\\u%04x\\u%04x"):format(
          0xD800 + math.floor(c / 1024), 0xDC00 + c % 1024))
      end
    end)

  it("keeps strings of every length, with a special byte at every place",
    function()
      for n = 0, 40 do
        for at = 0, n do
          for _, byte in ipairs { '"', "\\", "\n", "\0", "\195\169", "x" } do
            local s = ("a"):rep(at) .. byte .. ("b"):rep(n - at)
            assert.equal(s, json.decode(json.encode(s)))
          end
        end
      end
      local long = ("line\n\"quoted\" \195\169\0"):rep(5000)
      assert.same({ long, long }, json.decode(json.encode { long, long }))
    end)

  it("keeps arrays and objects of every size around the powers of two",
    function()
      for n = 0, 140 do
        local list, map = {}, {}
        for i = 1, n do
          list[i] = i
          map["k" .. i] = { i }
        end
        local text = json.encode { list = json.array(list), map = map }
        local value = json.decode(text)
        assert.equal(n, #value.list)
        assert.same({ list = list, map = map }, value)
        assert.equal(json.encode(value, { sorted = true }),
          json.encode({ list = json.array(list), map = map },
            { sorted = true }))
      end
    end)

  it("goes a thousand deep and no deeper", function()
    local function nested(open, close, n)
      return open:rep(n) .. close:rep(n)
    end
    assert.equal(nested("[", "]", 1000), round(nested("[", "]", 1000)))
    local objects = nested('{"a":', "}", 999):gsub(":}", ":{}}", 1)
    assert.equal(objects, round(objects))
    local value, message, code = json.decode(nested("[", "]", 1001))
    assert.is_nil(value)
    assert.equal("TooDeep", code)
    assert.truthy(message:find("at byte 1001", 1, true))
    local deep = {}
    for _ = 1, 1000 do deep = { a = deep } end
    local text
    text, message, code = json.encode(deep)
    assert.is_nil(text)
    assert.equal("TooDeep", code)
    assert.truthy(message:find("^a%.a%.a%.") and #message < 300)
  end)

  it("nests deeply in wide tables too", function()
    local filler = ("0,"):rep(63)
    local text = ("[" .. filler):rep(1000) .. "1" .. ("]"):rep(1000)
    assert.equal(text, round(text))
    local members = {}
    for i = 1, 31 do members[i] = ('"%d":%d,'):format(i, i) end
    members = "{" .. table.concat(members) .. '"last":'
    text = members:rep(1000) .. "1" .. ("}"):rep(1000)
    local value = assert(json.decode(text))
    for _ = 1, 1000 do
      assert(value["31"] == 31)
      value = value.last
    end
    assert.equal(1, value)
  end)
end)

describe("json.decode", function()
  it("refuses what is not JSON, and names the byte", function()
    for text, at in pairs {
      [""] = 1, [" "] = 2, ["nul"] = 4, ["nulL"] = 4, ["True"] = 1,
      ["NaN"] = 1, ["Infinity"] = 1, ["-Infinity"] = 2, ["0x1F"] = 2,
      ["01"] = 2, ["-01"] = 3, ["+1"] = 1, ["1."] = 3, ["1.e1"] = 3,
      [".5"] = 1, ["1e"] = 3, ["1e+"] = 4, ["-"] = 2, ["- 1"] = 2, ["1 2"] = 3,
      ["[1,]"] = 4, ["[,1]"] = 2, ["[1 2]"] = 4, ["[1}"] = 3, ["["] = 2,
      ["]"] = 1, ['{"a":1,}'] = 8, ["{a:1}"] = 2, ["{'a':1}"] = 2,
      ['{"a" 1}'] = 6, ['{"a":}'] = 6, ['{"a":1]'] = 7, ["{1:2}"] = 2,
      ['{"a":1'] = 7, ["[1] x"] = 5, ["[1][2]"] = 4, ["/*c*/1"] = 1,
      ['"abc'] = 5, ['"\\'] = 3, ['"\\x"'] = 3, ['"\\u12g4"'] = 6,
      ['"\\u123'] = 7, ['"\\U0041"'] = 3, ['"\\\0"'] = 3, ["'a'"] = 1,
      ['"a\tb"'] = 3, ['"\0"'] = 2, ["[1]\0"] = 4, ["\0"] = 1,
      ["\239\187\191[]"] = 1, ["\194\160[]"] = 1, ["\v1"] = 1,
    } do
      local value, message, code = json.decode(text)
      assert.is_nil(value)
      assert.equal("SyntaxError", code)
      assert.equal("at byte " .. at, message:match "at byte %d+$", text)
    end
  end)

  it("refuses every beginning of a text", function()
    local text = '{"a":[1,-2.5e3,"x\\u00e9\\n\195\169",true,null,{}],"b":[]}'
    assert.truthy(json.decode(text))
    for n = 0, #text - 1 do
      local value, message = json.decode(text:sub(1, n))
      assert.is_nil(value)
      assert.truthy(message:find "^JSON: ")
    end
  end)

  it("refuses bytes that are not UTF-8", function()
    for _, bytes in ipairs {
      "\128", "\191", "\192\128", "\193\191", "\194", "\194x", "\224\159\191",
      "\224\160", "\237\160\128", "\237\191\191", "\240\143\191\191",
      "\240\144\128", "\244\144\128\128", "\245\128\128\128", "\255", "\254",
      "\226\130x", "\240\159\152x",
    } do
      for _, before in ipairs { "", "1234567", "12345678" } do
        local text = '["' .. before .. bytes .. '"]'
        local value, message, code = json.decode(text)
        assert.is_nil(value)
        assert.equal("InvalidUtf8", code)
        assert.truthy(message:find("at byte " .. #before + 3, 1, true))
        assert.is_nil((json.decode('{"' .. before .. bytes .. '":1}')))
        local out, _, why = json.encode { before .. bytes }
        local lone = bytes:find "^\237" ~= nil
        assert.equal(lone, out ~= nil)
        assert.equal(not lone, why == "InvalidUtf8")
      end
    end
  end)

  it("refuses numbers beyond the largest double", function()
    for _, text in ipairs {
      "1e309", "-1e309", "1e99999999999999999999", ("9"):rep(309),
      "1.7976931348623159e308",
    } do
      local value, _, code = json.decode(text)
      assert.is_nil(value)
      assert.equal("LimitExceeded", code)
    end
  end)

  it("takes strings only", function()
    for _, value in ipairs { 12, true, {} } do
      assert.has_error(function() json.decode(value) end)
    end
    assert.has_error(function() json.decode() end)
  end)

  it("leaves the padding of an event out, and nothing else", function()
    local decode = core.json.decode_event
    assert.same({ a = 1 }, decode '{"a":1,"p":"abcdef"}')
    assert.same({ a = 1 }, decode '{"p":"abc\\n","a":1}')
    assert.same({}, decode '{"p":"abc"}')
    assert.same({ a = { p = "x" } }, decode '{"a":{"p":"x"}}')
    assert.same({ { p = "x" } }, decode '[{"p":"x"}]')
    assert.same({ p = 1 }, decode '{"p":1}')
    assert.same({ p = { p = "x" } }, decode '{"p":{"p":"x"}}')
    assert.same({ pp = "x", q = "" }, decode '{"pp":"x","q":"","p":""}')
    assert.is_nil((decode '{"p":"abc}'))
  end)
end)

describe("json.encode", function()
  it("knows arrays and objects by their keys", function()
    assert.equal("{}", (json.encode {}))
    assert.equal("[1,2]", (json.encode { 1, 2 }))
    assert.equal('{"1":2}', (json.encode { ["1"] = 2 }))
    assert.equal("[null]", (json.encode { json.null }))
    local backwards = {}
    for i = 100, 1, -1 do backwards[i] = i end
    local inside = { a = { backwards }, b = backwards }
    assert.same(inside, json.decode((json.encode(inside))))
  end)

  it("asks the marks first, its own and those of others", function()
    assert.equal("[]", (json.encode(json.array())))
    assert.equal("{}", (json.encode(json.object())))
    local t = {}
    assert.equal(t, json.array(t))
    assert.equal("[]", (json.encode(setmetatable({}, json.array_mt))))
    assert.equal("[]", (json.encode(
      setmetatable({}, { __jsontype = "array" }))))
    assert.equal("{}", (json.encode(
      setmetatable({}, { __jsontype = "object" }))))
    assert.equal('{"a":1}', (json.encode(
      setmetatable({ a = 1 }, { __index = { b = 2 } }))))
    assert.has_error(function() json.array "x" end)
  end)

  it("keeps an array that was emptied, and an object too", function()
    local value = json.decode '{"list":[1,2],"map":{"a":1}}'
    table.remove(value.list)
    table.remove(value.list)
    value.map.a = nil
    assert.equal('{"list":[],"map":{}}',
      (json.encode(value, { sorted = true })))
  end)

  it("understands the marks of OpenResty's lua-cjson", function()
    local before = package.loaded.cjson
    local array_mt, empty_mt = {}, {}
    local stand_in = { array_mt = array_mt, empty_array_mt = empty_mt }
    local list = setmetatable({}, array_mt)
    local empty = setmetatable({}, empty_mt)
    assert.equal("[{},{}]", (json.encode { list, empty }))
    package.loaded.cjson = stand_in
    local text = json.encode { list, empty, setmetatable({ a = 1 }, empty_mt),
                               setmetatable({ 1 }, empty_mt) }
    local arrays = { json.is_array(list), json.is_array(empty) }
    local _, message = json.encode(setmetatable({ a = 1 }, array_mt))
    package.loaded.cjson = before
    assert.equal('[[],[],{"a":1},[1]]', text)
    assert.same({ true, true }, arrays)
    assert.equal("a: a name in an array", message)
  end)

  it("names the path to what it cannot write", function()
    refused({ a = { b = { 1, 2, { c = print } } } },
      "a.b[3].c: cannot encode a function")
    refused(print, "cannot encode a function")
    refused({ coroutine.create(function() end) }, "[1]: cannot encode a thread")
    refused({ a = io.stdout }, "a: cannot encode a userdata")
    refused({ { x = 0 / 0 } }, "[1].x: not a finite number")
    refused({ ["a b"] = { math.huge } }, '["a b"][1]: not a finite number')
    refused({ ["\255"] = 1 }, "[?]: not UTF-8", "InvalidUtf8")
    refused({ m = { "ok", "\255" } }, "m[2]: not UTF-8", "InvalidUtf8")
    refused({ a = { 1, nil, 3 } }, "a: array with holes")
    refused({ a = { [2] = 1 } }, "a: array with holes")
    refused({ 1, 2, a = 3 }, "a: a name in an array")
    refused({ a = { [0] = 1 } }, "a[?]: key is neither")
    refused({ a = { [1.5] = 1 } }, "a[?]: key is neither")
    refused({ a = { [true] = 1 } }, "a[?]: key is neither")
    refused(json.array { a = 1 }, "a: a name in an array")
    refused(json.object { 1 }, "[1]: an array index in an object")
    refused({ [("k"):rep(100)] = print }, "[?]: cannot")
  end)

  it("finds tables that contain themselves", function()
    local t = { x = {} }
    t.x.y = { 1, t.x }
    refused(t, "x.y[2]: circular reference")
    local me = {}
    me.me = me
    refused(me, "me: circular reference")
    local shared = { 1 }
    assert.equal("[[1],[1]]", (json.encode { shared, shared }))
  end)

  it("refuses surrogates that would come back as something else", function()
    local high, low = "\237\160\189", "\237\184\128"
    refused({ high .. low }, "[1]: not UTF-8", "InvalidUtf8")
    assert.equal('"\\ude00\\ud83d"', (json.encode(low .. high)))
  end)

  it("writes members in the order of their names when asked", function()
    local value = { b = 1, a = { d = {}, c = { 2 } }, ["a b"] = 3, [""] = 4 }
    assert.equal('{"":4,"a":{"c":[2],"d":{}},"a b":3,"b":1}',
      (json.encode(value, { sorted = true })))
    local names = {}
    for i = 1, 200 do names[("%03d"):format(i)] = { z = i, a = { y = i } } end
    local text = json.encode(names, { sorted = true })
    local last = ""
    for name in text:gmatch '"(%d%d%d)":' do
      assert.is_true(last < name)
      last = name
    end
    assert.same(names, json.decode(text))
    refused({ a = { b = { c = print } } }, "a.b.c: ")
    local _, message = json.encode({ a = { b = { 1, print } } },
      { sorted = true })
    assert.equal("a.b[2]: cannot encode a function", message)
  end)

  it("writes bytes as base64", function()
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    all = table.concat(all)
    for n = 0, 256 do
      local raw = all:sub(1, n)
      assert.equal('{"bytes":"' .. core.bytes.base64_encode(raw) .. '"}',
        (json.encode { bytes = json.base64(raw) }))
    end
    assert.has_error(function() json.base64(12) end)
    assert.has_error(function() json.base64() end)
  end)

  it("may be entered again by a finalizer", function()
    local entered = 0
    local function garbage()
      local mt = { __gc = function()
        entered = entered + 1
        assert(json.encode { ("x"):rep(100) })
      end }
      if newproxy then
        getmetatable(newproxy(true)).__gc = mt.__gc
      else
        setmetatable({}, mt)
      end
    end
    local value = { a = { 1, 2, { b = "text" } } }
    local expected = json.encode(value, { sorted = true })
    for _ = 1, 2000 do
      garbage()
      assert.equal(expected, (json.encode(value, { sorted = true })))
      assert.equal(nil, (json.encode { a = { b = print } }))
    end
    collectgarbage()
    assert.is_true(entered > 1000)
  end)

  it("wants a value", function()
    assert.equal("null", (json.encode(nil)))
    assert.has_error(function() json.encode() end)
    assert.has_error(function() json.encode({}, 1) end)
  end)
end)

describe("json.is_array", function()
  it("answers as encode would", function()
    for _, value in ipairs {
      {}, { 1 }, { a = 1 }, json.array(), json.object { 1 }, json.array { 1 },
      { 1, nil, 3 }, { 1, a = 2 }, json.base64 "x", "[]", 1, true, json.null,
      json.decode "[]", json.decode "{}", { { 1 } },
    } do
      local text = json.encode(value)
      local array = text ~= nil and text:sub(1, 1) == "["
      assert.equal(array, json.is_array(value))
    end
  end)
end)
