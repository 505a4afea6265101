--- Tasks: code that waits, written as straight lines.
--
-- A task is a coroutine that does one piece of work (resolve credentials,
-- send, retry, read).  Where a host must wait it calls `task.wait`, which
-- leaves the task until it is stepped again.  Whoever needs the result
-- drives it: `task.run` waits on the host between two steps, a poller steps
-- once per frame, another task steps it whenever it is stepped itself.
--
--     step --> [ task ] --wait(deadline)--> back to the driver
--
-- Hosts whose waiting never leaves the caller (nginx's cosockets, replay)
-- simply never call `task.wait`.

local task = {}

local Task = {}
Task.__index = Task

local unpack = table.unpack or unpack

-- Which task a coroutine belongs to.  Both weak: in 5.1 a value that refers
-- to its key would keep it for ever.
local tasks = setmetatable({}, { __mode = "kv" })

local function pack(...)
  return { n = select("#", ...), ... }
end

--- A task that will call `work(...)`; nothing runs before its first step.
-- It is finished when `work` returns.
function task.new(work, ...)
  local self = setmetatable({ finished = false, arguments = pack(...),
    coroutine = coroutine.create(work) }, Task)
  tasks[self.coroutine] = self
  return self
end

-- Take in what the coroutine gave back: its deadline or its results.
local function settle(self, ok, ...)
  if self.finished then return true end -- it was closed while it ran
  if coroutine.status(self.coroutine) ~= "dead" then
    self.deadline = ...
    return false
  end
  tasks[self.coroutine] = nil
  self.finished, self.coroutine = true, nil
  self.deadline, self.held = nil, nil
  if ok then self.results = pack(...) else self.raised = (...) end
  return true
end

--- Go on until it must wait or has ended; true when it has ended.
-- `self.deadline` then says until when it wants to wait at most (monotonic
-- seconds, or nil).  An error raised by the work is kept in `self.raised`.
function Task:step()
  if self.finished then return true end
  local arguments = self.arguments
  if not arguments then
    return settle(self, coroutine.resume(self.coroutine))
  end
  self.arguments = nil
  return settle(self, coroutine.resume(self.coroutine,
    unpack(arguments, 1, arguments.n)))
end

--- What the work returned; what it raised is raised here.
function Task:result()
  if self.raised ~= nil then error(self.raised, 0) end
  return unpack(self.results, 1, self.results.n)
end

--- Give the work up: what it held is closed, and it never goes on.
function Task:close()
  if self.finished then return end
  local held = self.held
  if coroutine.status(self.coroutine) == "suspended" then
    tasks[self.coroutine] = nil
  end
  self.finished, self.deadline, self.held = true, nil, nil
  self.results = pack()
  if held then held:close() end
end

local function current()
  local running = coroutine.running()
  return running and tasks[running]
end

--- Is the running code part of a task?
function task.inside()
  return current() ~= nil
end

--- From inside a task: close `resource` if the task is given up while it
-- waits (nil: nothing any more).  Outside a task it does nothing.
-- A task that was given up while it ran (from a callback) ends here.
function task.hold(resource)
  local self = current()
  if not self then return end
  if self.finished and resource then
    resource:close()
    coroutine.yield()
  end
  self.held = resource
end

--- Leave the running task until its driver steps it again.
-- @param deadline monotonic time at which it wants to go on at the latest
function task.wait(deadline)
  coroutine.yield(deadline)
end

--- Wait for something to change, at most until `deadline` (monotonic, or
-- nil): inside a task by leaving it, elsewhere on the host.
-- @param source what has to change, where only one thing can (see
--   `host:watch` of bedrock.host.curl); `self.source` of the task meanwhile
function task.pause(host, deadline, source)
  local self = current()
  if self then
    self.source = source
    coroutine.yield(deadline)
    self.source = nil
    return
  end
  host:wait(deadline and math.max(0, deadline - host:clock()))
end

--- PUC Lua 5.1 cannot leave a coroutine from inside a `for`'s iterator.
task.stuck = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

--- Called by iterators that may wait: raises, where this Lua cannot do that
-- in a coroutine on this host, and names what can.
function task.iterate(host)
  if task.stuck and host.yields and coroutine.running() then
    error("Lua 5.1 cannot wait in the iterator of a `for` inside a "
      .. "coroutine: call stream:next() in a `while` loop instead", 0)
  end
end

--- Do `work(...)` to its end and return its results.  Inside a task it is
-- just called: its waits are the task's.  Otherwise the host waits between
-- two steps (`host:wait(seconds or nil)`).
function task.run(host, work, ...)
  if task.inside() then return work(...) end
  local self = task.new(work, ...)
  while not self:step() do task.pause(host, self.deadline) end
  return self:result()
end

return task
