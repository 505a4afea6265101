--- What nginx says when a connection fails, as error objects that name the
-- directive that mends it.  Codes and what may be tried again are those of
-- the curl host.  Pure: no nginx is needed to load it.

local errors = require "bedrock.errors"

local trouble = {}

local CALL_FROM = "call from rewrite_by_lua, access_by_lua, content_by_lua, or "
  .. "a timer (ngx.timer.at(0, ...))"

-- First match wins: pattern in nginx's or OpenSSL's words, our code, the
-- remedy, and whether the same again would end the same way.
local KNOWN = {
  { "no resolver defined", "HostNotFound",
    "nginx looks names up only where its `resolver` directive points: add "
      .. "one (addresses as in /etc/resolv.conf), or give the host's `hosts` "
      .. "option an address", true },
  { "could not be resolved", "HostNotFound",
    "nginx asks the servers of its `resolver` directive, never /etc/hosts; "
      .. "check region and endpoint_url" },
  { "API disabled in the context of", "NoCosockets",
    "nginx has no cosockets in this phase: " .. CALL_FROM, true },
  { "no request found", "NoCosockets",
    "nginx has no cosockets while it starts: call from a request, or from a "
      .. "timer (ngx.timer.at(0, ...)) that init_worker_by_lua starts", true },
  { "certificate chain too long", "CertificateRejected",
    "raise lua_ssl_verify_depth (nginx's default is 1, Amazon's chains are "
      .. "longer)", true },
  { "local issuer certificate", "CertificateRejected",
    "point lua_ssl_trusted_certificate at the file of trusted authorities "
      .. "(on Debian /etc/ssl/certs/ca-certificates.crt) and set "
      .. "lua_ssl_verify_depth 5", true },
  { "self.signed certificate", "CertificateRejected",
    "if it is your own, name it in lua_ssl_trusted_certificate", true },
  { "certificate host mismatch", "CertificateRejected",
    "the certificate is for another name; check endpoint_url (nginx checks "
      .. "names, no addresses: give yours a name with the host's `hosts` "
      .. "option)", true },
  { "certificate", "CertificateRejected", nil, true },
  { "handshake failed", "TlsFailed",
    "nginx's error log has OpenSSL's reason" },
  { "refused", "ConnectionRefused", "check endpoint_url and proxy" },
  { "^closed$", "EmptyReply", "no reply came" },
  { "another request", "ForeignReply", nil, true },
  { "reset", "ConnectionReset" },
  { "broken pipe", "ConnectionReset" },
}

--- A transport error for nginx's `message`, which came while `doing`.
function trouble.transport(message, doing)
  message = tostring(message)
  for _, known in ipairs(KNOWN) do
    if message:find(known[1]) then
      local remedy = known[3] and "; " .. known[3] or ""
      return errors.new("transport", doing .. ": " .. message .. remedy,
        { code = known[2], retryable = not known[4] })
    end
  end
  return errors.new("transport", doing .. ": " .. message,
    { code = "TransferFailed", retryable = true })
end

--- What to say of a call in a phase of nginx that cannot wait.
function trouble.phase(phase)
  return ("bedrock: nginx cannot wait in its phase %s: "):format(
    phase) .. CALL_FROM
end

-- What is wrong with the bytes, not with the network.
local FINAL = { InvalidHttp = true, LimitExceeded = true }

--- `nil, err` for what the parser said of a response.
function trouble.response(message, code)
  return errors.failure(FINAL[code] and "protocol" or "transport", message,
    code, { retryable = not FINAL[code] })
end

local CODES = { connect = "ConnectTimeout", idle = "IdleTimeout",
  total = "TotalTimeout" }

--- A timeout error that names which of the three fired.
-- @param which "connect" | "idle" | "total"
-- @param seconds how long it was
function trouble.timeout(which, seconds, doing)
  return errors.new("timeout", ("%s_timeout of %g s passed while %s"):format(
    which, seconds, doing), { code = CODES[which],
    retryable = which ~= "total" })
end

return trouble
