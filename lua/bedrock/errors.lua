--- The one error value of the library, and how it is told in a line.
--
-- kind        what failed: "service" "transport" "timeout" "protocol"
--             "credentials" "config" "validation" "closed"
-- message     a sentence, without secrets
-- code        AWS's exception name, or a short name of ours
-- status      HTTP status                 request_id  AWS's id of the request
-- retryable   would the same call perhaps succeed later?
-- stage       "request" "response" "stream": how far it had come
-- attempts    how many times it was tried
-- operation   "ConverseStream", ...       cause       the error below this one

local errors = {}

local KINDS = {
  service = true, transport = true, timeout = true, protocol = true,
  credentials = true, config = true, validation = true, closed = true,
}

local Error = { __name = "bedrock.error" }
Error.__index = Error

local function details(err)
  local list = {}
  local function add(format, value)
    if value ~= nil then list[#list + 1] = format:format(tostring(value)) end
  end
  add("operation %s", err.operation)
  add("HTTP %s", err.status)
  add("request id %s", err.request_id)
  if err.attempts and err.attempts > 1 then
    add("after %s attempts", err.attempts)
  end
  if #list == 0 then return "" end
  return " (" .. table.concat(list, ", ") .. ")"
end

--- One line: kind, code, message, then what is known of the request.
function Error:__tostring()
  local head = self.code and (self.kind .. " error " .. self.code)
    or (self.kind .. " error")
  local line = head .. ": " .. self.message .. details(self)
  return (line:gsub("[%c]+", " "))
end

--- A new error object.
-- @param kind one of the kinds above
-- @param message a sentence for people
-- @param fields table of further fields (taken over), or nil
function errors.new(kind, message, fields)
  assert(KINDS[kind], kind)
  local err = {}
  for name, value in pairs(fields or {}) do err[name] = value end
  err.kind = kind
  err.message = tostring(message)
  if err.retryable == nil then err.retryable = false end
  return setmetatable(err, Error)
end

--- Is it one of ours?
function errors.is(value)
  return getmetatable(value) == Error
end

--- `nil, error` of a C call's `nil, message, code`.
function errors.failure(kind, message, code, fields)
  local err = errors.new(kind, message, fields)
  err.code = err.code or code
  return nil, err
end

--- Whatever was raised or returned, as an error object; a string or any
-- other value becomes the message of a new one of `kind`.
function errors.from(value, kind)
  if errors.is(value) then return value end
  return errors.new(kind or "closed", value, { cause = value })
end

return errors
