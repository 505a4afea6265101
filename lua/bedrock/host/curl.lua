--- The host of scripts, games and event loops: libcurl.
--
-- Implements the host interface (see `bedrock.host`): inside a task its
-- waits leave the task; elsewhere they poll.  For foreign event loops it
-- also tells its descriptor(s), its next timeout, and acts when called:
-- `host:fd()`, `host:sockets()`, `host:timeout()`, `host:wait(0)`.

local curl = require "bedrock.object" "bedrock.curl"
local errors = require "bedrock.errors"
local task = require "bedrock.task"

local host = {}

local Curl = { __name = "bedrock.host.curl" }
Curl.__index = Curl

local Reply = { __name = "bedrock.reply" }
Reply.__index = Reply

--- A new host with connections of its own.  Nothing is opened before the
-- first request.
function host.new()
  return setmetatable({}, Curl)
end

local shared

--- The host of this Lua state that is shared by who has none of his own.
function host.default()
  shared = shared or host.new()
  return shared
end

-- After a fork the connections are the parent's, and the child makes its own;
-- the second result then says so, once.
local function multi(self)
  local held = self.multi
  if held and not held:forked() then return held end
  self.multi = assert(curl.multi())
  return self.multi, held ~= nil
end

-- What is no trouble of the network; a second try would end the same way.
local FINAL = {
  InvalidUrl = "config", UnsupportedProtocol = "config",
  CaBundleUnreadable = "config", InvalidArgument = "validation",
  InvalidHttp = "protocol", LimitExceeded = "protocol",
  Forked = "closed",
  CertificateRejected = "transport", OutOfMemory = "transport",
}

local function transport_error(message, code)
  return errors.new(FINAL[code] or "transport", message, { code = code,
    retryable = FINAL[code] == nil })
end

local TIMEOUT = { connect_timeout = "ConnectTimeout",
  idle_timeout = "IdleTimeout", total_timeout = "TotalTimeout" }

local function timed_out(which, seconds, doing)
  return errors.new("timeout", ("%s of %g s passed while %s"):format(
    which, seconds, doing), { code = TIMEOUT[which], seconds = seconds,
    retryable = which ~= "total_timeout" })
end

-- What ended a transfer whose head had not come.
local function failure_of(self, message, code)
  local connect = self.deadlines.connect
  if code == "ConnectTimeout" and connect then
    return timed_out("connect_timeout", connect, "connecting")
  end
  local err = transport_error(message, code)
  if code == "InvalidHttp" and self.source:reused() then
    -- What an earlier exchange had left on the connection: another one helps.
    err.kind, err.retryable = "transport", true
  end
  return err
end

-- The limit that holds now, as its end, option, seconds and what goes on: of
-- the connecting; of a silence, in which no byte went out or came; of all.
local function limit_now(self)
  local deadlines, since, doing = self.deadlines, self.source:progress()
  local which = doing == "connecting" and "connect" or "idle"
  local seconds = deadlines[which]
  local limit = seconds and since + seconds
  if deadlines.total and deadlines.total <= (limit or math.huge) then
    return deadlines.total, "total_timeout", deadlines.total_seconds or 0,
      doing
  end
  return limit, which .. "_timeout", seconds, doing
end

-- Nothing is there: false; nil and the error once that is not fine any more.
-- But what is there counts, however late somebody looks: so `again` does.
local function check_silence(self, again)
  local limit, which, seconds, doing = limit_now(self)
  if not limit or self.host:clock() < limit then
    self.looked = false
    return false
  elseif not self.looked then
    self.looked = true
    self.host:wait(0)
    return again(self)
  end
  return nil, timed_out(which, seconds, doing)
end

--- Begin a request; never waits.
-- @param request { method, url, headers (name -> value), body (string or
--   nil), proxy, ca_bundle, http_version, fresh (true: not over a connection
--   that was kept) }
-- @param deadlines { connect = seconds, idle = seconds, total = monotonic
--   time, total_seconds = what the user had set }; each may be absent
-- @return reply whose head is to come: see `reply:head()`; or nil, err of
--   kind "config", "validation" or "transport"
function Curl:begin(request, deadlines)
  local transfer, message, code = multi(self):start(request,
    deadlines.connect)
  if not transfer then return nil, transport_error(message, code) end
  local reply = setmetatable({
    host = self, source = transfer, deadlines = deadlines,
    open_ended = request.http_version ~= "2", -- perhaps
    looked = false, -- after the end of a silence
    status = nil, headers = nil, -- nil: room for them
  }, Reply)
  self.multi:wait(0) -- the request goes out now, not at the next poll
  return reply
end

--- Send a request and wait for the head of its reply.
-- @param request, deadlines as for `begin`
-- @return reply: `.status`, `.headers` (lower-case name -> value),
--   `.open_ended` (true: the body ends with its connection alone); or nil
--   and an error of kind "transport", "timeout" or "protocol".  The error's
--   `sent` is false when nothing of the request can have arrived; `stale` is
--   true when a kept connection closed before any reply.
function Curl:send(request, deadlines)
  local reply, err = self:begin(request, deadlines)
  if not reply then return nil, err end
  request = nil -- luacheck: ignore 311 (it is not kept through the wait)
  task.hold(reply)
  local there
  there, err = reply:head()
  while there == false do
    task.pause(self, reply:due(), reply.source)
    there, err = reply:head()
  end
  if there then return reply end
  return nil, err
end

-- The head is there.
local function take_head(self, status)
  local transfer = self.source
  local headers = transfer:headers()
  transfer:release()
  self.status, self.headers = status, headers
  self.open_ended = self.open_ended and not headers["content-length"]
    and not headers["transfer-encoding"]
  return true
end

-- It will not come.
local function no_head(self, err)
  local transfer = self.source
  err.sent = transfer:connected()
  err.stale = transfer:stale() or nil
  self:close()
  return nil, err
end

--- Has the head come?  Never waits.
-- @return true: `status`, `headers` and `open_ended` are there; false: not
--   yet, and `self:due()` says until when that is fine, `self.source` what has
--   to change; nil, err as from `host:send`
function Reply:head()
  local transfer = self.source
  if not transfer then
    return nil, errors.new("closed", "the reply was closed")
  end
  if self.status then return true end
  local status = transfer:status()
  if status then return take_head(self, status) end
  local bytes, message, code = transfer:read()
  if message then
    return no_head(self, failure_of(self, message, code))
  elseif bytes == nil then
    return no_head(self, transport_error("the reply has no head",
      "EmptyReply"))
  end
  local there, err = check_silence(self, Reply.head)
  if err and self.source then return no_head(self, err) end
  return there, err
end

--- Until when it is fine that nothing comes: monotonic seconds, or nil.
function Reply:due()
  return (limit_now(self))
end

--- The next bytes of the body, if they are there; never waits.
-- @param decoder of core.eventstream that may have them instead, or nil; it
--   must have taken what it was fed
-- @return bytes (true: the decoder has them), nil, is that all that is known
--   to be there?; false: none yet, and `self:due()` says until when that is
--   fine, `self.source` what has to change; nil at the clean end; nil, err
function Reply:take(decoder)
  local transfer = self.source
  if not transfer then
    return nil, errors.new("closed", "the reply was closed")
  end
  local bytes, message, code = transfer:read(decoder)
  if bytes then
    return bytes, nil, message
  elseif bytes == false then
    bytes, message = check_silence(self, Reply.take)
    if message then self:close() end
    return bytes, message
  end
  self:close()
  if message then return nil, transport_error(message, code) end
end

--- The next bytes of the body, as they come.
-- @return bytes; nil at the clean end; nil, err
function Reply:read()
  while true do
    local bytes, err = self:take()
    if bytes ~= false then return bytes, err end
    task.pause(self.host, self:due(), self.source)
  end
end

--- End it; a reply that was not read to its end closes its connection.
function Reply:close()
  local transfer = self.source
  self.source = nil
  if transfer then transfer:close() end
end

-- Wake those whose transfers have something new; true if there were any.
local function tell(self, handle)
  local watched, told = self.watched, false
  local id = watched and handle:news()
  while id do
    local watcher = watched[id]
    if watcher then
      told = true
      watcher:wake()
    end
    id = handle:news()
  end
  return told
end

--- Let transfers go on for at most `seconds` (nil: until something happens).
function Curl:wait(seconds)
  local handle, forked = multi(self)
  if forked then return end -- what waits must look first
  -- A request that began since may have let bytes of others in.
  if tell(self, handle) then seconds = 0 end
  handle:wait(seconds)
  tell(self, handle)
end

--- Have `watcher:wake()` called, from `host:wait`, whenever a transfer has
-- something new; whoever waits for many transfers need not look at each then.
-- @param source the `source` of a task that waits
-- @param watcher anything with `wake`
-- @return what `unwatch` takes
function Curl:watch(source, watcher)
  self.watched = self.watched or {}
  local id = source:id()
  self.watched[id] = watcher
  return id
end

--- Forget a watcher.  (After a fork another's may have the same id.)
function Curl:unwatch(id, watcher)
  if self.watched[id] == watcher then self.watched[id] = nil end
end

--- Wait that long, while everything else on this host goes on.
function Curl:sleep(seconds)
  local deadline = self:clock() + seconds
  while self:clock() < deadline do task.pause(self, deadline) end
end

--- Run a command (through /bin/sh), while everything else goes on.
-- @param command a line of shell
-- @param timeout seconds after which it and its children are killed
-- @return stdout, stderr, exit code; or nil, err
function Curl:execute(command, timeout)
  return require "bedrock.host.process"(self, command, timeout)
end

--- Replace a file by one that only its owner can read, in one step.
-- @return true, or nil, the reason
function Curl:write_private(path, text) -- luacheck: ignore 212
  return curl.write_private(path, text)
end

--- Names and versions of libcurl and what it stands on (TLS, HTTP/2).
function Curl:version() -- luacheck: ignore 212
  return curl.version()
end

--- Seconds since the epoch.
function Curl:now()
  return curl.now()
end

--- Seconds from an arbitrary start, never set back.
function Curl:clock()
  return curl.monotonic()
end

--- The descriptor that is readable when `host:wait(0)` has something to do,
-- or nil where the system has none: then watch each of `host:sockets()`.
function Curl:fd()
  return multi(self):fd()
end

--- List of { fd = number, events = "r" | "w" | "rw" }.
function Curl:sockets()
  return multi(self):sockets()
end

--- Seconds until `host:wait(0)` is due at the latest, or nil.
function Curl:timeout()
  return multi(self):timeout()
end

return host
