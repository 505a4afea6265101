-- Structured output: bedrock.schema, and turn:result().
local conversation = require "bedrock.conversation"
local errors = require "bedrock.errors"
local json = require "bedrock.json"
local schema = require "bedrock.schema"
local script = require "spec.support.script"

local say = script.answer

describe("structured output", function()
  local city = { type = "object", properties = { city = { type = "string" },
    people = { type = "integer" } }, required = { "city" },
    additionalProperties = false }

  local function ask(text, stop, rule)
    local client = script.client(say({ text }, stop))
    local chat = conversation.new(client, { modelId = "m",
      outputConfig = { effort = "low" }, output_schema = rule or city })
    return client, chat:send("x"):result()
  end

  it("asks for the schema and decodes the answer", function()
    for _, rule in ipairs { city, json.encode(city) } do
      local client, value = ask('{"city": "Rome",\n"people": 3}', nil, rule)
      assert.same({ city = "Rome", people = 3 }, value)
      local config = client.requests[1].outputConfig
      assert.equal("low", config.effort)
      assert.equal("json_schema", config.textFormat.type)
      assert.same(json.decode(json.encode(city)), json.decode(
        config.textFormat.structure.jsonSchema.schema))
    end
  end)

  it("says what was wrong", function()
    for _, row in ipairs {
      { "Rome!", nil, "no JSON" }, { "{}", nil, "city: required" },
      { '{"city":1}', nil, "city: expected string, got integer" },
      { '{"city":"R","x":1}', nil, "x: the schema has no such" },
      { '{"city":"R"', "max_tokens", "cut by max_tokens" },
      { 'Sorry', "guardrail_intervened", "guardrail" },
    } do
      local _, value, err = ask(row[1], row[2])
      assert.is_nil(value)
      assert.equal("OutputInvalid", err.code)
      assert.truthy(err.message:find(row[3], 1, true), err.message)
      assert.equal(row[1], err.text)
    end
  end)

  it("hands on failures of the turn", function()
    local chat = conversation.new(script.client {
      errors.new("service", "no", { code = "X" }) }, { output_schema = city })
    local value, err = chat:send("x"):result()
    assert.is_nil(value)
    assert.equal("X", err.code)
  end)

  -- schema, value, complaint or nil
  local rows = {
    { "true", "1" }, { "false", "1", "nothing is allowed" },
    { '{"type":"null"}', "null" }, { '{"type":"null"}', "0", "got integer" },
    { '{"type":["string","null"]}', "null" },
    { '{"type":["string","null"]}', "true", "expected string or null" },
    { '{"type":"integer"}', "1.0" }, { '{"type":"integer"}', "1.5", "number" },
    { '{"type":"array"}', "{}", "got object" },
    { '{"type":"object"}', "[]", "got array" },
    { '{"type":"array","items":{"type":"string"}}', '["a"]' },
    { '{"type":"array","items":{"type":"string"}}', '["a",1]', "[2]: " },
    { '{"minItems":1}', "[]", "minItems is 1, got 0" },
    { '{"maximum":3,"minimum":1}', "2" },
    { '{"maximum":3}', "4", "maximum" },
    { '{"enum":["a",{"b":[1]}]}', '{"b":[1]}' },
    { '{"enum":["a",{"b":[1]}]}', '{"b":[2]}', "expected one of" },
    { '{"const":1}', "1" }, { '{"const":1}', "2", "expected 1, got 2" },
    { '{"anyOf":[{"type":"string"},{"type":"null"}]}', "null" },
    { '{"anyOf":[{"type":"string"},{"type":"null"}]}', "1", "alternatives" },
    { '{"allOf":[{"type":"string"},{"enum":["a"]}]}', '"b"', "one of" },
    { '{"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}}', "1", "string" },
    { '{"$defs":{"t":{"type":"object","properties":{"next":'
      .. '{"$ref":"#/$defs/t"}},"required":["v"]}},"$ref":"#/$defs/t"}',
      '{"v":1,"next":{"v":2,"next":{}}}', "next.next.v: required" },
    { '{"$ref":"#"}', "1" }, { '{"$ref":"http://a"}', "1" },
    { '{"additionalProperties":{"type":"string"}}', '{"a":1}', "a: expected" },
    { '{"pattern":"x","future":{}}', '"y"' },
  }
  for i, row in ipairs(rows) do
    it(("checks the answer (%d)"):format(i), function()
      local fine, wrong = schema.check((json.decode(row[1])),
        (json.decode(row[2])))
      if row[3] then
        assert.truthy(wrong and wrong:find(row[3], 1, true), wrong)
      else
        assert.is_true(fine, wrong)
      end
    end)
  end
end)
