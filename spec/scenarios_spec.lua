-- Each way in which the emulator misbehaves gives its own clear error (or
-- none), and nothing hangs.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl_host = require "bedrock.host.curl"

-- scenario -> kind, code, stage; true: a clean end
local function service(code, stage) return { "service", code, stage } end
local function protocol(code, stage)
  return { "protocol", code, stage or "stream" }
end
local function transport(code, stage)
  return { "transport", code, stage or "stream" }
end

local EXPECTED = {
  ["access-denied"] = service("AccessDeniedException", "response"),
  ["all-header-types"] = true,
  ["bad-chunk-size"] = protocol "InvalidHttp",
  ["bad-message-crc"] = protocol "MessageChecksumMismatch",
  ["bad-payload"] = protocol "MessageChecksumMismatch",
  ["bad-prelude-crc"] = protocol "PreludeChecksumMismatch",
  ["bad-status-line"] = protocol("InvalidHttp", "request"),
  ["content-length"] = true,
  ["content-length-long"] = transport "Truncated",
  ["content-length-short"] = protocol "TruncatedFrame",
  ["content-type-parameters"] = true,
  ["cut-before-headers"] = transport("EmptyReply", "request"),
  ["cut-between-frames"] = transport "Truncated",
  ["cut-mid-frame"] = transport "Truncated",
  ["cut-mid-prelude"] = transport "Truncated",
  ["drip"] = true,
  ["duplicate-event-header"] = protocol "InvalidHeader",
  ["duplicate-http-header"] = true,
  ["empty-answer"] = true,
  ["endless-headers"] = protocol("LimitExceeded", "request"),
  ["eof-at-once"] = protocol "IncompleteStream",
  ["eof-mid-frame"] = protocol "TruncatedFrame",
  ["eof-without-stop"] = protocol "IncompleteStream",
  ["error-first"] = service("InternalFailure", "stream"),
  ["error-mid"] = service("InternalFailure", "stream"),
  ["error-html"] = service("502", "response"),
  ["error-empty"] = service("503", "response"),
  ["endless-error"] = service("500", "response"),
  ["exception-first"] = service("ThrottlingException", "stream"),
  ["exception-mid-throttlingException"] =
    service("ThrottlingException", "stream"),
  ["exception-mid-validationException"] =
    service("ValidationException", "stream"),
  ["exception-mid-internalServerException"] =
    service("InternalServerException", "stream"),
  ["exception-mid-modelStreamErrorException"] =
    service("ModelStreamErrorException", "stream"),
  ["exception-mid-serviceUnavailableException"] =
    service("ServiceUnavailableException", "stream"),
  ["exception-mid-modelTimeoutException"] =
    service("ModelTimeoutException", "stream"),
  ["exception-mid-fancyNewException"] =
    service("FancyNewException", "stream"),
  ["expired-token"] = service("ExpiredTokenException", "response"),
  ["garbage-at-end"] = protocol "PreludeChecksumMismatch",
  ["gzip"] = protocol("UnexpectedContentEncoding", "response"),
  ["headers-overrun"] = protocol "InvalidFrame",
  ["huge-chunk-size"] = protocol "InvalidHttp",
  ["huge-frame"] = protocol "LimitExceeded",
  ["initial-response"] = true,
  ["interim"] = true,
  ["internal-error"] = service("InternalServerException", "response"),
  ["missing-event-type"] = protocol "InvalidEvent",
  ["missing-last-chunk"] = transport "Truncated",
  ["missing-message-type"] = protocol "UnknownMessageType",
  ["model-error"] = service("ModelErrorException", "response"),
  ["model-not-ready"] = service("ModelNotReadyException", "response"),
  ["model-timeout"] = service("ModelTimeoutException", "response"),
  ["no-content-type"] = protocol("UnexpectedContentType", "response"),
  ["not-found"] = service("ResourceNotFoundException", "response"),
  ["ok-html"] = protocol("UnexpectedContentType", "response"),
  ["ok-json"] = service("UnknownOperationException", "response"),
  ["ok-sse"] = protocol("UnexpectedContentType", "response"),
  ["payload-array"] = protocol "InvalidEvent",
  ["payload-empty"] = protocol "InvalidEvent",
  ["payload-not-json"] = protocol "InvalidEvent",
  ["redirect-301"] = service("301", "response"),
  ["redirect-307"] = service("307", "response"),
  ["reset-after-headers"] = transport "ConnectionReset",
  ["reset-before-headers"] = transport("ConnectionReset", "request"),
  ["reset-mid-stream"] = transport "ConnectionReset",
  ["short-frame"] = protocol "InvalidFrame",
  ["stall-after-headers"] = { "timeout", "IdleTimeout", "stream" },
  ["stall-before-headers"] = { "timeout", "IdleTimeout", "request" },
  ["stall-mid-stream"] = { "timeout", "IdleTimeout", "stream" },
  ["throttle"] = service("ThrottlingException", "response"),
  ["trailers"] = true,
  ["unavailable"] = service("ServiceUnavailableException", "response"),
  ["unknown-delta"] = true,
  ["unknown-event"] = true,
  ["unknown-header-type"] = protocol "InvalidHeader",
  ["unknown-member"] = true,
  ["unknown-message-type"] = protocol "UnknownMessageType",
  ["unknown-stop-reason"] = true,
  ["until-close"] = true,
}

local STATUS = { ThrottlingException = 429, ValidationException = 400,
  InternalServerException = 500, ModelStreamErrorException = 424,
  ServiceUnavailableException = 503, ModelTimeoutException = 408 }

describe("the emulator's scenario", function()
  local emulator

  setup(function() emulator = assert(child.start()) end)
  teardown(function() emulator:stop() end)

  -- Connections of its own for each: some leave theirs full of rubbish.
  local function client_for(scenario)
    local options = { max_attempts = 1, host = curl_host.new(),
      idle_timeout = scenario:find "^stall" and 0.3 or 20 }
    for name, value in pairs(emulator.options) do options[name] = value end
    return bedrock.new(options)
  end

  local function outcome(scenario)
    local stream = client_for(scenario):converse_stream {
      modelId = "emulator." .. scenario,
      messages = { { role = "user", content = { { text = "Hello" } } } },
    }
    local events = {}
    while true do
      local event, err = stream:next()
      if not event then return err, events, stream end
      events[#events + 1] = event
    end
  end

  local names = {}
  for name in pairs(EXPECTED) do names[#names + 1] = name end
  table.sort(names)

  for _, name in ipairs(names) do
    it(name, function()
      local err, events, stream = outcome(name)
      local expected = EXPECTED[name]
      if expected == true then
        assert.is_nil(err)
        assert.truthy(stream:response())
        for _, event in ipairs(events) do
          for _, payload in pairs(event) do assert.is_nil(payload.p) end
        end
        return
      end
      assert.equal(expected[1], err.kind)
      assert.equal(expected[2], err.code)
      assert.equal(expected[3], err.stage)
      assert.equal("ConverseStream", err.operation)
      assert.is_string(err.message)
      assert.is_nil(tostring(err):find(
        emulator.options.credentials.secret_access_key, 1, true))
      if expected[1] == "service" and STATUS[err.code] then
        assert.equal(STATUS[err.code], err.status)
      end
      -- an error is told again, and what had come is still there
      assert.equal(err, select(2, stream:next()))
      if #events > 1 then
        assert.equal("assistant",
          stream:partial().output.message.role)
      end
    end)
  end
end)
