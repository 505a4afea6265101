-- Debian's nginx with its Lua module, started for a spec: own prefix, own
-- ports on loopback, one worker.
local support = {}

local MODULES = {
  "/usr/lib/nginx/modules/ndk_http_module.so",
  "/usr/lib/nginx/modules/ngx_http_lua_module.so",
}

local PATH = "@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;"
  .. "@ROOT@/examples/nginx/?.lua"

local function exists(name)
  local file = io.open(name)
  return file and file:close() and true
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function write(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

local function socket()
  return require "cqueues.socket"
end

--- Why a spec cannot run here, or nil.  The worker runs LuaJIT, so the
-- library's objects for Lua 5.1 must have been built.
function support.missing()
  for _, name in ipairs(MODULES) do
    if not exists(name) then return "no nginx with Lua here" end
  end
  if not exists "build/5.1/bedrock/core.so" then
    return "not built for LuaJIT (make LUA=luajit)"
  end
  if not pcall(socket) then return "no lua-cqueues here" end
end

--- That many free ports of loopback, each another: all are held until the
-- last is known.
function support.ports(count)
  local listeners, ports = {}, {}
  for i = 1, count do
    listeners[i] = socket().listen { host = "127.0.0.1", port = 0 }
    local _, _, port = listeners[i]:localname()
    ports[i] = port
  end
  for i = 1, count do listeners[i]:close() end
  return (table.unpack or unpack)(ports)
end

--- One.
function support.port()
  return support.ports(1)
end

local CONF = [[
@MODULES@
pid @DIR@/pid;
error_log @DIR@/error.log info;
worker_processes 1;
@MAIN@
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  client_body_buffer_size 1m;
  lua_package_path "@PATH@;;";
  lua_package_cpath "@ROOT@/build/5.1/?.so;;";
@HTTP@
}
]]

local Server = {}
Server.__index = Server

--- A server with these directives; "@NAME@" in them stands for
-- values.NAME, @DIR@ for its folder, @ROOT@ for the checkout's.
-- @param options { main = , http = , values = , dir = }
function support.start(options)
  local self = setmetatable({}, Server)
  self.dir = options.dir or output "mktemp -d"
  local values = { DIR = self.dir, ROOT = output "pwd", PATH = PATH,
    MAIN = options.main or "", HTTP = options.http, MODULES = "" }
  for _, name in ipairs(MODULES) do
    values.MODULES = values.MODULES .. "load_module " .. name .. ";\n"
  end
  for name, value in pairs(options.values or {}) do values[name] = value end
  local text = CONF
  local n
  repeat
    text, n = text:gsub("@(%u[%u%d]*)@", values)
  until n == 0
  write(self.dir .. "/nginx.conf", text)
  local said = output(("nginx -p %s -e %s/error.log -c %s/nginx.conf 2>&1")
    :format(self.dir, self.dir, self.dir))
  local file = assert(io.open(self.dir .. "/pid"), said)
  self.pid = file:read("*n")
  file:close()
  return self
end

--- Its error log so far.
function Server:log()
  local file = assert(io.open(self.dir .. "/error.log"))
  local text = file:read("*a")
  file:close()
  return text
end

--- End it and remove its folder.
function Server:stop()
  output(("kill %d; while kill -0 %d 2>/dev/null; do sleep 0.02; done")
    :format(self.pid, self.pid))
  output("rm -rf " .. self.dir)
end

--- A connection to a port of loopback, with a request on its way.
function support.request(port, method, path, body)
  local sock = socket().connect { host = "127.0.0.1", port = port }
  sock:setmode("bn", "bn")
  sock:settimeout(20)
  body = body or ""
  sock:xwrite(("%s %s HTTP/1.1\r\nhost: localhost\r\n"
    .. "connection: close\r\ncontent-length: %d\r\n\r\n%s")
    :format(method, path, #body, body))
  sock:flush()
  return sock
end

--- The whole answer to a request: body, status, headers.
function support.ask(port, method, path, body)
  local parser = require("bedrock.core").http1.parser()
  local sock = support.request(port, method, path, body)
  local pieces = {}
  repeat
    local bytes = sock:xread(-65536)
    assert(bytes and parser:feed(bytes) or parser:finish())
    repeat
      local piece = parser:body()
      pieces[#pieces + 1] = piece
    until not piece
  until parser:done()
  sock:close()
  local status, headers = parser:head()
  return table.concat(pieces), status, headers
end

return support
