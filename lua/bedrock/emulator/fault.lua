-- What Bedrock answers when it refuses: exception -> status, headers, body.
local json = require "bedrock.emulator.json"

local fault = {}

-- Exceptions of the service model carry Coral's name space in the error-type
-- header, those of AWS's front door come bare (seen in public recordings).
local SPACE = ":http://internal.amazon.com/coral/com.amazon.bedrock/"

-- name -> status, default message, spelling of the message member,
-- whether the name is one of the model's.
local KNOWN = {
  AccessDeniedException = { 403, "You don't have access to the model with "
    .. "the specified model ID.", "message", true },
  ConflictException = { 400, "Idempotency token was used with other "
    .. "parameters.", "message", true },
  ExpiredTokenException = { 403, "The security token included in the request "
    .. "is expired", "message" },
  IncompleteSignatureException = { 403, "", "message" },
  InternalServerException = { 500, "The system encountered an unexpected "
    .. "error during processing. Try your request again.", "message", true },
  InvalidSignatureException = { 403, "", "message" },
  MethodNotAllowedException = { 405, "Method not allowed", "message" },
  MissingAuthenticationTokenException = { 403,
    "Missing Authentication Token", "message" },
  ModelErrorException = { 424, "The model returned an error.", "message",
    true },
  ModelNotReadyException = { 429, "Model is not ready for inference. "
    .. "Wait and try your request again.", "message", true },
  ModelStreamErrorException = { 424, "An error occurred while streaming the "
    .. "response. Retry your request.", "message", true },
  ModelTimeoutException = { 408, "Model has timed out in processing the "
    .. "request. Try your request again.", "message", true },
  RequestEntityTooLargeException = { 413, "Request body is too large.",
    "message" },
  ResourceNotFoundException = { 404, "Could not resolve the foundation model "
    .. "from the provided model identifier.", "message", true },
  SerializationException = { 400, "", "Message" },
  ServiceQuotaExceededException = { 400, "Your request exceeds the service "
    .. "quota for your account.", "message", true },
  ServiceUnavailableException = { 503, "Bedrock is unable to process your "
    .. "request.", "message", true },
  ThrottlingException = { 429, "Too many requests, please wait before trying "
    .. "again.", "message", true },
  UnknownOperationException = { 404, "", "message" },
  UnrecognizedClientException = { 403, "The security token included in the "
    .. "request is invalid.", "message" },
  ValidationException = { 400, "The provided model identifier is invalid.",
    "message", true },
}

--- Status of a known exception, e.g. 429 for ThrottlingException; else 400.
function fault.status(name)
  return KNOWN[name] and KNOWN[name][1] or 400
end

--- The message AWS gives where nobody says more.
function fault.message(name)
  return KNOWN[name] and KNOWN[name][2] or ""
end

--- Value of the x-amzn-ErrorType header.
function fault.type(name)
  return KNOWN[name] and KNOWN[name][4] and name .. SPACE or name
end

--- Body of the refusal.  `members` (optional) join the message.
function fault.body(name, message, members)
  local body = {}
  for member, value in pairs(members or {}) do body[member] = value end
  local spelling = KNOWN[name] and KNOWN[name][3] or "message"
  body[spelling] = message or fault.message(name)
  return json.encode(body)
end

-- lowerCamel name of the event-stream exception -> the exception.
local IN_STREAM = {
  internalServerException = "InternalServerException",
  modelStreamErrorException = "ModelStreamErrorException",
  modelTimeoutException = "ModelTimeoutException",
  serviceUnavailableException = "ServiceUnavailableException",
  throttlingException = "ThrottlingException",
  validationException = "ValidationException",
}
fault.in_stream = IN_STREAM

--- Payload of an exception frame, e.g. for "throttlingException".
function fault.payload(kind)
  local name = IN_STREAM[kind]
  local members
  if name == "ModelStreamErrorException" then
    members = { originalStatusCode = 500, originalMessage = "model failed" }
  elseif name == "ValidationException" then
    return fault.body(name, "The model returned the following errors: "
      .. "Reformat your input and try again.")
  end
  return fault.body(name or kind, not name and "Something new." or nil,
    members)
end

return fault
