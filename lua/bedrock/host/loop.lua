--- What the hosts of event loops share: libcurl's host, whose waits leave the
-- coroutine that has to wait.
--
--     coroutine --wait--> [ parked ] --act--> goes on
--     loop      watches host:fd(), host:due() seconds at most --> host:act()
--
-- `bedrock.host.luv` is made from it, and a loop of your own is thirty lines
-- more: doc/hosts.md, examples/select.

local curl = require "bedrock.host.curl"

local loop = {}

local Curl = getmetatable(curl.new())

local Loop = setmetatable({ __name = "bedrock.host.loop", yields = true },
  { __index = Curl })
Loop.__index = Loop

local function sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

-- Is anybody there to be woken?
local function is_awaited(self)
  return self.parked[1] ~= nil or self.blocked
end

-- What the loop has to watch may be something else now.
local function changed(self)
  if self.arm and not self.acting then self:arm() end
end

--- A new host; its loop watches `host:fd()` (or `host:sockets()`), waits for
-- at most `host:due()` seconds, and calls `host:act()`.
-- @param class methods, of which `arm(host)` is called when `host:due()` may
--   have become less, and `block(host, seconds)` when somebody waits outside
--   of coroutines; both may be absent: who asks `due` each time needs no
--   `arm`, and without `block` the process waits
function loop.new(class)
  local self = setmetatable({ parked = {}, spawned = setmetatable({},
    { __mode = "k" }) }, Loop)
  for name, method in pairs(class or {}) do self[name] = method end
  return self
end

--- Seconds until `act` is due at the latest; nil: not before a descriptor
-- is ready, or nobody waits.
function Loop:due()
  if not is_awaited(self) then return nil end
  if self.stale then return 0 end
  local left = self.deadline and math.max(0, self.deadline - self:clock())
  return sooner(self:timeout(), left)
end

--- Does anybody wait?  A loop with nothing else to do may end when not.
function Loop:awaited()
  return is_awaited(self) and true or false
end

-- Let a coroutine go on; what it raises goes to its `done`, or is returned.
local function resume(self, running, ...)
  local ok, raised = coroutine.resume(running, ...)
  if ok then return nil end
  local done = self.spawned[running]
  self.spawned[running] = nil
  if not done then return raised or "an error without a message" end
  ok, raised = coroutine.resume(coroutine.create(done), nil, raised)
  if not ok then return raised end
end

-- All that are parked look again; the first error of theirs.
local function wake_all(self)
  local list, failure = self.parked, nil
  self.parked = {}
  for i = 1, #list do
    local running = list[i][1]
    if running and coroutine.status(running) == "suspended" then
      local raised = resume(self, running)
      failure = failure or raised
    end
  end
  return failure
end

--- Let transfers go on and wake who waits.  Called by the loop; an error
-- that nobody else takes is raised, after all have been woken.
function Loop:act()
  if self.acting then return end
  self.acting, self.stale, self.deadline = true, false, nil
  self.acts = (self.acts or 0) + 1
  Curl.wait(self, 0)
  local failure = wake_all(self)
  self.acting = false
  changed(self)
  if failure then error(failure, 0) end
end

--- Have everybody look again soon, though nothing may have arrived.
function Loop:wake()
  self.stale = true
  changed(self)
end

-- Until when somebody wants to wait at most.
local function note_deadline(self, seconds)
  if not seconds then return end
  self.deadline = sooner(self.deadline, self:clock() + seconds)
end

-- Leave the coroutine until `act`; whoever else resumes it does no harm.
local function park(self, running, seconds)
  local entry = { running }
  self.parked[#self.parked + 1] = entry
  note_deadline(self, seconds)
  changed(self)
  coroutine.yield()
  entry[1] = nil
end

--- Let transfers go on for at most `seconds` (nil: until something happens):
-- a coroutine is left meanwhile, outside of one the loop runs.
function Loop:wait(seconds)
  if seconds == 0 then
    Curl.wait(self, 0)
    return self:wake() -- what came may be for others
  end
  local running, main = coroutine.running()
  if running and not main then return park(self, running, seconds) end
  if not self.block then return Curl.wait(self, seconds) end
  self:block(seconds)
end

--- For `block`: `run(host, seconds)` is to run the loop until `act` was
-- called once, or for as long.
function Loop:attend(run, seconds)
  self.blocked = true
  note_deadline(self, seconds)
  changed(self)
  run(self, seconds)
  self.blocked = false
  changed(self)
end

--- As libcurl's host.  The first step of a request lets all transfers go on,
-- so that others may have something to look at.
function Loop:begin(request, deadlines)
  self:wake()
  return Curl.begin(self, request, deadlines)
end

-- Inside the coroutine: hand its results on.
local function finish(self, running, done, ...)
  self.spawned[running] = nil
  if done then done(...) end
end

--- Run `work()` in a coroutine of its own, at once until it first waits.
-- @param work function
-- @param done called with what it returned; with nil and the error if it
--   raised.  Without it an error is raised from where the loop called.
-- @return the coroutine
function Loop:spawn(work, done)
  local running
  running = coroutine.create(function()
    return finish(self, running, done, work())
  end)
  self.spawned[running] = done
  local raised = resume(self, running)
  if raised then error(raised, 0) end
  return running
end

return loop
