--- What an error's name or HTTP status says about trying again.
--
-- One table for the whole library.  The names are AWS's, in the one spelling
-- that users see as `err.code`; the service's own exceptions and their
-- statuses come from the model, and are listed here only where there is more
-- to say.  Sources: the retry behaviour of AWS's SDKs ("standard" mode) and
-- botocore's lists of transient, throttling and clock skew codes.

local shapes = require "bedrock.service.shapes"

local exceptions = {}

-- "throttling": asked too often     "transient": may work the next time
-- "skew": the clocks may differ     "expired": credentials were too old
local KNOWN = {
  ThrottlingException = "throttling",
  Throttling = "throttling",
  ThrottledException = "throttling",
  RequestThrottled = "throttling",
  RequestThrottledException = "throttling",
  TooManyRequestsException = "throttling",
  ProvisionedThroughputExceededException = "throttling",
  TransactionInProgressException = "throttling",
  RequestLimitExceeded = "throttling",
  BandwidthLimitExceeded = "throttling",
  LimitExceededException = "throttling",
  SlowDown = "throttling",
  PriorRequestNotComplete = "throttling",
  EC2ThrottledException = "throttling",

  RequestTimeout = "transient",
  RequestTimeoutException = "transient",
  InternalServerException = "transient",
  InternalFailure = "transient",
  InternalServerError = "transient",
  ServiceUnavailableException = "transient",
  ServiceUnavailable = "transient",
  ModelNotReadyException = "transient", -- 429, but modelled as no throttling

  RequestTimeTooSkewed = "skew",
  RequestExpired = "skew",
  RequestInTheFuture = "skew",
  InvalidSignatureException = "skew",
  SignatureDoesNotMatch = "skew",
  AuthFailure = "skew",
  AccessDeniedException = "skew",

  ExpiredToken = "expired",
  ExpiredTokenException = "expired",

  -- Nothing to try again; here for their spelling.
  UnrecognizedClientException = false,
  MissingAuthenticationToken = false,
  MissingAuthenticationTokenException = false,
  InvalidClientTokenId = false,
  IncompleteSignature = false,
  SerializationException = false,
  UnknownOperationException = false,
}

-- Statuses of what the model does not list; a name says more than a status.
local STATUS = {
  [429] = "throttling",
  [500] = "transient", [502] = "transient", [503] = "transient",
  [504] = "transient",
}

local spelling

local function spellings()
  if spelling then return spelling end
  spelling = {}
  for name in pairs(KNOWN) do spelling[name:lower()] = name end
  local schema = shapes.bedrock()
  for _, name in ipairs(schema:shape_names()) do
    if name:find("Exception$") then spelling[name:lower()] = name end
  end
  return spelling
end

--- An error's name in its one spelling: `throttlingException` as well as
-- `com.amazon.coral#ThrottlingException:http://...` is ThrottlingException.
function exceptions.name(text)
  local name = text:match("^[^:]*"):match("[^#]*$"):match("^%s*(.-)%s*$")
  local known = spellings()[name:lower()]
  if known then return known end
  -- In-stream exceptions are member names; all exceptions begin large.  A
  -- code such as "internal-error" is no exception's name.
  return name:find("^%w+$") and (name:gsub("^%l", string.upper)) or name
end

--- The HTTP status that the model gives an exception, or nil.
function exceptions.status(name)
  local shape = shapes.bedrock():shape(name)
  return shape and shape.status
end

--- What an error means for trying again.
-- @param name    in its one spelling, or nil
-- @param status  HTTP status, or nil
-- @return "throttling" "transient" "skew" "expired", or nil for none
function exceptions.judge(name, status)
  local kind = KNOWN[name]
  if kind ~= nil then return kind or nil end
  -- What the model lists and this table does not is not tried again, but
  -- for statuses that mean trouble on the service's side.
  if name and exceptions.status(name) and (status or 0) < 500 then
    return nil
  end
  return STATUS[status]
end

--- Is an error worth another try of the same request?
function exceptions.retryable(name, status)
  local kind = exceptions.judge(name, status)
  return kind == "throttling" or kind == "transient"
end

return exceptions
