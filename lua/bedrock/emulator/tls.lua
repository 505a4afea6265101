-- Certificates for the emulator: given ones, or its own authority's.
local altname = require "openssl.x509.altname"
local bignum = require "openssl.bignum"
local http_tls = require "http.tls"
local name = require "openssl.x509.name"
local pkey = require "openssl.pkey"
local rand = require "openssl.rand"
local x509 = require "openssl.x509"

local tls = {}

local DAY = 86400

local function new_key()
  return pkey.new { type = "EC", curve = "prime256v1" }
end

local function named(common_name)
  local subject = name.new()
  subject:add("O", "bedrock.emulator")
  subject:add("CN", common_name)
  return subject
end

-- Unsigned certificate, valid from yesterday until tomorrow: it is made anew
-- for each process.
local function draft(subject, issuer, key)
  local certificate = x509.new()
  certificate:setVersion(3)
  certificate:setSerial(bignum.fromBinary(rand.bytes(16)))
  certificate:setSubject(subject)
  certificate:setIssuer(issuer)
  certificate:setLifetime(os.time() - DAY, os.time() + DAY)
  certificate:setPublicKey(key)
  return certificate
end

local function authority()
  local key, subject = new_key(), named "bedrock.emulator test authority"
  local certificate = draft(subject, subject, key)
  certificate:setBasicConstraints { CA = true }
  certificate:setBasicConstraintsCritical(true)
  certificate:sign(key)
  return certificate, key
end

-- Certificate for `host` only, or for all names of this machine's loopback.
local function leaf(host, ca, ca_key, expired)
  local key = new_key()
  local certificate = draft(named(host or "localhost"), ca:getSubject(), key)
  local names = altname.new()
  if host then
    names:add("DNS", host)
  else
    names:add("DNS", "localhost")
    names:add("IP", "127.0.0.1")
    names:add("IP", "::1")
  end
  certificate:setSubjectAlt(names)
  certificate:setBasicConstraints { CA = false }
  if expired then
    certificate:setLifetime(os.time() - 3 * DAY, os.time() - 2 * DAY)
  end
  certificate:sign(ca_key)
  return certificate, key
end

-- HTTP/2 if the client offers it and we may, else HTTP/1.1.
local function alpn(_, offered, http2)
  for _, protocol in ipairs(offered) do
    if protocol == "http/1.1" or protocol == "h2" and http2 then
      return protocol
    end
  end
  return nil
end

local function context_of(certificate, key, http2)
  local context = http_tls.new_server_context()
  if http_tls.has_alpn then context:setAlpnSelect(alpn, http2) end
  assert(context:setPrivateKey(key))
  assert(context:setCertificate(certificate))
  return context
end

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then error("cannot read " .. why, 0) end
  local text = file:read "*a"
  file:close()
  return text
end

--- Context from PEM files.
function tls.from_files(certificate, key, http2)
  return context_of(x509.new(read(certificate)), pkey.new(read(key)), http2)
end

--- Context with a certificate of an authority made for the occasion.
-- options: name (the only host the certificate is for), expired, http2.
-- @return context, PEM text of the authority's certificate
function tls.self_made(options)
  local ca, ca_key = authority()
  local certificate, key = leaf(options.name, ca, ca_key, options.expired)
  return context_of(certificate, key, options.http2), ca:toPEM()
end

return tls
