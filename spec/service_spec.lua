-- The small parts of service/: exceptions, times, lists in headers, "did you
-- mean".

local exceptions = require "bedrock.service.exceptions"
local header = require "bedrock.service.header"
local nearest = require "bedrock.nearest"
local shapes = require "bedrock.service.shapes"
local texts = require "bedrock.service.texts"
local timestamp = require "bedrock.service.timestamp"

describe("exceptions", function()
  it("have one spelling", function()
    for text, name in pairs {
      throttlingException = "ThrottlingException",
      THROTTLINGEXCEPTION = "ThrottlingException",
      ["a.b#ThrottlingException:http://c/d#e"] = "ThrottlingException",
      modelStreamErrorException = "ModelStreamErrorException",
      expiredtoken = "ExpiredToken",
      ["x#somethingNew"] = "SomethingNew",
      ["internal-error"] = "internal-error", [" rate_limit "] = "rate_limit",
      [""] = "",
    } do
      assert.equal(name, exceptions.name(text))
    end
  end)

  it("of the model all have a status", function()
    local schema = shapes.bedrock()
    for _, name in ipairs(schema:shape_names()) do
      if schema:shape(name).kind == "exception" then
        assert.is_number(exceptions.status(name))
      end
    end
    assert.is_nil(exceptions.status "SlowDown")
  end)

  it("say whether to try again", function()
    for _, case in ipairs {
      { "ThrottlingException", 429, "throttling" },
      { "ThrottlingException", 400, "throttling" },
      { "ModelNotReadyException", 429, "transient" },
      { "InternalServerException", 500, "transient" },
      { "ServiceUnavailableException", 503, "transient" },
      { "ModelTimeoutException", 408 }, { "ModelErrorException", 424 },
      { "ModelStreamErrorException", 424 },
      { "ServiceQuotaExceededException", 400 },
      { "ValidationException", 400 }, { "ResourceNotFoundException", 404 },
      { "AccessDeniedException", 403, "skew" },
      { "InvalidSignatureException", 403, "skew" },
      { "ExpiredTokenException", 403, "expired" },
      { "NeverHeardOf", 400 }, { "NeverHeardOf", 503, "transient" },
      { "429", 429, "throttling" }, { "502", 502, "transient" },
      { "504", 504, "transient" }, { "501", 501 }, { "408", 408 },
      { nil, 500, "transient" }, { "RequestTimeout", 400, "transient" },
    } do
      assert.equal(case[3], exceptions.judge(case[1], case[2]),
        tostring(case[1]) .. " " .. case[2])
      assert.equal(case[3] == "throttling" or case[3] == "transient",
        exceptions.retryable(case[1], case[2]))
    end
  end)
end)

describe("timestamps", function()
  it("are what they say", function()
    assert.equal("2025-01-02T03:04:05.678Z", timestamp.iso8601(1735787045.678))
    assert.equal("2025-01-02T03:04:05Z", timestamp.iso8601(1735787045))
    assert.equal("2025-01-02T03:04:05.010Z", timestamp.iso8601(1735787045.01))
    assert.equal("1970-01-01T00:00:00Z", timestamp.iso8601(0))
    assert.equal("1969-12-31T23:59:59Z", timestamp.iso8601(-1))
    assert.equal("2000-02-29T00:00:00Z", timestamp.iso8601(951782400))
    assert.equal("Tue, 29 Apr 2014 18:30:38 GMT",
      timestamp.rfc822(1398796238))
    assert.equal("1398796238.5", timestamp.unixTimestamp(1398796238.5))
  end)

  it("come back as they went, and agree with the system's calendar",
    function()
      for seconds = -62135596800, 253402300799, 86400 * 997 + 12345 do
        for _, form in ipairs { "iso8601", "rfc822" } do
          assert.equal(seconds, timestamp.parse(timestamp[form](seconds)))
        end
        if seconds >= 0 and seconds < 2 ^ 31 then
          assert.equal(os.date("!%Y-%m-%dT%H:%M:%SZ", seconds),
            timestamp.iso8601(seconds))
          assert.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds),
            timestamp.rfc822(seconds))
        end
      end
    end)

  it("are read with zones and fractions, or not at all", function()
    for text, seconds in pairs {
      ["2019-12-16T22:48:18-01:00"] = 1576540098,
      ["2019-12-17T00:48:18+0100"] = 1576540098,
      ["2019-12-16t23:48:18z"] = 1576540098,
      ["2019-12-16 23:48:18Z"] = 1576540098,
      ["2000-01-02T20:34:56.123Z"] = 946845296.123,
      ["Sun, 02 Jan 2000 20:34:56.456 GMT"] = 946845296.456,
      ["2024-02-29T23:59:59-23:59"] = 1709337539,
      ["2016-12-31T23:59:60Z"] = 1483228800,
      ["1576540098"] = 1576540098, ["-1.5"] = -1.5,
    } do
      assert.equal(seconds, timestamp.parse(text), text)
    end
    for _, text in ipairs { "", "now", "2019-13-01T00:00:00Z",
      "2019-00-01T00:00:00Z", "2019-01-32T00:00:00Z", "2019-01-01T25:00:00Z",
      "2019-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2019-04-31T00:00:00Z",
      "2019-01-00T00:00:00Z", "2019-01-01T24:00:00Z",
      "2019-01-01T00:00:00+24:00", "2019-01-01T00:00:00+01:60",
      "Tue, 31 Apr 2014 18:30:38 GMT",
      "2019-01-01T00:60:00Z", "2019-01-01T00:00:61Z", "2019-01-01",
      "2019-01-01T00:00:00", "2019-01-01T00:00:00X",
      "Xxx, 02 Foo 2000 20:34:56 GMT", "0x10", "1e3", {}, true } do
      assert.is_nil(timestamp.parse(text), tostring(text))
    end
  end)
end)

describe("a list in a header", function()
  it("comes back as it went", function()
    local schema = shapes.new { shapes = "",
      operations = "Put PUT /x json - -\n" }
    local write = texts.header(schema, "[string]")
    for _, list in ipairs { { "a" }, { "a", "b" }, { "a,b", 'c"d' },
      { "a\\", "b" }, { "a\\,", "b" }, { '\\",\\"', "," }, { '"' },
      { '"\\"', "\\\\,\\" }, { "é,ü", "x y" } } do
      local text = write(list, { depth = 0, validate = true })
      assert.same(list, header.read(schema, "[string]", text), text)
    end
    assert.same({ "a,", "b", 'c"' },
      header.read(schema, "[string]", '"a," ,b , c"'))
    assert.same({ "a\\" }, header.read(schema, "[string]", '"a\\\\'))
  end)
end)

describe("nearest", function()
  it("is the name that was probably meant, or none", function()
    local names = { "text", "image", "toolUse", "maxTokens", "modelId",
      "messages", "content", "context" }
    for wrong, right in pairs {
      txt = "text", tetx = "text", Text = "text", max_tokens = "maxTokens",
      ["max-tokens"] = "maxTokens", modelid = "modelId", mesages = "messages",
      contnet = "content", contxt = "context", tool_use = "toolUse",
      model = "modelId", ["max-tok"] = "maxTokens", cont = "content",
    } do
      assert.equal(right, nearest.find(wrong, names), wrong)
    end
    for _, wrong in ipairs { "", "foo", "temperature", "x", "max" } do
      assert.is_nil(nearest.find(wrong, names), wrong)
    end
    assert.equal("maxTokens", nearest.same("max_tokens", names))
    assert.is_nil(nearest.same("maxToken", names))
  end)
end)
