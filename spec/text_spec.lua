-- core.text: a text that comes in pieces.
local core = require "bedrock.core"

describe("a growing text", function()
  it("is what was added, in its order", function()
    local text, pieces = core.text.new(), {}
    assert.equal("", text:get())
    for i = 1, 3000 do
      local piece = ("%d\0"):format(i):rep(i % 7)
      pieces[i] = piece
      text:add(piece)
    end
    assert.equal(table.concat(pieces), text:get())
    text:add("end")
    assert.equal(table.concat(pieces) .. "end", text:get())
    assert.equal("", core.text.new():get())
  end)

  it("takes strings alone, and no other object for itself", function()
    local text = core.text.new()
    assert.has_error(function() text:add(1) end)
    assert.has_error(function() text:add(nil) end)
    assert.has_error(function() text.add(core.eventstream.decoder(), "x") end)
    assert.has_error(function() text.add({}, "x") end)
    assert.has_error(function() text.get() end)
    assert.equal("", text:get())
  end)
end)
