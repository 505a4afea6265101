--- The life of credentials: found at the first use, renewed before they end,
-- once for everybody who waits.
--
--     get --> fresh? --yes--> them
--               no  --> refresh (one task, stepped by whoever waits)
--                          ok: the new ones
--                          failed: the old ones while they hold, and a log
--                                  line; else nil, err
--
-- One object may serve several clients.  What is kept need not be keys: a
-- token has the same life (bedrock.auth.bearer).

local errors = require "bedrock.errors"
local lazy = require "bedrock.lazy"
local static = require "bedrock.auth.static"
local task = require "bedrock.task"

local chain = lazy "bedrock.auth.chain"

local credentials = {}

-- Seconds before their end that credentials are renewed (JavaScript: 300);
-- those that live shorter than twice that, in the middle of their life.
local MARGIN = 300

-- Seconds until the next attempt after one that failed (or gave what has
-- already expired), while there is something to go on with.
local PAUSE = 60

-- A refresh that nobody stepped for so long belonged to somebody who went
-- away; its connection has timed out.
local ABANDONED = 30

local Credentials = { __name = "bedrock.credentials" }
Credentials.__index = Credentials

local function nothing() end

-- A function of the user's as a provider.
local function from_function(give)
  local provider = { name = "function" }
  function provider:resolve() -- luacheck: ignore 212
    local found, err = give()
    if found then return found end
    return nil, errors.from(err or "the credentials function gave nothing",
      "credentials")
  end
  return provider
end

local function provider_of(context, given)
  if given == nil then return chain.new(context) end
  if type(given) == "function" then return from_function(given) end
  if type(given.resolve) == "function" then return given end
  return static.new(context, given, "option")
end

--- @param given table:
--   host        a host object
--   settings    bedrock.auth.settings; the object makes its own fork
--   credentials  nil: the default chain; a table of keys; a function that
--     returns such a table or nil, err (called again when they end); a
--     provider
--   files       table with read (the settings' own)
--   now         function -> epoch seconds (host:now)
--   random      function -> number in [0, 1)
--   log         function(level, message, fields)
--   mfa_code    function(serial) -> code, for roles with mfa_serial
--   check       function(found) -> a checked copy, or nil, err (static.check)
function credentials.new(given)
  local host = given.host
  local context = { host = host, settings = given.settings:fork(),
    files = given.files or given.settings.files,
    now = given.now or function() return host:now() end,
    random = given.random, log = given.log or nothing,
    mfa_code = given.mfa_code }
  return setmetatable({ context = context, given = given.credentials,
    check = given.check or static.check, resolved = 0 }, Credentials)
end

--- The credentials of a client: the object it was given, or a new one.
-- @param client  host, settings, options.credentials, log, random and
--   clock_offset (seconds that the service's clock is ahead of ours)
function credentials.from_options(client)
  local given = client.options.credentials
  if getmetatable(given) == Credentials then return given end
  return credentials.new { host = client.host, settings = client.settings,
    credentials = given, log = client.log, random = client.random,
    mfa_code = client.options.mfa_code, now = function()
      return client.host:now() + (client.clock_offset or 0)
    end }
end

--- The provider that is asked; made at the first call.
function Credentials:provider()
  if not self.asked then
    self.asked = provider_of(self.context, self.given)
  end
  return self.asked
end

local function left(held, now)
  return held.expiration and held.expiration - now or math.huge
end

-- Need they not be renewed yet?
local function fresh(self, now)
  local held = self.held
  if not held or self.rejected then return false end
  return left(held, now) > self.margin
end

-- Can they be used, though they should be renewed?
local function usable(self, now)
  return self.held ~= nil and not self.rejected
    and (left(self.held, now) > 0 or self.expired_at_once)
end

-- Take new credentials over.
local function keep(self, found)
  local now = self.context.now()
  local life = left(found, now)
  self.held, self.rejected = found, false
  self.margin = math.max(0, math.min(MARGIN, life / 2))
  self.expired_at_once = life <= 0
  if life > 0 then return end
  self.retry_at = now + PAUSE
  self.context.log("warn", "the credentials have already expired; is the "
    .. "clock of this machine right?", { seconds = -life,
    source = found.source })
end

-- Ask the provider.  The files are read again from the second time on: a new
-- sign-in may have changed them.
local function resolve(self)
  self.resolved = self.resolved + 1
  if self.resolved > 1 then self.context.settings:reload() end
  local found, err, reason = self:provider():resolve()
  if found then found, err = self.check(found) end
  if found then
    keep(self, found)
    return found
  end
  return nil, err or errors.new("credentials", reason or "none found")
end

-- The refresh that runs, or a new one.  It belongs to nobody: whoever needs
-- its result steps it, and who goes away leaves it to the others.
local function refresh_of(self)
  local clock = self.context.host:clock()
  local refresh = self.refresh
  if refresh and clock - self.stepped_at > ABANDONED then
    refresh:close()
    refresh = nil
  end
  if not refresh then
    refresh = task.new(resolve, self)
    self.refresh, self.stepped_at = refresh, clock
  end
  return refresh
end

local function earlier(a, b)
  return a and b and math.min(a, b) or a or b
end

-- Until it has ended, or `deadline` has come.
local function drive(self, refresh, deadline)
  local host = self.context.host
  repeat
    local clock = host:clock()
    if deadline and clock >= deadline then return end
    self.stepped_at = clock
    local done = refresh:step()
    if not done then task.pause(host, earlier(refresh.deadline, deadline)) end
  until done or refresh.finished
end

-- Does the refresh, somewhere below us, wait for itself?
local function circular(refresh)
  return refresh.coroutine == coroutine.running()
    or coroutine.status(refresh.coroutine) == "normal"
end

-- What the refresh came to: the one who sees its end first takes it in.
local function outcome(self, refresh)
  if self.refresh == refresh then self.refresh = nil end
  if refresh.taken then return refresh.found, refresh.err end
  refresh.taken = true
  if refresh.raised ~= nil then
    refresh.err = errors.from(refresh.raised, "credentials")
  else
    refresh.found, refresh.err = refresh:result()
  end
  if not refresh.found then
    refresh.err = refresh.err or errors.new("credentials",
      "the search for credentials was given up")
  end
  return refresh.found, refresh.err
end

-- In nginx a task cannot be stepped by another request than its own, so the
-- host does what its requests share.  (LuaJIT yields across pcall.)
local function shared_search(self, host, deadline)
  local ok, found, err = pcall(host.shared_until, host, deadline, self, resolve,
    self)
  if ok then return found, err end
  return nil, errors.from(found, "credentials")
end

-- Look for new ones, together with everybody else who needs them now.
-- @return them; nil, err; nil, nil where `deadline` came before
local search
function search(self, deadline)
  local host = self.context.host
  if host.shared_until then return shared_search(self, host, deadline) end
  local refresh = refresh_of(self)
  if circular(refresh) then
    return nil, errors.new("credentials",
      "the provider of the credentials asks for these same credentials")
  end
  drive(self, refresh, deadline)
  if refresh.finished then return outcome(self, refresh) end
end

local function too_late(deadlines)
  return nil, errors.new("timeout", ("total_timeout of %g s passed while "
    .. "looking for credentials"):format(deadlines.total_seconds or 0),
    { code = "TotalTimeout", seconds = deadlines.total_seconds })
end

local function renew(self, deadlines)
  local found, err = search(self, deadlines.total)
  if found then return found end
  if not err then return too_late(deadlines) end
  local now = self.context.now()
  if not usable(self, now) then
    return nil, errors.new(err.kind, err.message, err) -- callers add to it
  end
  self.retry_at = now + PAUSE
  self.context.log("warn", "credentials could not be renewed; the old ones "
    .. "still hold", { error = tostring(err), seconds = left(self.held, now) })
  return self.held
end

--- The credentials, found or renewed if need be.  May wait; call it inside a
-- task where the host is not to block.
-- @param deadlines as for host:send, of which `total` and `total_seconds`
--   count; nil: none
-- @return { access_key_id, secret_access_key, session_token, expiration,
--   account_id, source }; or nil, err
function Credentials:get(deadlines)
  local now = self.context.now()
  if fresh(self, now) then return self.held end
  if self.retry_at and now < self.retry_at and usable(self, now) then
    return self.held
  end
  return renew(self, deadlines or {})
end

--- The service refused `used`, which a `get` gave, as expired: the next one
-- looks for others, unless that was done since for somebody else.
function Credentials:invalidate(used)
  if used and used == self.held then self.rejected = true end
end

return credentials
