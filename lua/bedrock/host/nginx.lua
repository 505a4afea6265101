--- The nginx host: lua-nginx-module's cosockets (OpenResty, or Debian's
-- nginx with libnginx-mod-http-lua).
--
-- A task is left while it waits, and the worker serves other requests: what
-- it waits for goes on in light threads (job.lua), or is read by whoever
-- waits for the task.  Of the library's C only bedrock.core is loaded;
-- libcurl, which would block the worker, is not.
--
-- What nginx decides, and its directives: where names are looked up
-- (`resolver`, `resolver_timeout`), which certificates are trusted
-- (`lua_ssl_trusted_certificate`, `lua_ssl_verify_depth`).  Each failure
-- that one of them mends says so.
--
-- A reply belongs to the request (or timer) that sent it: nginx closes its
-- connection with the request, so a browser that leaves stops the model
-- where `lua_check_client_abort` is on.

local connection = require "bedrock.host.nginx.connection"
local core = require "bedrock.core"
local errors = require "bedrock.errors"
local job = require "bedrock.host.nginx.job"
local target = require "bedrock.host.nginx.target"
local task = require "bedrock.task"
local trouble = require "bedrock.host.nginx.trouble"
local waiting = require "bedrock.host.nginx.waiting"
local ngx = ngx

local nginx = {}

local Host = { __name = "bedrock.host.nginx" }
Host.__index = Host

local Reply = { __name = "bedrock.reply" }
Reply.__index = Reply

local function give_up(self, err)
  self.err = err
  if self.job then self.job:close() end
  self.connection:close()
  return nil, err
end

-- Read here and now.
local function pull_here(self)
  if self.err then return end
  local _, err = self.connection:pull(self.parser)
  self.pulled, self.problem = true, err
end

local function pull(_, conn, parser)
  return conn:pull(parser)
end

-- Read beside others.
local function pull_apart(self)
  if self.err or self.job then return end
  local message
  self.job, message = job.start(pull, self.connection, self.parser)
  if not self.job then
    self.pulled = true
    self.problem = trouble.transport(message, "reading the response")
  end
end

-- More bytes into the parser: true | nil, err.  Inside a task whoever waits
-- for the task reads (see Host:wait).
local function read_more(self)
  if not task.inside() then return self.connection:pull(self.parser) end
  self.pulled = false
  while not self.pulled and not self.err do
    waiting.ask(self)
    task.pause(self.host)
    if self.job and self.job.ended then
      local work = self.job
      self.job = nil
      return work:result()
    end
  end
  return not self.problem, self.problem
end

-- At the end the connection is free for the next request, and not only when
-- somebody calls close.
local function settle(self)
  if self.settled or not self.parser:done() then return end
  self.settled = true
  if self.parser:keep_alive() then self.connection:keep() end
  self.connection:close()
end

--- Bytes of the body as they arrive.
-- @return bytes | nil at the end | nil, err (and again after an error)
function Reply:read()
  if self.err then return nil, self.err end
  while true do
    local bytes, message, code = self.parser:body()
    settle(self)
    if bytes then return bytes end
    if message then
      return give_up(self, select(2, trouble.response(message, code)))
    end
    if self.settled then return nil end
    local good, err = read_more(self)
    if self.err then return nil, self.err end -- somebody closed it
    if not good then return give_up(self, err) end
  end
end

--- Let go of the connection: closed if the response is not at its end, so
-- that the other side stops.  Idempotent.
function Reply:close()
  if self.settled or self.err then return end
  give_up(self, errors.new("closed", "the reply was closed"))
end

-- Write the request and read the head: true | nil, err.  A refusal may come
-- while the body is still being sent, and says more than a failed write.
local function exchange(reply, head, body)
  local conn = reply.connection
  local sent, err = conn:send { head, body or "" }
  if not sent and err.kind == "timeout" then return nil, err end
  while not reply.parser:head() do
    local good, problem = conn:pull(reply.parser)
    if not good then return nil, sent and problem or err end
  end
  return true
end

-- One try: reply | nil, err.  A kept connection that the other side closed
-- before the first byte is stale: nobody took the request, so a new
-- connection may carry it.
local function attempt(work, self, where, head, body, deadlines, fresh)
  local conn, err = connection.open(self, work, where, deadlines, fresh)
  if not conn then return nil, err end
  local reply = setmetatable({ host = self, connection = conn,
    parser = core.http1.parser() }, Reply)
  local good
  good, err = exchange(reply, head, body)
  if good then
    reply.status, reply.headers = reply.parser:head()
    reply.open_ended = not reply.headers["content-length"]
      and not reply.headers["transfer-encoding"]
    return reply
  end
  conn:close()
  err.sent = conn.sent
  err.stale = conn.reused and not conn.received and err.kind ~= "timeout"
    or nil
  return nil, err
end

-- Do it in a light thread.
local function run(self, ...)
  local work, message = job.start(attempt, self, ...)
  if not work then
    local err = trouble.transport(message, "opening a connection")
    err.sent = false
    return nil, err
  end
  task.hold(work)
  local reply, err = work:wait(self)
  task.hold(reply)
  return reply, err
end

--- Send one request and wait for the head of its response.
-- @param request method, url, headers (lower-case names), body (string or
--   nil), proxy ("http://[user:password@]host:port"), fresh (true: not over
--   a connection that was kept); ca_bundle and HTTP/2 are not nginx's to give
--   and make an error
-- @param deadlines connect and idle in seconds, total as a time of
--   host:clock(), total_seconds as the user had set it; any may be nil
-- @return reply (status, headers, read, close) | nil, err of kind
--   transport, timeout, protocol or config; err.sent is false when nothing
--   of the request can have arrived; err.stale is true when a kept connection
--   closed before any reply
function Host:send(request, deadlines)
  local where, err = target.of(request, self.hosts)
  if not where then return nil, err end
  local headers = {}
  for name, value in pairs(request.headers or {}) do headers[name] = value end
  headers.host = headers.host or where.authority
  if where.proxy and where.scheme == "http" then
    headers["proxy-authorization"] = where.proxy.authorization
  end
  local body = request.body
  local head, message, code = core.http1.request(request.method, where.path,
    headers, body and #body)
  if not head then return errors.failure("config", message, code) end
  return run(self, where, head, body, deadlines or {}, request.fresh)
end

-- Where nginx has cosockets and light threads.
local PHASES = { server_rewrite = true, rewrite = true, access = true,
  content = true, timer = true, preread = true, ssl_cert = true,
  ssl_client_hello = true, ssl_session_fetch = true }

--- Called before every call of a client: raises, and says where calls may be
-- made, in a phase of nginx that cannot wait.
function Host:enter() -- luacheck: ignore 212
  local phase = ngx.get_phase()
  if not PHASES[phase] then error(trouble.phase(phase), 0) end
end

--- Wait for something to happen in this request, at most so many seconds
-- (nil: no matter how long; 0: let nginx do what is due).
-- A reply that is all there is to wait for is read here, which costs nothing
-- more.  Otherwise reading goes on in light threads, whose memory (a KiB a
-- read) nginx keeps until the end of the request.
function Host:wait(seconds) -- luacheck: ignore 212
  local asking, alone = waiting.asked()
  if alone and not seconds then return pull_here(asking[1]) end
  for _, reply in ipairs(asking) do pull_apart(reply) end
  waiting.wait(seconds)
end

--- Have everybody in this request look again.
function Host:wake() -- luacheck: ignore 212
  waiting.wake(waiting.news())
end

--- Wait; other requests are served meanwhile.
function Host:sleep(seconds)
  local deadline = self:clock() + seconds
  while self:clock() < deadline do task.pause(self, deadline) end
end

--- Versions of nginx and its Lua module.
function Host:version() -- luacheck: ignore 212
  local function dotted(number) -- 1022001 is 1.22.1
    return ("%d.%d.%d"):format(number / 1000000, number / 1000 % 1000,
      number % 1000)
  end
  return ("nginx/%s lua-nginx-module/%s"):format(
    dotted(ngx.config.nginx_version), dotted(ngx.config.ngx_lua_version
      or 0))
end

--- Seconds since the epoch with a fraction; not nginx's cached time.
function Host:now()
  ngx.update_time()
  return ngx.now()
end

-- clock_gettime(CLOCK_MONOTONIC) where its number is known, for nginx shows
-- Lua the wall clock only; under a name of our own, since others may have
-- declared the function with another struct.
local function monotonic()
  local number = jit and ({ Linux = 1, OSX = 6, BSD = 4 })[jit.os]
  local ok, ffi = pcall(require, "ffi")
  if not number or not ok then return nil end
  pcall(ffi.cdef, [[
    struct bedrock_time { long seconds; long nanoseconds; };
    int bedrock_clock(int, struct bedrock_time *) __asm__("clock_gettime");
  ]]) -- it is there already where the module is loaded anew
  local time = ffi.new "struct bedrock_time"
  return function()
    ffi.C.bedrock_clock(number, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
  end
end

--- Monotonic seconds.
Host.clock = monotonic() or Host.now

-- Do the work of `flight` and wake all who wait for it.  LuaJIT yields
-- across pcall.
local function fly(premature, self, key, flight, work, ...)
  if premature then
    flight.results = { false, "nginx is shutting down" }
  else
    flight.context = ngx.ctx
    flight.results = { pcall(work, ...) }
  end
  self.flights[key] = nil
  for news in pairs(flight.awaited) do waiting.wake(news) end
end

--- Do `work(...)` once for all requests that ask for `key` meanwhile, apart
-- from each of them: in nginx a coroutine dies with its request and can be
-- resumed by no other, so what requests share (a refresh of credentials) must
-- not run in one of them.  It runs in a timer, and goes on when a browser
-- leaves.
-- @param key any value that names the work
-- @param work a function of a module, with arguments instead of upvalues: the
--   locals of a request are gone when it is aborted.  Its first three results
--   are everybody's, what it raises is raised by everybody
-- @return those results; nil, err where the work waits for itself, or
--   nginx has no timer left (lua_max_running_timers)
function Host:shared(key, work, ...)
  return self:shared_until(nil, key, work, ...)
end

--- The same, for one who waits only until `deadline` (host:clock()).
-- @return as `shared`; nothing where the deadline came before
function Host:shared_until(deadline, key, work, ...)
  local flight = self.flights[key]
  if not flight then
    flight = { awaited = {} }
    local ok, message = ngx.timer.at(0, fly, self, key, flight, work, ...)
    if not ok then
      return nil, trouble.transport(message, "starting a timer")
    end
    self.flights[key] = flight
  elseif flight.context == ngx.ctx then
    return nil, errors.new("config", "shared work waits for itself",
      { code = "Circular" })
  end
  flight.awaited[waiting.news()] = true
  while not flight.results do
    if deadline and self:clock() >= deadline then return end
    task.pause(self, deadline)
  end
  local results = flight.results
  if not results[1] then error(results[2], 0) end
  return results[2], results[3], results[4]
end

--- A host for nginx; it holds no connection itself, so one may serve a
-- whole worker.  Clients in nginx have one of their own accord.
-- @param options nil or a table:
--   keepalive   seconds that an idle connection is kept (60; 0 keeps none)
--   pool_size   kept connections per peer and worker (32)
--   hosts       name = address, asked before nginx's resolver, which does
--               not read /etc/hosts; "localhost" is there already
function nginx.new(options)
  if not ngx then
    error("bedrock.host.nginx works inside nginx's Lua module only", 2)
  end
  options = options or {}
  local hosts = { localhost = "127.0.0.1" }
  for name, address in pairs(options.hosts or {}) do
    local bare = address:find(":", 1, true) and not address:find "^%["
    hosts[name:lower()] = bare and "[" .. address .. "]" or address
  end
  return setmetatable({
    keepalive = options.keepalive or 60,
    pool_size = options.pool_size or 32,
    hosts = hosts, flights = {},
  }, Host)
end

return nginx
