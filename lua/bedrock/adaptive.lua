--- Retry mode "adaptive": a client's requests keep to the rate (rate.lua) at
-- which the service does not throttle them.

local errors = require "bedrock.errors"
local rate = require "bedrock.rate"
local recovery = require "bedrock.recovery"

local adaptive = {}

--- Wait until the rate allows another request.
-- @return true; nil, err (code "TotalTimeout") if the call would be over then
function adaptive.wait(client, call)
  local host = client.host
  client.limiter = client.limiter or rate.new(host:clock())
  local delay = client.limiter:take(host:clock())
  if delay >= recovery.time_left(call, host) then
    return nil, errors.new("timeout", ("total_timeout of %g s would pass "
      .. "while waiting %g s for the request rate that is allowed"):format(
      call.deadlines.total_seconds, delay), { code = "TotalTimeout",
      stage = "request" })
  end
  if delay > 0 then host:sleep(delay) end
  return true
end

--- Learn from the outcome of an attempt.
-- @param err of the attempt, or nil
function adaptive.note(client, err)
  client.limiter:update(client.host:clock(),
    err ~= nil and err.throttling == true)
end

return adaptive
