-- A clock that is wrong, and credentials that have expired: mended once.
local bedrock = require "bedrock"
local fakehost = require "spec.support.fakehost"
local timestamp = require "bedrock.service.timestamp"

local ASK = { modelId = "m",
  messages = { { role = "user", content = { { text = "Hello" } } } } }
local GOOD = { '{"output":{"message":{"role":"assistant","content":[]}}}' }
local STREAM_HEADERS = {
  ["content-type"] = "application/vnd.amazon.eventstream" }

-- fakehost says it is 1700000000 plus its clock; the service is ahead.
local AHEAD = 1200

local function service_time(host)
  return host:now() + AHEAD
end

local function refusal(host, code)
  return { "{}", status = 403, headers = { ["x-amzn-errortype"] = code,
    date = timestamp.rfc822(math.floor(service_time(host))) } }
end

local function signed_at(request)
  local y, m, d, h, min, s = request.headers["x-amz-date"]:match(
    "(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z")
  return timestamp.parse(("%s-%s-%sT%s:%s:%sZ"):format(y, m, d, h, min, s))
end

-- Refuses what was signed more than five minutes away from its own time.
local function strict(host, code, good)
  return function(request)
    if math.abs(signed_at(request) - service_time(host)) > 300 then
      return refusal(host, code)
    end
    return good or GOOD
  end
end

local function client(host, options)
  local given = { host = host, region = "us-east-1", env = {},
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  return bedrock.new(given)
end

describe("a wrong clock", function()
  for _, code in ipairs { "InvalidSignatureException", "RequestExpired",
      "RequestTimeTooSkewed", "SignatureDoesNotMatch", "RequestInTheFuture",
      "AccessDeniedException" } do
    it("is mended after " .. code, function()
      local host = fakehost.new()
      local answer = strict(host, code)
      host.answers = { answer, answer, answer, answer }
      local one = client(host, { max_attempts = 1 })
      assert(one:converse(ASK))
      assert.equal(2, #host.sent)
      assert.is_true(math.abs(one.clock_offset - AHEAD) < 2)
      assert(one:converse(ASK)) -- and remembered
      assert.equal(3, #host.sent)
    end)
  end

  it("is mended once: a second refusal is told", function()
    local host = fakehost.new()
    local function refuse(request)
      AHEAD = AHEAD + 1000
      return strict(host, "RequestExpired")(request)
    end
    host.answers = { refuse, refuse, refuse }
    local _, err = client(host):converse(ASK)
    AHEAD = 1200
    assert.equal("RequestExpired", err.code)
    assert.equal(2, err.attempts)
  end)

  it("is not blamed where the clocks agree", function()
    local host = fakehost.new()
    host.answers = { function()
      return { "{}", status = 403, headers = {
        ["x-amzn-errortype"] = "AccessDeniedException",
        date = timestamp.rfc822(math.floor(host:now()) + 20) } }
    end }
    local _, err = client(host):converse(ASK)
    assert.equal("AccessDeniedException", err.code)
    assert.equal(1, err.attempts)
  end)

  it("is mended for each of the requests that were under way", function()
    local task = require "bedrock.task"
    local host = fakehost.new()
    local plain_send = host.send
    -- All are signed and sent before the first is answered.
    function host.send(self, request, deadlines)
      self.begun = (self.begun or 0) + 1
      local mine = self.begun
      while mine <= 5 and not self.open do task.wait() end
      table.insert(self.answers, 1, strict(self, "RequestExpired",
        { headers = STREAM_HEADERS }))
      return plain_send(self, request, deadlines)
    end
    local one, streams = client(host), {}
    for i = 1, 5 do streams[i] = one:converse_stream(ASK) end
    assert.equal(5, host.begun)
    host.open = true
    for _, stream in ipairs(streams) do
      local _, err = stream:next()
      assert.equal("IncompleteStream", err.code) -- it was let in
      assert.equal(2, err.attempts)
    end
    assert.equal(10, #host.sent)
  end)
end)

describe("expired credentials", function()
  local function expired()
    return { "{}", status = 403, headers = {
      ["x-amzn-errortype"] = "ExpiredTokenException" } }
  end

  it("are renewed once", function()
    local host = fakehost.new(GOOD, expired(), GOOD)
    local given = 0
    local one = client(host, { credentials = function()
      given = given + 1
      return { access_key_id = "key" .. given, secret_access_key = "b" }
    end })
    assert(one:converse(ASK))
    host.time = host.time + 60
    assert(one:converse(ASK))
    assert.equal(2, given)
    assert.truthy(host.sent[3].headers.authorization:find("key2", 1, true))
  end)

  it("are renewed at once, however young, and once for all", function()
    local host = fakehost.new(expired(), GOOD)
    local given, id = 0, "old"
    local one = client(host, { credentials = function()
      given = given + 1
      return { access_key_id = id, secret_access_key = "b" }
    end })
    host.answers[1] = function()
      id = "new"
      return expired()
    end
    assert(one:converse(ASK))
    assert.truthy(host.sent[2].headers.authorization:find("new/", 1, true))
    assert.equal(2, given)
  end)

  it("that are a token are asked for again, unless it is fixed", function()
    local host = fakehost.new(expired(), GOOD)
    local given = 0
    assert(client(host, { bearer_token = function()
      given = given + 1
      return "token" .. given
    end }):converse(ASK))
    assert.equal("Bearer token2", host.sent[2].headers.authorization)
    host = fakehost.new(expired(), GOOD)
    local _, err = client(host, { bearer_token = "t" }):converse(ASK)
    assert.equal("ExpiredTokenException", err.code)
    assert.equal(1, #host.sent)
  end)

  it("that stay expired are told", function()
    local host = fakehost.new(GOOD, expired(), expired(), expired())
    local one = client(host, { credentials = function()
      return { access_key_id = "a", secret_access_key = "b" }
    end })
    assert(one:converse(ASK))
    host.time = host.time + 60
    local _, err = one:converse(ASK)
    assert.equal("ExpiredTokenException", err.code)
    assert.equal(2, err.attempts)
    assert.equal(3, #host.sent)
  end)
end)
