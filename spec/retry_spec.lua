-- Retries: AWS's tables for them, and what a client makes of them.
local bedrock = require "bedrock"
local errors = require "bedrock.errors"
local fakehost = require "spec.support.fakehost"
local json = require "bedrock.json"
local quotas = require "bedrock.quota"
local rate = require "bedrock.rate"
local retry = require "bedrock.retry"
local vectors = require "spec.support.vectors"

local ASK = { modelId = "m",
  messages = { { role = "user", content = { { text = "Hello" } } } } }
local GOOD = { '{"output":{"message":{"role":"assistant","content":[]}},'
  .. '"stopReason":"end_turn"}', headers = {} }

local function near(expected, found)
  assert.is_true(math.abs(expected - found) < 1e-6,
    ("%s expected, %s found"):format(expected, found))
end

-- The clock of fakehost goes on by a quarter of a second for each request
-- and an eighth for each read; only what was slept is looked at.
local function client(host, options)
  local given = { host = host, region = "us-east-1", env = {},
    credentials = { access_key_id = "a", secret_access_key = "b" } }
  for name, value in pairs(options or {}) do given[name] = value end
  local one = bedrock.new(given)
  one.random = function() return 1 end
  return one
end

local function refusal(status, code, headers)
  local all = { ["x-amzn-errortype"] = code }
  for name, value in pairs(headers or {}) do all[name:lower()] = value end
  return { "{}", status = status, headers = all }
end

local function answer_of(response)
  if response.status_code == 200 then return GOOD end
  return refusal(response.status_code, response.error_code, response.headers)
end

local function data(name)
  return assert(json.decode(vectors.read("retry/" .. name)))
end

describe("standard mode", function()
  if not vectors.available() then
    pending "vectors are absent"
    return
  end

  -- One call takes responses up to the first that ends it.
  local function play(case)
    local host = fakehost.new()
    local one = client(host, { max_attempts = case.given.max_attempts })
    one.quota.tokens = case.given.initial_retry_tokens or 500
    local at = 0
    while at < #case.responses do
      local slept, last = {}
      host.slept = 0
      host.sleep = function(self, seconds)
        slept[#slept + 1] = seconds
        self.time = self.time + seconds
      end
      host.answers = {}
      local first = at + 1
      repeat
        at = at + 1
        last = case.responses[at]
        host.answers[#host.answers + 1] = answer_of(last.response)
      until last.expected.outcome ~= "retry_request"
      local response, err = one:converse(ASK)
      assert.equal(last.expected.outcome == "success", response ~= nil)
      assert.equal(last.expected.retry_quota, one.quota.tokens)
      assert.equal(at - first, #slept)
      for i, seconds in ipairs(slept) do
        near(case.responses[first + i - 1].expected.delay, seconds)
      end
      if err then
        assert.equal(at - first + 1, err.attempts)
        assert.equal(last.expected.outcome == "retry_quota_exceeded" or nil,
          err.quota_exhausted)
      end
    end
  end

  for _, case in ipairs(data "standard-retry-v2.1-spec-tests.json") do
    it(case.name, function() play(case) end)
  end

  local COST = { TRANSIENT = 14, THROTTLING = 5 }
  for _, case in ipairs(data "standard-retry-timings.json".v2026) do
    it("waits as in " .. case.name, function()
      local quota = quotas.new()
      for _, step in ipairs(case.steps) do
        if step.retry_count > 0 then
          local class = step.error_type:lower()
          near(step.delay_ms / 1000, retry.delay(class, step.retry_count - 1,
            function() return 1 end))
          assert.equal(COST[step.error_type], step.cost)
          assert.equal(step.cost, quota:take(class))
        end
      end
    end)
  end
end)

describe("a server's hint", function()
  local function delay_for(headers)
    local host = fakehost.new(refusal(500, nil, headers), GOOD)
    assert(client(host):converse(ASK))
    return host.slept
  end

  it("in milliseconds lengthens the wait by five seconds at most", function()
    for hint, seconds in pairs { ["1500"] = 1.5, ["0"] = 0.05,
        ["10000"] = 5.05, invalid = 0.05, ["-100"] = 0.05, [""] = 0.05,
        ["1e9"] = 0.05, [("9"):rep(400)] = 5.05 } do
      near(seconds, delay_for { ["x-amz-retry-after"] = hint })
    end
  end)

  it("may be Retry-After, in seconds or as a date", function()
    near(2, delay_for { ["retry-after"] = "2" })
    near(5.05, delay_for { ["retry-after"] = "120" })
    near(0.05, delay_for { ["retry-after"] = "soon" })
    near(0.05, delay_for { ["retry-after"] = "-3" })
    -- fakehost's time is 1700001000.25 when the refusal comes
    near(3, retry.hint({ ["retry-after"] = "Tue, 14 Nov 2023 22:13:23 GMT" },
      1700000000))
    assert.is_nil(retry.hint({
      ["retry-after"] = "Tue, 14 Nov 2023 22:13:19 GMT" }, 1700000000))
    assert.is_nil(retry.hint({ ["retry-after"] = "1700000009" }, 2e9)
      and retry.hint({ ["retry-after"] = "yesterday GMT" }, 0))
  end)

  it("in milliseconds comes before Retry-After", function()
    near(1, delay_for { ["x-amz-retry-after"] = "1000",
      ["retry-after"] = "4" })
  end)
end)

describe("full jitter", function()
  it("takes any share of the longest wait, and never more", function()
    for retries = 0, 12 do
      for _, class in ipairs { "transient", "throttling" } do
        local longest = retry.delay(class, retries, function() return 1 end)
        assert.is_true(longest <= 20)
        near(longest / 4, retry.delay(class, retries, function()
          return 0.25
        end))
        assert.equal(0, retry.delay(class, retries, function() return 0 end))
      end
    end
  end)
end)

describe("what is tried again", function()
  local function attempts_of(answer, options)
    local host = fakehost.new(answer, answer, answer, answer)
    local _, err = client(host, options):converse(ASK)
    return #host.sent, err
  end
  local function idle()
    return errors.new("timeout", "idle", { code = "IdleTimeout",
      retryable = true })
  end

  it("is what may pass by itself", function()
    for _, status in ipairs { 500, 502, 503, 504, 429 } do
      assert.equal(3, (attempts_of(refusal(status))))
    end
    assert.equal(3, (attempts_of(errors.new("transport", "reset", {
      code = "ConnectionReset", retryable = true }))))
    assert.equal(3, (attempts_of(errors.new("timeout", "connect", {
      code = "ConnectTimeout", retryable = true }))))
  end)

  it("is not what is our fault or the model's", function()
    for code, status in pairs { ValidationException = 400,
        AccessDeniedException = 403, ResourceNotFoundException = 404,
        ModelTimeoutException = 408, ModelErrorException = 424,
        ServiceQuotaExceededException = 400 } do
      assert.equal(1, (attempts_of(refusal(status, code))), code)
    end
    assert.equal(1, (attempts_of(errors.new("transport", "certificate", {
      code = "CertificateRejected" }))))
  end)

  it("is no generation that fell silent, unless asked", function()
    assert.equal(1, (attempts_of(idle())))
    assert.equal(3, (attempts_of(idle(), { retry_timeouts = true })))
    local host = fakehost.new(idle(), { '{"asyncInvokeSummaries":[]}' })
    assert.truthy(client(host):list_async_invokes {})
    assert.equal(2, #host.sent)
  end)

  it("is nothing once the head of a stream has come", function()
    local host = fakehost.new({ errors.new("transport", "reset", {
      code = "ConnectionReset", retryable = true }), headers = {
      ["content-type"] = "application/vnd.amazon.eventstream" } }, GOOD)
    local _, err = client(host):converse_stream(ASK):next()
    assert.equal("ConnectionReset", err.code)
    assert.equal(1, #host.sent)
    assert.is_true(err.retryable)
  end)

  it("is nothing in mode off, and max_attempts otherwise", function()
    assert.equal(1, (attempts_of(refusal(500), { retry_mode = "off" })))
    assert.equal(2, (attempts_of(refusal(500), { max_attempts = 2 })))
    assert.equal(1, (attempts_of(refusal(500), { max_attempts = 1 })))
  end)

  it("is nothing that total_timeout would not let end", function()
    local sent, err = attempts_of(refusal(429), { total_timeout = 1 })
    assert.equal(1, sent)
    assert.equal("429", tostring(err.status))
  end)
end)

describe("the attempts of a call", function()
  it("say which they are, in headers that are signed", function()
    local host = fakehost.new(refusal(500), refusal(500), GOOD)
    assert(client(host):converse(ASK))
    local id = host.sent[1].headers["amz-sdk-invocation-id"]
    for i, request in ipairs(host.sent) do
      local headers = request.headers
      assert.equal(id, headers["amz-sdk-invocation-id"])
      assert.equal(("attempt=%d; max=3"):format(i),
        headers["amz-sdk-request"])
      assert.truthy(headers.authorization:find(
        "amz-sdk-invocation-id;amz-sdk-request", 1, true))
    end
  end)

  it("are all in the log", function()
    local lines = {}
    local host = fakehost.new(refusal(500), refusal(429), GOOD)
    assert(client(host, { log = function(_, message, fields)
      lines[#lines + 1] = message
      assert.equal(#lines, fields.attempt)
      assert.equal("Converse", fields.operation)
      assert.equal(({ 0.05, 2 })[#lines], fields.delay)
      assert.equal(({ 500, 429 })[#lines], fields.status)
    end }):converse(ASK))
    assert.same({ "attempt failed", "attempt failed", "attempt succeeded" },
      lines)
  end)
end)

describe("adaptive mode", function()
  it("does not limit before the first throttling", function()
    local limiter = rate.new(0)
    for i = 1, 100 do
      assert.equal(0, limiter:take(i / 100))
      limiter:update(i / 100, false)
    end
  end)

  it("waits for its rate, one request after another", function()
    local limiter = rate.new(0)
    limiter:update(0.5, true)
    local first, second = limiter:take(0.5), limiter:take(0.5)
    near(1 / 1.12, first)
    near(2 / 1.12, second)
  end)

  it("limits a client that was throttled", function()
    local host = fakehost.new(refusal(429), GOOD, GOOD, GOOD)
    local one = client(host, { retry_mode = "adaptive" })
    one.random = function() return 0 end
    for _ = 1, 3 do assert(one:converse(ASK)) end
    assert.is_true(one.limiter.enabled)
    assert.is_true(host.slept > 0)
  end)

  it("gives up where total_timeout would pass while it waits", function()
    local host = fakehost.new(refusal(429), GOOD)
    local one = client(host, { retry_mode = "adaptive", total_timeout = 0.8,
      max_attempts = 1 })
    one:converse(ASK)
    local _, err = one:converse(ASK)
    assert.equal("TotalTimeout", err.code)
    assert.equal(1, #host.sent)
  end)

  if not vectors.available() then
    pending "vectors are absent"
    return
  end
  local tables = data "adaptive-rate-limiter.json"

  it("measures and limits as AWS's table says", function()
    local limiter = rate.new(0)
    for _, row in ipairs(tables.update_client_sending_rate) do
      limiter:update(row.timestamp, row.throttle)
      near(row.measured_tx_rate, limiter.measured)
      near(row.fill_rate, limiter.fill_rate)
    end
  end)

  it("climbs along the cubic curve", function()
    local limiter = rate.new(0)
    limiter.max_rate = tables.cubic_success.last_max_rate
    limiter.throttled_at = tables.cubic_success.last_throttle_time
    for _, row in ipairs(tables.cubic_success.rows) do
      near(row.calculated_rate, limiter:curve(row.timestamp))
    end
  end)

  it("drops to a share of the rate", function()
    for _, row in ipairs(tables.cubic_throttle.rows) do
      local limiter = rate.new(0)
      limiter:update(row.timestamp, true)
      near(row.calculated_rate, limiter.max_rate * 0.7)
    end
  end)

  it("delays the next request as long", function()
    for _, row in ipairs(tables.send_token_delay) do
      local limiter = rate.new(0)
      limiter:update(row.first_throttle_at, true)
      near(row.delay_ms / 1000, limiter:take(row.first_throttle_at))
    end
  end)
end)

describe("a wait before the next attempt", function()
  -- A host like curl's, whose sleep leaves the task.
  local function waiting_host(...)
    local task = require "bedrock.task"
    local host = fakehost.new(...)
    function host.sleep(self, seconds)
      self.asleep = true
      local deadline = self.time + seconds
      while self.time < deadline do task.pause(self, deadline) end
    end
    return host
  end

  it("ends when the stream is closed", function()
    local host = waiting_host(refusal(500), GOOD)
    local stream = client(host):converse_stream(ASK)
    assert.is_true(host.asleep)
    stream:close()
    host.time = host.time + 100
    assert.equal("closed", select(2, stream:next()).kind)
    assert.equal("closed", select(2, stream:poll()).kind)
    assert.equal(1, #host.sent)
  end)

  it("lets a poll return at once", function()
    local host = waiting_host(refusal(500), refusal(400, "ValidationException"))
    function host.wait() end
    local stream = client(host):converse_stream(ASK)
    assert.is_false(stream:poll())
    host.time = host.time + 1
    assert.equal("ValidationException", select(2, stream:poll()).code)
  end)
end)
