-- core.bytes: what it writes, it reads back, however long.

local bytes = require "bedrock.core".bytes

local function text_of(length)
  local list = {}
  for i = 1, length do list[i] = string.char((i * 37 + length) % 256) end
  return table.concat(list)
end

describe("core.bytes", function()
  -- Around what fits the buffers on the C stack, and around nothing.
  it("gives texts of any length back", function()
    for _, around in ipairs { 3, 341, 768, 1024, 1366 } do
      for length = around - 3, around + 3 do
        local text = text_of(length)
        assert.equal(text, bytes.base64_decode(bytes.base64_encode(text)))
        assert.equal(text, bytes.uri_decode(bytes.uri_encode(text)))
        assert.equal(text, bytes.unhex(bytes.hex(text)))
      end
    end
  end)

  it("encodes all but the unreserved bytes", function()
    assert.equal("a-Z_0.9~", bytes.uri_encode "a-Z_0.9~")
    assert.equal("%3A%2F%20%00%FF", bytes.uri_encode ":/ \0\255")
    assert.equal("%3A/", bytes.uri_encode(":/", true))
    assert.equal("", bytes.uri_encode "")
  end)

  it("refuses what is no base64", function()
    for _, text in ipairs { "a", "a===", "ab=c", "a b=", ("a"):rep(1025),
      ("a"):rep(2047) .. "!" } do
      local value, message, code = bytes.base64_decode(text)
      assert.is_nil(value, text)
      assert.is_string(message)
      assert.is_string(code)
    end
  end)
end)
