--- One cosocket connection: opened (through a proxy, TLS verified), written,
-- read into a parser, kept or closed; every wait within its deadline.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local trouble = require "bedrock.host.nginx.trouble"
local ngx = ngx

local connection = {}

local Connection = {}
Connection.__index = Connection

-- A read takes what is there, at most this; nginx itself reads
-- lua_socket_buffer_size (a page) at a time.
local READ_SIZE = 65536

-- nginx keeps timeouts in 31 bits of milliseconds; 0 would mean its default.
local function milliseconds(seconds)
  return math.min(math.max(math.ceil(seconds * 1000), 1), 2147483647)
end

-- Give every wait from here on `seconds` (nil: no end), or what is left of
-- the total time if that is less: true | nil, err when nothing is left.
local function arm(self, which, seconds, doing)
  local deadlines = self.deadlines
  local left = deadlines.total and deadlines.total - self.host:clock()
  self.which, self.limit, self.doing = which, deadlines[which], doing
  if left and left < (seconds or math.huge) then
    seconds = left
    self.which, self.limit = "total", deadlines.total_seconds or 0
  end
  if seconds and seconds <= 0 then
    return nil, trouble.timeout(self.which, self.limit, doing)
  end
  local ms = milliseconds(seconds or math.huge)
  self.sock:settimeouts(ms, ms, ms)
  return true
end

-- `nil, err` for what the wait that was armed last ended with.
local function failure(self, message)
  if message == "timeout" then
    return nil, trouble.timeout(self.which, self.limit or 0, self.doing)
  end
  return nil, trouble.transport(message, self.doing)
end

-- receiveany of another nginx request raises ("bad request"): a reply that
-- was kept in a module.  LuaJIT yields across pcall.  A socket that is in use
-- cannot be closed: what was closed meanwhile is closed here.
local function receive(self)
  local sock = self.sock
  self.reading = true
  local ok, bytes, message = pcall(sock.receiveany, sock, READ_SIZE)
  self.reading = false
  if not self.sock then
    pcall(sock.close, sock)
    return nil, "closed meanwhile"
  elseif ok then
    return bytes, message
  end
  return nil, "this reply belongs to another request of nginx"
end

--- What arrives next, into the parser: true | nil, err.
function Connection:pull(parser)
  local armed, err = arm(self, "idle", self.deadlines.idle,
    "reading the response")
  if not armed then return nil, err end
  local bytes, message = receive(self)
  local good, code
  if bytes then
    self.received = true
    good, message, code = parser:feed(bytes)
  elseif message == "closed" and self.received then
    good, message, code = parser:finish()
  else
    return failure(self, message)
  end
  if good then return true end
  return trouble.response(message, code)
end

--- Write a string or a list of strings: true | nil, err.
function Connection:send(data)
  local good, err = arm(self, "idle", self.deadlines.idle,
    "sending the request")
  if not good then return nil, err end
  self.sent = true
  local message
  good, message = self.sock:send(data)
  if good then return true end
  return failure(self, message)
end

--- Close it; idempotent.
function Connection:close()
  local sock = self.sock
  self.sock = nil
  if sock and not self.reading then pcall(sock.close, sock) end
end

--- Put it into its pool; nginx refuses (and then it is closed) when bytes
-- wait in it.
function Connection:keep()
  local seconds = self.host.keepalive
  if self.sock and seconds > 0 and not self.fresh then
    local ok, kept = pcall(self.sock.setkeepalive, self.sock, seconds * 1000)
    if ok and kept then self.sock = nil end
  end
  self:close()
end

-- CONNECT, so that the proxy only carries bytes from here on.
local function tunnel(self, target)
  local peer = ("%s:%d"):format(target.name, target.port)
  local head, message, code = core.http1.request("CONNECT", peer, {
    host = peer, ["proxy-authorization"] = target.proxy.authorization })
  if not head then return errors.failure("config", message, code) end
  local good, err = self:send(head)
  local parser = core.http1.parser { head_only = true }
  while good and not parser:head() do good, err = self:pull(parser) end
  if not good then return nil, err end
  self.sent, self.received = false, false
  local status = parser:head()
  if status >= 200 and status < 300 then return true end
  return nil, errors.new("transport", ("the proxy refused to connect to %s: "
    .. "HTTP %d"):format(peer, status), { code = "ProxyRefused",
    retryable = status >= 500 })
end

-- TLS in what is left of the connect timeout; the name is sent and verified.
local function secure(self, target, left)
  local good, err = arm(self, "connect", left, "speaking TLS with "
    .. target.name)
  if not good then return nil, err end
  -- false: nginx makes no session object, for none is kept.
  local message
  good, message = self.sock:sslhandshake(false, target.name, true)
  if good then return true end
  return failure(self, message)
end

-- nginx bounds a look-up by resolver_timeout alone: the job does it here.
local function connect(self, job, peer, options)
  local limit = self.deadlines[self.which]
  if limit and self.which == "total" then
    job:limit(limit, trouble.timeout("total", self.limit, self.doing))
  elseif limit then
    job:limit(self.host:clock() + limit, trouble.timeout("connect", limit,
      self.doing))
  end
  local good, message = self.sock:connect(peer.address, peer.port, options)
  job:limit(nil)
  return good, message
end

-- TCP, proxy and TLS within one connect timeout: true | nil, err.
local function establish(self, job, target)
  local started, limit = self.host:clock(), self.deadlines.connect
  local peer = target.proxy or target
  local good, err = arm(self, "connect", limit,
    ("connecting to %s:%d"):format(peer.name, peer.port))
  if not good then return nil, err end
  local message
  good, message = connect(self, job, peer,
    { pool = self.fresh and target.pool .. ":fresh" or target.pool,
      pool_size = self.host.pool_size })
  if not good then return failure(self, message) end
  self.reused = (self.sock:getreusedtimes() or 0) > 0
  if self.reused or target.scheme == "http" then return true end
  if target.proxy then
    good, err = tunnel(self, target)
    if not good then return nil, err end
  end
  return secure(self, target, limit and limit + started - self.host:clock())
end

--- A connection to `target` (see target.lua), kept or new.
-- @param job that this goes on in (see job.lua)
-- @param fresh true: a new one, which will not be kept either (nginx can be
--   told so only by another pool, which stays empty)
-- @return connection (.reused; .sent: something was written; .received:
--   something came) | nil, err
function connection.open(host, job, target, deadlines, fresh)
  local ok, sock = pcall(ngx.socket.tcp)
  if not ok then
    return nil, trouble.transport(sock, "opening a connection")
  end
  local self = setmetatable({ host = host, sock = sock,
    deadlines = deadlines, fresh = fresh }, Connection)
  local good, err = establish(self, job, target)
  if good then return self end
  self:close()
  err.sent = false
  return nil, err
end

return connection
