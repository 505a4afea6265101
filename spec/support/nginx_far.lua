-- An nginx for the specs of its host (nginx_hosts.conf): a worker that runs
-- what an example posts to it, and the far side that it talks to.
local cqueues = require "cqueues"
local support = require "spec.support.nginx"

local far = {}

-- An authority, and two names that share a key.
local CERTIFICATES = [[
cd '%s' && exec 2>openssl.log
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -keyout ca.key -out ca.pem -days 2 -subj /CN=spec
openssl req -x509 $new -keyout other.key -out other.pem -days 2 -subj /CN=x
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
for n in one two; do
  openssl req -x509 -key key.pem -CA ca.pem -CAkey ca.key -days 2 \
    -subj /CN=$n.test -addext subjectAltName=DNS:$n.test -out $n.pem
done
]]

-- What every posted piece starts with: a host and a way to ask with it.
local PRELUDE = [[
  local FAR, TLS, DEAD, ALONE = %d, %d, %d, %d
  local host = package.loaded["spec.host"]
  if not host then
    host = require "bedrock.host.nginx".new { hosts = {
      ["one.test"] = "127.0.0.1", ["two.test"] = "127.0.0.1",
      ["evil.test"] = "127.0.0.1" } }
    package.loaded["spec.host"] = host
  end
  local function send(path, body, deadlines, more)
    local request = { method = body and "POST" or "GET", body = body,
      url = path:find "^http" and path or "http://localhost:" .. FAR .. path,
      headers = { ["x-test"] = "yes" } }
    for k, v in pairs(more or {}) do request[k] = v end
    return host:send(request, deadlines)
  end
  local function all(reply)
    local pieces = {}
    while true do
      local bytes, err = reply:read()
      if not bytes then return table.concat(pieces), err end
      pieces[#pieces + 1] = bytes
    end
  end
  local function told(err)
    return table.concat({ err.kind, tostring(err.code),
      tostring(err.retryable), err.message }, "|")
  end
]]

-- Has this machine the address ::1?
local function has_ipv6()
  local list = io.open "/proc/net/if_inet6"
  local text = list and list:read "*a" or ""
  if list then list:close() end
  return text:find(("0"):rep(31) .. "1", 1, true) ~= nil
end

far.has_ipv6 = has_ipv6

local Far = {}
Far.__index = Far

local function read(name)
  local file = assert(io.open(name, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

--- Start both.
function far.start()
  local dir = os.tmpname()
  os.remove(dir)
  os.execute("mkdir " .. dir)
  os.execute(CERTIFICATES:format(dir))
  local run, port, tls, dead, alone = support.ports(5)
  return setmetatable({
    run_port = run, port = port,
    prelude = PRELUDE:format(port, tls, dead, alone),
    server = support.start { dir = dir,
      http = read "spec/support/nginx_hosts.conf",
      values = { RUN = run, FAR = port, TLS = tls, DEAD = dead,
        ALONE = alone, LISTEN6 = has_ipv6()
          and ("listen [::1]:%d;"):format(port) or "" } },
  }, Far)
end

--- End them.
function Far:stop()
  self.server:stop()
end

--- What the code returned, as text; a raised error fails the example.
-- @param where the location that runs it ("/")
function Far:run(code, where)
  local body, status = support.ask(self.run_port, "POST", where or "/",
    self.prelude .. code)
  assert(status == 200, self.server:log():match "spec:[^\n]*")
  return body
end

--- A connection to the worker that runs the code.
-- @param where as above
function Far:begin(code, where)
  return support.request(self.run_port, "POST", where or "/",
    self.prelude .. code)
end

--- What happened at the far side since the last look.
function Far:counts()
  local list = {}
  for name, n in support.ask(self.port, "GET", "/counts")
    :gmatch "(%w+) (%d+)" do
    list[name] = tonumber(n)
  end
  return list
end

--- Does the far side see its client leave?  (How soon is bench/nginx.lua's.)
function Far:is_left()
  local deadline = cqueues.monotime() + 10
  repeat
    if self:counts().left == 1 then return true end
    cqueues.sleep(0.005)
  until cqueues.monotime() > deadline
  return false
end

return far
