-- Operations by name, and pages one after another; no network.
local bedrock = require "bedrock"
local errors = require "bedrock.errors"
local fakehost = require "spec.support.fakehost"
local json = require "bedrock.json"
local shapes = require "bedrock.service.shapes"

local function client(...)
  local host = fakehost.new(...)
  return bedrock.new { host = host, region = "us-east-1", env = {},
    credentials = { access_key_id = "a", secret_access_key = "b" } }, host
end

describe("an operation by its name", function()
  it("is any of the model's", function()
    for _, name in ipairs(shapes.bedrock():operation_names()) do
      local reply = shapes.bedrock():operation(name).reply
      if reply == "json" or reply == "blob" then
        local got, err = client():call(name, { noSuchMember = 1 })
        assert.is_nil(got)
        assert.equal("validation", err.kind, name)
        assert.equal(name, err.operation)
      end
    end
  end)

  it("raises where there is none, and names the nearest", function()
    for name, message in pairs {
      NoSuch = 'no operation "NoSuch" in the model$',
      converse = 'did you mean "Converse"',
      converse_stream = 'did you mean "ConverseStream"',
      CountToken = 'did you mean "CountTokens"',
      ["Converse POST"] = 'no operation "Converse POST"',
      ["Converse\n"] = "no operation",
      [""] = 'no operation ""', [5] = 'no operation "5"',
      [true] = 'no operation "true"',
    } do
      local one, host = client()
      assert.error_matches(function() one:call(name, {}) end, message)
      assert.equal(0, #host.sent)
    end
    assert.error_matches(function() client():call() end, 'operation "nil"')
  end)

  it("sends nothing for one that streams both ways", function()
    local one, host = client()
    assert.error_matches(function()
      one:call("InvokeModelWithBidirectionalStream", { modelId = "m" })
    end, "streams both ways")
    assert.is_nil(one.invoke_model_with_bidirectional_stream)
    assert.equal(0, #host.sent)
  end)
end)

describe("each_async_invoke", function()
  local function page(names, token)
    local list = json.array {}
    for i, name in ipairs(names) do list[i] = { invocationArn = name } end
    return { json.encode { asyncInvokeSummaries = list, nextToken = token } }
  end

  local function names_of(one, params)
    local names = {}
    local ok, err = pcall(function()
      for entry in one:each_async_invoke(params) do
        names[#names + 1] = entry.invocationArn
      end
    end)
    return names, not ok and err or nil
  end

  it("goes from page to page, empty ones too", function()
    local one, host = client(page({ "a", "b" }, "1"), page({}, "2"),
      page({ "c" }, "3"), page {})
    local names, err = names_of(one, { maxResults = 2 })
    assert.is_nil(err)
    assert.same({ "a", "b", "c" }, names)
    for i, query in ipairs { "maxResults=2", "maxResults=2&nextToken=1",
      "maxResults=2&nextToken=2", "maxResults=2&nextToken=3" } do
      assert.equal(query, host.sent[i].url:match "%?(.*)$")
    end
    assert.same({}, (names_of((client(page {})))))
    assert.same({ "a" }, (names_of((client(page({ "a" }, ""))))))
  end)

  it("raises what fails, and does not go round", function()
    local names, err = names_of((client(page({ "a" }, "1"),
      { '{"message":"no"}', status = 400 })))
    assert.same({ "a" }, names)
    assert.equal("service", err.kind)
    names, err = names_of((client(page({ "a" }, "1"), page({}, "1"),
      page({}, "1"))))
    assert.same({ "a" }, names)
    assert.is_true(errors.is(err))
    assert.equal("protocol", err.kind)
  end)
end)
