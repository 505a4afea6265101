-- core.eventstream: AWS's vectors, recorded streams, and the laws of framing.
local core = require "bedrock.core"
local cjson = require "cjson"
local frames = require "spec.support.frames"
local vectors = require "spec.support.vectors"

local eventstream, bytes = core.eventstream, core.bytes

local TYPES = { [0] = "bool", "bool", "byte", "short", "integer", "long",
  "bytes", "string", "timestamp", "uuid" }

-- Everything a decoder gives for the bytes, cut into pieces of `step`, as a
-- list of { payload, headers }; and its error's code, if it had one.
local function decode(data, step, max)
  local decoder, list = eventstream.decoder(max), {}
  for from = 1, #data, step do
    local ok, _, code = decoder:feed(data:sub(from, from + step - 1))
    if not ok then return list, code end
    while true do
      local payload, headers, failure = decoder:next()
      if failure then return list, failure end
      if not payload then break end
      list[#list + 1] = { payload, headers }
    end
  end
  local ok, _, code = decoder:finish()
  if not ok then return list, code end
  return list
end

local function flip(data, bit)
  local at = math.floor(bit / 8) + 1
  local value, mask = data:byte(at), 2 ^ (bit % 8)
  local is_set = math.floor(value / mask) % 2 == 1
  value = is_set and value - mask or value + mask
  return data:sub(1, at - 1) .. string.char(value) .. data:sub(at + 1)
end

-- A header's value as AWS's decoded vectors write it.
local function expected_value(header)
  if header.type == 6 or header.type == 7 or header.type == 9 then
    return bytes.base64_decode(header.value)
  elseif header.type == 8 then
    return { timestamp = header.value }
  end
  return header.value
end

local function be32(n)
  return string.char(math.floor(n / 2 ^ 24) % 256,
    math.floor(n / 2 ^ 16) % 256, math.floor(n / 2 ^ 8) % 256, n % 256)
end

local SAMPLE = eventstream.encode({
  { ":message-type", "event" }, { "flag", true }, { "off", false },
  { "byte", -49, "byte" }, { "short", -300, "short" }, { "int", 70000 },
  { "long", 2 ^ 40, "long" }, { "blob", "\0\255", "bytes" },
  { "when", 8675309, "timestamp" }, { "id", ("u"):rep(16), "uuid" },
}, '{"text":"héllo"}')

describe("AWS's vectors", function()
  local folder = "aws-sdk-go-v1/private/protocol/eventstream/testdata/"
  if not vectors.available() then
    pending "vectors are absent"
    return
  end

  for _, path in ipairs(vectors.files(folder .. "encoded/positive")) do
    local name = path:match "[^/]+$"
    it("decode and encode: " .. name, function()
      local wire = vectors.read(path)
      local expected = cjson.decode(vectors.read(
        folder .. "decoded/positive/" .. name))
      local list, code = decode(wire, #wire)
      assert.is_nil(code)
      assert.equal(1, #list)
      assert.equal(bytes.base64_decode(expected.payload or ""), list[1][1])
      local headers, n = {}, 0
      for i, header in ipairs(expected.headers or {}) do
        assert.same(expected_value(header), list[1][2][header.name])
        local value = expected_value(header)
        if type(value) == "table" then value = value.timestamp end
        headers[i] = { header.name, value, TYPES[header.type] }
        n = n + 1
      end
      local count = 0
      for _ in pairs(list[1][2]) do count = count + 1 end
      assert.equal(n, count)
      assert.equal(wire, (eventstream.encode(headers, list[1][1])))
    end)
  end

  for _, path in ipairs(vectors.files(folder .. "encoded/negative")) do
    local name = path:match "[^/]+$"
    it("are refused: " .. name, function()
      local sentence = vectors.read(folder .. "decoded/negative/" .. name)
      local list, code = decode(vectors.read(path), 1)
      assert.equal(0, #list)
      assert.equal(sentence:match "^Prelude" and "PreludeChecksumMismatch"
        or "MessageChecksumMismatch", code)
    end)
  end
end)

-- One string for a list of messages: quicker to compare than tables.
local function log_of(list)
  local lines = {}
  for _, message in ipairs(list) do
    local headers = {}
    for name, value in pairs(message[2]) do
      headers[#headers + 1] = name .. "=" .. tostring(value)
    end
    table.sort(headers)
    lines[#lines + 1] = table.concat(headers, ";") .. "|" .. message[1]
  end
  return table.concat(lines, "\n")
end

describe("recorded streams", function()
  for _, path in ipairs(vectors.files("recorded/streams", ".bin")) do
    it("decode as an independent reader does: " .. path:match "[^/]+$",
      function()
        local wire = vectors.read(path)
        local expected = {}
        for i, frame in ipairs(frames.read(wire)) do
          expected[i] = { frame.payload, frame.headers }
        end
        expected = log_of(expected)
        -- every size of piece for small streams, a spread for the others
        local step, factor = 1, #wire <= 1024 and 1 or 1.3
        while step <= #wire do
          local list, code = decode(wire, step)
          assert.is_nil(code)
          assert.equal(expected, log_of(list))
          step = math.floor(step * factor) + 1
        end
      end)
  end
end)

describe("the decoder", function()
  it("gives the same messages however the bytes are cut", function()
    local wire = SAMPLE:rep(3)
    local whole = decode(wire, #wire)
    assert.equal(3, #whole)
    for step = 1, #wire do assert.same(whole, (decode(wire, step))) end
  end)

  it("refuses every single flipped bit", function()
    for bit = 0, #SAMPLE * 8 - 1 do
      local list, code = decode(flip(SAMPLE, bit), #SAMPLE)
      assert.equal(0, #list)
      assert.is_string(code)
    end
  end)

  it("refuses every cut", function()
    for n = 1, #SAMPLE - 1 do
      local list, code = decode(SAMPLE:sub(1, n), n)
      assert.equal(0, #list)
      assert.equal("TruncatedFrame", code)
    end
  end)

  it("keeps its first error", function()
    local decoder = eventstream.decoder()
    decoder:feed(flip(SAMPLE, 3))
    local _, text, code = decoder:next()
    assert.equal("PreludeChecksumMismatch", code)
    local again = { decoder:next() }
    assert.equal(text, again[2])
    assert.equal(code, select(3, decoder:feed(SAMPLE)))
    assert.equal(code, select(3, decoder:finish()))
  end)

  it("hands out the good messages before a bad one", function()
    local list, code = decode(SAMPLE .. flip(SAMPLE, #SAMPLE * 8 - 1), 7)
    assert.equal(1, #list)
    assert.equal("MessageChecksumMismatch", code)
  end)

  it("takes bytes fed before the last ones were used up", function()
    local decoder = eventstream.decoder()
    for i = 1, #SAMPLE do decoder:feed(SAMPLE:sub(i, i)) end
    decoder:feed(SAMPLE)
    assert.truthy(decoder:next())
    decoder:feed(SAMPLE)
    assert.truthy(decoder:next())
    assert.truthy(decoder:next())
    assert.is_nil((decoder:next()))
    assert.is_true(decoder:finish())
  end)

  it("is not at its end while messages wait to be taken", function()
    local decoder = eventstream.decoder()
    decoder:feed(SAMPLE)
    assert.equal("TruncatedFrame", select(3, decoder:finish()))
  end)

  it("has a limit, which is that of the specification unless set", function()
    local _, code = decode(SAMPLE, #SAMPLE, #SAMPLE - 1)
    assert.equal("LimitExceeded", code)
    assert.equal(1, #(decode(SAMPLE, #SAMPLE, #SAMPLE)))
    local largest = eventstream.encode({}, ("x"):rep(24 * 2 ^ 20))
    assert.equal(1, #(decode(largest, 65536)))
  end)

  it("refuses lengths that contradict each other", function()
    local function prelude(total, headers)
      local lengths = be32(total) .. be32(headers)
      return lengths .. be32(bytes.crc32(lengths)) .. ("\0"):rep(16)
    end
    for _, case in ipairs { { 0, 0 }, { 15, 0 }, { 16, 1 }, { 28, 13 },
      { 28, 2 ^ 32 - 1 } } do
      local _, code = decode(prelude(case[1], case[2]), 28)
      assert.equal("InvalidFrame", code)
    end
    assert.equal("LimitExceeded",
      select(2, decode(prelude(2 ^ 32 - 1, 0), 28)))
  end)

  -- A message whose checksums fit whatever its header block holds.
  local function with_headers(block)
    local wire = be32(#block + 16) .. be32(#block)
    wire = wire .. be32(bytes.crc32(wire)) .. block
    return wire .. be32(bytes.crc32(wire))
  end

  it("refuses malformed and duplicate headers", function()
    for _, block in ipairs {
      "\0", "\1a", "\1a\10", "\1a\4\0\0\0", "\1a\7\0\5abcd", "\5ab\0",
      "\1a\0\1a\1", "\0\0", "\1a\9" .. ("u"):rep(15),
      "\1", "\1a", "\1a\7", "\1a\7\0", "\1a\6\0\3ab", "\1a\255",
    } do
      local _, code = decode(with_headers(block), 5)
      assert.equal("InvalidHeader", code)
    end
    assert.equal(1, #(decode(with_headers "\1a\0\1b\1", 5)))
    assert.equal(1, #(decode(with_headers "\1a\7\0\0", 5)))
  end)

  it("bounds the number of headers", function()
    local block = {}
    for i = 1, 1025 do block[i] = ("\4%04d\0"):format(i) end
    assert.equal("LimitExceeded",
      select(2, decode(with_headers(table.concat(block)), 65536)))
    assert.equal(1,
      #(decode(with_headers(table.concat(block, "", 1, 1024)), 65536)))
  end)

  it("gives an event's payload decoded, its padding out", function()
    local decoder = eventstream.decoder()
    local function event(kind, name, payload)
      decoder:feed(eventstream.encode({ { ":event-type", name },
        { ":message-type", kind } }, payload))
      return decoder:event()
    end
    local name, payload, is_odd = event("event", "chunk",
      '{"p":"abc","bytes":"eA=="}')
    assert.equal("chunk", name)
    assert.same({ bytes = "eA==" }, payload)
    assert.is_false(is_odd)
    for _, text in ipairs { '{"n":"nn","a":null}', '{"a":[{"__type":"x"}]}' } do
      assert.is_true(select(3, event("event", "chunk", text)))
    end
    for _, text in ipairs { "", "[1]", "{", "7", "{}x" } do
      local other, raw, headers = event("event", "chunk", text)
      assert.is_false(other)
      assert.equal(text, raw)
      assert.equal("chunk", headers[":event-type"])
    end
    assert.is_false((event("exception", "chunk", "{}")))
    assert.is_nil((decoder:event()))
  end)

  it("takes no name over from a message with other headers", function()
    local decoder = eventstream.decoder()
    local named = { { ":event-type", "chunk" }, { ":message-type", "event" } }
    local long = { named[1], named[2], { "filler", ("x"):rep(2000) } }
    for _, headers in ipairs { named, long } do
      decoder:feed(eventstream.encode(headers, "{}")
        .. eventstream.encode({}, "{}"))
      assert.equal("chunk", (decoder:event()))
      assert.is_false((decoder:event()))
      assert.is_nil((decoder:event()))
    end
  end)
end)

describe("the encoder", function()
  local function refused(code, headers, payload)
    local wire, _, got = eventstream.encode(headers, payload or "")
    assert.is_nil(wire)
    assert.equal(code, got)
  end

  it("refuses what the format cannot hold", function()
    refused("InvalidHeader", { { "", true } })
    refused("InvalidHeader", { { ("n"):rep(256), true } })
    refused("InvalidHeader", { { "v", ("x"):rep(32768) } })
    refused("InvalidHeader", { { "n", 128, "byte" } })
    refused("InvalidHeader", { { "n", -129, "byte" } })
    refused("InvalidHeader", { { "n", 2 ^ 31, "integer" } })
    refused("InvalidHeader", { { "u", "short", "uuid" } })
    refused("InvalidHeader", { { "a", true }, { "a", false } })
    refused("LimitExceeded", {}, ("x"):rep(24 * 2 ^ 20 + 1))
    local many, long = {}, {}
    for i = 1, 1025 do many[i] = { "name " .. i, true } end
    for i = 1, 5 do long[i] = { "name " .. i, ("x"):rep(32000) } end
    refused("LimitExceeded", many)
    refused("LimitExceeded", long)
    assert.has_error(function() eventstream.encode("x", "") end)
    assert.has_error(function() eventstream.encode({ { "a", {} } }, "") end)
  end)
end)

describe("crc32", function()
  it("is ISO-HDLC, the same from both implementations", function()
    assert.equal(0xcbf43926, bytes.crc32 "123456789")
    local text = ("The quick brown fox "):rep(20)
    for n = 0, #text do
      local piece = text:sub(1, n)
      assert.equal(bytes.crc32_portable(piece), bytes.crc32(piece))
      assert.equal(bytes.crc32(text),
        bytes.crc32(text:sub(n + 1), bytes.crc32(piece)))
    end
  end)
end)
