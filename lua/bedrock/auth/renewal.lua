--- The search for credentials, once for everybody who waits.
--
--     renew --> search (one task, stepped by whoever waits)
--                 ok: the new ones
--                 failed: the old ones while they hold, and a log line;
--                         else nil, err

local errors = require "bedrock.errors"
local task = require "bedrock.task"

local renewal = {}

-- Seconds until the next attempt after one that failed (or gave what has
-- already expired), while there is something to go on with.
local PAUSE = 60

-- A refresh that nobody stepped for so long belonged to somebody who went
-- away; its connection has timed out.
local ABANDONED = 30

-- Ask the provider.  The files are read again from the second time on: a new
-- sign-in may have changed them.
local function resolve(self)
  self.resolved = self.resolved + 1
  if self.resolved > 1 then self.context.settings:reload() end
  local found, err, reason = self:provider():resolve()
  if found then return self:keep(found) end
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

--- Look for new ones.  May wait.
-- @param self a bedrock.auth.credentials
-- @param deadlines as for its `get`
-- @return them, or the old ones while they hold; or nil, err
function renewal.renew(self, deadlines)
  local found, err = search(self, deadlines.total)
  if found then return found end
  if not err then return too_late(deadlines) end
  local now = self.context.now()
  if not self:usable(now) then
    return nil, errors.new(err.kind, err.message, err) -- callers add to it
  end
  self.retry_at = now + PAUSE
  self.context.log("warn", "credentials could not be renewed; the old ones "
    .. "still hold", { error = tostring(err),
    seconds = (self.held.expiration or math.huge) - now })
  return self.held
end

--- What was found has already expired: go on with it for a while.
function renewal.put_off(self, now)
  local held = self.held
  self.retry_at = now + PAUSE
  self.context.log("warn", "the credentials have already expired; is the "
    .. "clock of this machine right?", { seconds = now - held.expiration,
    source = held.source })
end

return renewal
