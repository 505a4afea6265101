-- Nothing that a caller passes in becomes another header, another request or
-- another host.
local bedrock = require "bedrock"
local curl = require "bedrock.curl"
local fakehost = require "spec.support.fakehost"
local odd = require "spec.support.odd"

local GOOD = { '{"output":{"message":{"role":"assistant","content":[]}}}' }
local BAD = { "a\rb", "a\nb", "a\r\nx-injected: 1", "a\0b", "\127", "\1" }

local function client(host, options)
  local given = { host = host, region = "us-east-1", env = {},
    max_attempts = 1,
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  return bedrock.new(given)
end

local function ask(model)
  return { modelId = model,
    messages = { { role = "user", content = { { text = "x" } } } } }
end

describe("a model id", function()
  local function path_of(model)
    local host = fakehost.new(GOOD)
    local response, err = client(host):converse(ask(model))
    assert.truthy(response, tostring(err))
    return host.sent[1].url:match "^https?://[^/]+(.*)$", host.sent[1]
  end

  it("stays one segment of the path, whatever is in it", function()
    for model, segment in pairs {
      ["a/b"] = "a%2Fb", ["..."] = "...", ["../../x"] = "..%2F..%2Fx",
      ["a?b=c#d"] = "a%3Fb%3Dc%23d", ["a b"] = "a%20b", ["a@b"] = "a%40b",
      ["a\r\nx: y"] = "a%0D%0Ax%3A%20y", ["a\0b"] = "a%00b",
      ["%2e%2e"] = "%252e%252e", ["é"] = "%C3%A9", ["\\"] = "%5C",
    } do
      local path, request = path_of(model)
      assert.equal("/model/" .. segment .. "/converse", path)
      assert.truthy(request.url:find("^https://bedrock%-runtime%."
        .. "us%-east%-1%.amazonaws%.com/"))
    end
  end)
end)

describe("a model id of dots", function()
  it("is refused: it would name another path", function()
    for _, model in ipairs { ".", ".." } do
      for _, validate in ipairs { true, false } do
        local host = fakehost.new(GOOD)
        local one = client(host, { validate = validate })
        local _, err = one:converse(ask(model))
        assert.equal("validation", err.kind)
        _, err = one:converse_stream(ask(model)):next()
        assert.equal("validation", err.kind)
        assert.equal(0, #host.sent)
      end
    end
  end)
end)

describe("a header", function()
  it("never holds a control character", function()
    for _, value in ipairs(BAD) do
      local host = fakehost.new(GOOD)
      local response, err = client(host, { validate = false }):invoke_model {
        modelId = "m", body = "{}", contentType = value }
      assert.is_nil(response)
      assert.equal("validation", err.kind, ("%q"):format(value))
      assert.equal(0, #host.sent)
    end
  end)

  it("is refused below as well, by whoever sends it", function()
    local multi = curl.multi()
    for _, value in ipairs(BAD) do
      local ok, transfer, _, code = pcall(multi.start, multi, {
        method = "GET", url = "http://127.0.0.1:1/", headers = { x = value } })
      assert.is_true(not ok or (transfer == nil and code == "InvalidArgument"))
    end
    for _, bad in ipairs { { method = "GET\r\nx: y" }, { url =
        "http://127.0.0.1:1/\r\nx: y" }, { url = "http://127.0.0.1:1/a b" } } do
      local request = { method = "GET", url = "http://127.0.0.1:1/",
        headers = {} }
      for name, value in pairs(bad) do request[name] = value end
      local transfer, _, code = multi:start(request)
      assert.is_nil(transfer)
      assert.equal("InvalidArgument", code)
    end
  end)

  it("of a token or a key with a line break does not go out", function()
    for _, value in ipairs(BAD) do
      for _, options in ipairs {
        { bearer_token = "t" .. value },
        { credentials = { access_key_id = "a" .. value,
          secret_access_key = "b" } },
        { credentials = { access_key_id = "a", secret_access_key = "b",
          session_token = "s" .. value } },
      } do
        local server_host = require "bedrock.host.curl".new()
        options.endpoint_url = "https://127.0.0.1:1"
        options.connect_timeout = 1
        local ok, response, err = pcall(function()
          return client(server_host, options):converse(ask "m")
        end)
        assert.is_true(not ok or response == nil)
        if ok then
          assert.are_not.equal("transport", err.kind, ("%q"):format(value))
          assert.is_nil(tostring(err):find("\n", 1, true))
        end
      end
    end
  end)
end)

describe("a host name", function()
  it("cannot be smuggled in by the region", function()
    for _, region in ipairs { "us-east-1.evil.example/", "a@evil.example",
        "x\r\nhost: y", "a/b", "a#b", "a?b", "a b", "", "%2e", "é",
        ("a"):rep(64), "-a", "a-" } do
      local host = fakehost.new(GOOD)
      local ok, response, err = pcall(function()
        return client(host, { region = region }):converse(ask "m")
      end)
      assert.is_true(not ok or response == nil, ("%q"):format(region))
      assert.equal(0, #host.sent, ("%q"):format(region))
      if ok then assert.equal("config", err.kind) end
    end
  end)

  it("in endpoint_url is no name that only looks like another", function()
    for _, name in ipairs { "b\195\188cher.invalid", "127\227\128\1301",
        "\208\176mazonaws.com", "127.0.0.1%00.invalid", "127.0.0.1\0.invalid",
        "127.0.0.1@evil.invalid", "127.0.0.1\\@evil.invalid" } do
      local host = fakehost.new(GOOD)
      local response, err = client(host, {
        endpoint_url = "http://" .. name }):converse(ask "m")
      assert.is_nil(response)
      assert.equal("config", err.kind, name)
      assert.equal(0, #host.sent)
    end
  end)

  it("in endpoint_url is the one that is asked", function()
    for _, url in ipairs { "http://user@127.0.0.1:1", "http://a b",
        "ftp://127.0.0.1", "file:///etc/passwd", "gopher://127.0.0.1",
        "http://", "//127.0.0.1", "http://127.0.0.1:99999",
        "http://127.0.0.1/\r\nx: y", "http://[::1" } do
      local one = odd.client_of(url, { connect_timeout = 1 })
      local ok, response, err = pcall(function()
        return one:converse(ask "m")
      end)
      assert.is_true(not ok or response == nil, url)
      if ok then
        assert.truthy(({ config = true, validation = true,
          transport = url:find "@" ~= nil })[err.kind],
          url .. " " .. tostring(err))
      end
    end
  end)
end)

describe("what the service says", function()
  it("stays one line without control characters in an error's line",
    function()
      local host = fakehost.new { '{"message":"a\\r\\nb\\u001b[31mc\\u0000"}',
        status = 400, headers = {
          ["x-amzn-errortype"] = "ValidationException" } }
      local _, err = client(host):converse(ask "m")
      assert.is_nil(tostring(err):find "%c")
    end)

  it("never sends us elsewhere", function()
    local host = fakehost.new { "", status = 307, headers = {
      location = "http://169.254.169.254/" } }
    local _, err = client(host):converse(ask "m")
    assert.equal(307, err.status)
    assert.equal(1, #host.sent)
  end)
end)

describe("secrets", function()
  it("are in no text that a client gives", function()
    local lines = {}
    local host = fakehost.new({ "{}", status = 500, headers = {} }, GOOD)
    local one = client(host, { credentials = {
      access_key_id = "AKIDSECRET", secret_access_key = "SECRETSECRET",
      session_token = "SECRETTOKEN" }, max_attempts = 2,
      log = function(level, message, fields)
        lines[#lines + 1] = level .. message
        for name, value in pairs(fields or {}) do
          lines[#lines + 1] = name .. tostring(value)
        end
      end })
    one.random = function() return 0 end
    local stream = one:converse_stream(ask "m")
    local _, err = stream:next()
    lines[#lines + 1] = tostring(err)
    lines[#lines + 1] = tostring(one)
    lines[#lines + 1] = tostring(stream)
    for name, value in pairs(err) do
      lines[#lines + 1] = name .. tostring(value)
    end
    local text = table.concat(lines, "\n")
    assert.is_nil(text:find("SECRETSECRET", 1, true))
    assert.is_nil(text:find("SECRETTOKEN", 1, true))
  end)
end)
