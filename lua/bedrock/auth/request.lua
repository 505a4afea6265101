--- One small HTTP exchange of a credential provider: sent, retried, read
-- whole.  Providers give a request, and read status, headers and body.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local retry = require "bedrock.retry"

local request = {}

-- Answers are a few KiB; whatever is larger is not an answer.
local MAX_BYTES = 1024 * 1024

local function read_all(reply)
  local pieces, size = {}, 0
  while true do
    local piece, err = reply:read()
    if err then return nil, err end
    if not piece then return table.concat(pieces) end
    size = size + #piece
    if size > MAX_BYTES then
      return nil, errors.new("protocol", "the answer is larger than 1 MiB")
    end
    pieces[#pieces + 1] = piece
  end
end

-- One try.  A kept connection that the other side had let go of is none: it
-- goes out once more, over a fresh one.
local function try(context, sent, timeout)
  local host = context.host
  local reply, err = host:send(sent, { connect = timeout, idle = timeout,
    total = host:clock() + timeout, total_seconds = timeout })
  if not reply then
    if not err.stale or sent.fresh then return nil, err end
    sent.fresh = true
    return try(context, sent, timeout)
  end
  local body
  body, err = read_all(reply)
  reply:close()
  if not body then return nil, err end
  return { status = reply.status, headers = reply.headers or {}, body = body }
end

--- May this outcome of a try pass by itself?
function request.transient(answer, err)
  if answer then return answer.status >= 500 or answer.status == 429 end
  return err.kind == "transport" or err.kind == "timeout"
end

-- What goes to the internet goes the client's way: its proxy, its trusted
-- certificates.  `proxy = ""` is for what lies beside this machine.
local function complete(context, given)
  local sent = { method = given.method, url = given.url, body = given.body,
    proxy = given.proxy, headers = {} }
  for name, value in pairs(given.headers or {}) do
    sent.headers[name] = value
  end
  sent.headers["user-agent"] = "lua-bedrock/" .. core._VERSION
  if given.proxy == "" then return sent end
  for _, name in ipairs { "proxy", "ca_bundle" } do
    local value, err = context.settings:get(name)
    if errors.is(err) then return nil, err end
    sent[name] = value
  end
  return sent
end

local function in_all_forms(secrets)
  local list = {}
  for _, secret in ipairs(secrets or {}) do
    list[#list + 1] = secret
    list[#list + 1] = core.bytes.uri_encode(secret)
  end
  return list
end

--- Send a request, at most `attempts` times, and read the whole answer.
-- @param context  host (send, sleep, clock), settings, random()
-- @param given    method, url, headers, body; proxy = "": use none;
--   timeout (seconds per try, 5), attempts (3), retry (function(answer,
--   err) that tells whether to try again; request.transient), secrets (list
--   of texts in the request)
-- @return { status, headers, body, secrets = also as a form encodes them,
--   which no error may repeat from the body }, or nil, err
function request.send(context, given)
  local sent, err = complete(context, given)
  if not sent then return nil, err end
  local attempts, again = given.attempts or 3, given.retry or request.transient
  for attempt = 1, attempts do
    local answer
    answer, err = try(context, sent, given.timeout or 5)
    if attempt == attempts or not again(answer, err) then
      if answer then answer.secrets = in_all_forms(given.secrets) end
      return answer, err
    end
    context.host:sleep(retry.delay("transient", attempt - 1, context.random))
  end
end

--- May this text go into a header?
function request.safe(value)
  return not value:find "[%c]"
end

return request
