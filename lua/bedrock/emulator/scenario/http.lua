-- Refusals with an HTTP status, and replies that are none of Bedrock's.

local monotime = require "cqueues".monotime

local function refuse(name, options)
  return function(x) return x:refuse(name, nil, options) end
end

-- The first `n` tries (or the model id's number) fail, then all is well.
local function first(n, run)
  return function(x)
    if x.state.tries <= (x.number or n) then return run(x) end
    return x:play()
  end
end

-- A refusal whose shape is not the usual one: status, body, fields.
local function odd(status, content_type, body, fields)
  return function(x) return x:send(status, content_type, body, fields) end
end

local JSON = "application/json"
local HTML = "<html><head><title>502 Bad Gateway</title></head><body>"
  .. "<center><h1>502 Bad Gateway</h1></center></body></html>\r\n"
local CORAL = '{"Output":{"__type":"com.amazon.coral.service#'
  .. 'UnknownOperationException"},"Version":"1.0"}'

local function redirect(status)
  return function(x)
    return x:send(status, JSON, '{"message":"Moved."}',
      { { "Location", x.server.url .. "/elsewhere" } })
  end
end

local throttled = refuse "ThrottlingException"
local failed = refuse "InternalServerException"
local unavailable = refuse "ServiceUnavailableException"
local not_ready = refuse "ModelNotReadyException"
local expired = refuse "ExpiredTokenException"

-- A bucket of a tenth of a second's requests, filled at a steady rate.
local function throttle_above(x)
  local state, rate, now = x.state, x.number or 100, monotime()
  local room = math.max(rate / 10, 1)
  local left = (state.left or room) + (now - (state.at or now)) * rate
  state.left, state.at = math.min(left, room), now
  if state.left < 1 then return throttled(x) end
  state.left = state.left - 1
  return x:play()
end

local function throttle_some(x)
  if x.state.tries % (x.number or 3) == 0 then return throttled(x) end
  return x:play()
end

-- An error body without an end: a client must not collect it.
local function endless_error(x)
  if not x.wire:head(500, x:fields(JSON), "chunked") then return end
  local filler = ("x"):rep(65536)
  x:write('{"message":"')
  for _ = 1, 4096 do -- 256 MiB, then even this ends
    if not x:write(filler) then return end
  end
  return x:write('"}') and x.wire:finish()
end

return {
  ["throttle"] = { "429 ThrottlingException, always", throttled },
  ["throttle-twice"] = { "429 for the first two (or NUMBER) tries, then "
    .. "success", first(2, throttled) },
  ["throttle-above"] = { "429 above 100 (or NUMBER) requests a second",
    throttle_above },
  ["throttle-some"] = { "429 for every third (or NUMBERth) request",
    throttle_some },
  ["internal-error"] = { "500 InternalServerException, always", failed },
  ["internal-error-once"] = { "500 once (or NUMBER times), then success",
    first(1, failed) },
  ["unavailable"] = { "503 ServiceUnavailableException, always",
    unavailable },
  ["unavailable-once"] = { "503 once (or NUMBER times), then success",
    first(1, unavailable) },
  ["model-not-ready"] = { "429 ModelNotReadyException, always", not_ready },
  ["model-not-ready-once"] = { "429 ModelNotReadyException once (or NUMBER "
    .. "times), then success", first(1, not_ready) },
  ["model-timeout"] = { "408 ModelTimeoutException",
    refuse "ModelTimeoutException" },
  ["model-error"] = { "424 ModelErrorException with originalStatusCode and "
    .. "resourceName", refuse("ModelErrorException", { members = {
      originalStatusCode = 500, resourceName = "emulator" } }) },
  ["access-denied"] = { "403 AccessDeniedException",
    refuse "AccessDeniedException" },
  ["not-found"] = { "404 ResourceNotFoundException",
    refuse "ResourceNotFoundException" },
  ["invalid"] = { "400 ValidationException", refuse "ValidationException" },
  ["quota"] = { "400 ServiceQuotaExceededException",
    refuse "ServiceQuotaExceededException" },
  ["conflict"] = { "400 ConflictException", refuse "ConflictException" },
  ["expired-token"] = { "403 ExpiredTokenException, always", expired },
  ["expired-token-once"] = { "403 ExpiredTokenException once (or NUMBER "
    .. "times), then success", first(1, expired) },
  ["skewed-clock"] = { "the server's clock is ten minutes ahead: requests "
    .. "are refused until they follow its Date header", nil,
    clock_offset = 600 },
  ["retry-after-ms"] = { "503 with x-amz-retry-after (milliseconds: 50 or "
    .. "NUMBER) once, then success", function(x)
      if x.state.tries > 1 then return x:play() end
      return x:refuse("ServiceUnavailableException", nil, { fields = {
        { "x-amz-retry-after", ("%d"):format(x.number or 50) } } })
    end },
  ["retry-after-seconds"] = { "503 with Retry-After (seconds: 1 or NUMBER) "
    .. "once, then success", function(x)
      if x.state.tries > 1 then return x:play() end
      return x:refuse("ServiceUnavailableException", nil, { fields = {
        { "Retry-After", ("%d"):format(x.number or 1) } } })
    end },
  ["retry-after-nonsense"] = { "503 with x-amz-retry-after: soon once, then "
    .. "success", first(1, refuse("ServiceUnavailableException", {
      fields = { { "x-amz-retry-after", "soon" } } })) },
  ["type-in-body"] = { "429 whose type is only in the body's __type, with a "
    .. "name space", odd(429, JSON, '{"__type":"com.amazon.bedrock#'
    .. 'ThrottlingException","message":"Too many requests"}') },
  ["code-in-body"] = { "400 whose type is only in the body's code", odd(400,
    JSON, '{"code":"ValidationException","Message":"Capital M"}') },
  ["error-message-only"] = { "500 without any type", odd(500, JSON,
    '{"message":"nobody knows"}') },
  ["error-text"] = { "500 with a body of plain text", odd(500, "text/plain",
    "upstream connect error") },
  ["error-empty"] = { "503 without a body", odd(503, JSON, "") },
  ["error-html"] = { "502 with a proxy's HTML page", odd(502, "text/html",
    HTML) },
  ["gateway-timeout"] = { "504 with a proxy's HTML page", odd(504,
    "text/html", (HTML:gsub("502 Bad Gateway", "504 Gateway Time-out"))) },
  ["endless-error"] = { "500 whose body does not end", endless_error },
  ["redirect-301"] = { "301 to elsewhere on this server", redirect(301) },
  ["redirect-307"] = { "307 to elsewhere on this server", redirect(307) },
  ["ok-json"] = { "200 with application/json that reports an unknown "
    .. "operation, as a wrong endpoint does", odd(200, JSON, CORAL) },
  ["ok-sse"] = { "200 with text/event-stream, as a gateway may re-encode",
    odd(200, "text/event-stream", 'data: {"messageStart":{"role":'
    .. '"assistant"}}\n\ndata: [DONE]\n\n') },
  ["ok-html"] = { "200 with an HTML page, as a captive portal does", odd(200,
    "text/html", "<html><body>Please log in.</body></html>") },
  ["ok-empty"] = { "200 without a body", odd(200, JSON, "") },
}
