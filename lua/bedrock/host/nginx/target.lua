--- Where a request goes: the URL and the proxy taken apart, the name of the
-- pool that its connection may come from.  Pure: no nginx is needed.

local core = require "bedrock.core"
local errors = require "bedrock.errors"

local target = {}

local PORTS = { http = 80, https = 443 }

local function config(message)
  return nil, errors.new("config", message)
end

-- "name", "name:port", "[v6]:port" -> name, port (number | nil); or nil.
local function split(authority)
  local name, port = authority:match "^(%[[%x:.]+%]):?(%d*)$"
  if not name then name, port = authority:match "^([%w%-._]+):?(%d*)$" end
  port = tonumber(port)
  if port and (port < 1 or port > 65535) then return nil end
  return name, port
end

-- The parts every URL here has: scheme, userinfo | nil, authority, path.
local function parts(url)
  local scheme, authority, path = url:match "^(%a+)://([^/?#]*)([^#]*)$"
  if not scheme then return nil end
  local user, rest = authority:match "^(.*)@(.*)$"
  return scheme:lower(), user, rest or authority, path
end

local function basic(user)
  local plain = core.bytes.uri_decode(user)
  return plain and "Basic " .. core.bytes.base64_encode(plain)
end

-- http://[user:password@]host[:port] -> proxy | nil, err
local function read_proxy(url, hosts)
  local scheme, user, authority = parts(url)
  local name, port = split(authority or "")
  if scheme ~= "http" or not name then
    return config "proxy: in nginx it must be http://[user:password@]host:port"
  end
  return {
    address = hosts[name:lower()] or name,
    port = port or PORTS.http,
    name = name,
    authorization = user and basic(user),
  }
end

-- nginx pools connections by host and port alone, and a pooled TLS
-- connection is not verified again: the name it was verified for, and what
-- it went through, must be part of the pool's name.
local function pool_name(t)
  local via = t.proxy
  return table.concat({ "bedrock", t.scheme, t.address, t.port,
    t.scheme == "https" and t.name or "", "verify",
    via and via.address or "", via and via.port or "",
    via and via.authorization or "" }, ":")
end

--- The target of a request.
-- @param request url, proxy, ca_bundle, http_version are looked at
-- @param hosts name = address, where nginx's resolver is not to be asked
-- @return { scheme, name, port, address, authority, path, proxy, pool }
--   | nil, err of kind config
function target.of(request, hosts)
  if request.ca_bundle then
    return config("ca_bundle: nginx trusts what lua_ssl_trusted_certificate "
      .. "names, for all requests of a location; put the file there")
  end
  if request.http_version and request.http_version ~= "1.1" then
    return config "http_version: nginx's cosockets carry HTTP/1.1 only"
  end
  local scheme, user, authority, path = parts(request.url)
  local name, port = split(authority or "")
  if not PORTS[scheme] or user or not name then
    return config("not a URL that can be asked: " .. request.url)
  end
  local t = {
    scheme = scheme, name = name:lower(), authority = authority,
    port = port or PORTS[scheme], path = path,
  }
  if not path:find "^/" then t.path = "/" .. path end
  t.address = hosts[t.name] or t.name
  if request.proxy and request.proxy ~= "" then
    local err
    t.proxy, err = read_proxy(request.proxy, hosts)
    if not t.proxy then return nil, err end
    if scheme == "http" then t.path = "http://" .. authority .. t.path end
  end
  t.pool = pool_name(t)
  return t
end

return target
