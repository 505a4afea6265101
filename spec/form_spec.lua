-- core.form: does a value have a form?

local form = require "bedrock.core".form
local forms = require "bedrock.service.forms"
local json = require "bedrock.json"
local shell = require "spec.support.shell"

local fits = form.fits

local function check(of, good, bad)
  for i, value in ipairs(good) do
    assert.is_true(fits(value, of), "good " .. i)
  end
  for i, value in ipairs(bad) do
    assert.is_false(fits(value, of), "bad " .. i)
  end
end

describe("a form", function()
  it("is had by scalars that JSON can write", function()
    check(form.STRING, { "", "text", "1" }, { 1, true, {}, json.null, print })
    check(form.BOOLEAN, { true, false }, { 1, "true", json.null })
    check(form.INTEGER, { 0, -1, 7 },
      { 1.5, 2 ^ 63, 0 / 0, 1 / 0, "1", json.null, -1 / math.huge })
    check(form.REAL, { 0, -1.5, 1e300 }, { 0 / 0, 1 / 0, -1 / 0, "NaN", {} })
    check(true, { 1, "text", {}, json.null, print }, {})
    check(false, {}, { 1, "text", {}, json.null })
    assert.is_false(fits(nil, form.STRING))
    assert.is_false(fits("text", nil))
    assert.is_false(fits("text", form.LIST))
    assert.is_false(fits({}, {}))
  end)

  it("is had by lists and maps that are not empty", function()
    check({ form.LIST, form.STRING }, { { "a" }, { "a", "b" } },
      { {}, { 1 }, { "a", json.null }, { "a", nil, "c" }, { a = "a" },
        { "a", b = "b" }, { [1.5] = "a" }, "a" })
    check({ form.LIST, true }, { { 1, {} } }, { { json.null } })
    check({ form.MAP, form.REAL }, { { a = 1 }, { a = 1, b = 2.5 } },
      { {}, { 1 }, { a = "1" }, { a = json.null }, { a = 1, [1] = 2 } })
  end)

  it("is had by structures with known members, and all required", function()
    local members = { name = form.STRING, count = form.INTEGER }
    check({ form.STRUCTURE, members, { "name" } },
      { { name = "a" }, { name = "a", count = 1 } },
      { {}, { count = 1 }, { name = 1 }, { name = "a", other = 1 },
        { name = "a", count = json.null }, { name = "a", "b" }, "a",
        setmetatable({ count = 1 }, { __index = { name = "a" } }) })
    check({ form.UNION, members }, { { name = "a" }, { count = 1 } },
      { {}, { name = "a", count = 1 }, { other = 1 }, { name = json.null } })
  end)

  it("is had by no table inside itself", function()
    local of = { form.LIST, false }
    of[2] = of
    local value = {}
    value[1] = value
    assert.is_false(fits(value, of))
  end)
end)

describe("the forms of types", function()
  it("spare a plain request what converts and complains", function()
    local got = shell.run { shell.lua, "-e", [[
      local marshal = require "bedrock.service.marshal"
      local function is_loaded(name)
        return package.loaded["bedrock.service." .. name] ~= nil
      end
      local params = { modelId = "a.b-v1:0",
        messages = { { role = "user", content = { { text = "Hello" } } } },
        inferenceConfig = { maxTokens = 9, temperature = 0.5 },
        additionalModelRequestFields = { k = 1 } }
      local function ask()
        return assert(marshal.request("Converse", params)).body
      end
      local plain = ask()
      for _, name in ipairs { "walk", "bindings", "texts", "explain" } do
        assert(not is_loaded(name), name)
      end
      params.inferenceConfig.stopSequences = {}
      assert(#ask() > #plain and is_loaded "walk")
    ]] }
    assert.equal("", got.err)
  end)

  it("are made once, and members' when they are asked for", function()
    local schema = require "bedrock.service.shapes".bedrock()
    local of = forms.of(schema, "Message")
    assert.equal(of, forms.of(schema, "Message"))
    assert.is_nil(rawget(of[2], "role"))
    assert.is_true(fits({ role = "user", content = { { text = "a" } } }, of))
    assert.equal(form.STRING, rawget(of[2], "role"))
    assert.is_false(fits({ role = "user", content = {} }, of))
    assert.is_false(fits({ role = "user" }, of))
    assert.is_false(forms.of(schema, "ImageBlock") == nil)
    assert.is_false(forms.of(schema, "blob"))
  end)
end)
