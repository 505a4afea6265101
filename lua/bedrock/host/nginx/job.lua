--- Cosocket calls in a light thread of their own, so that a task is left
-- while they wait, as on every host, and may be given up meanwhile.
--
--     task --start--> [ guard ] --spawn--> [ runner: connect, send, receive ]
--      |                  ^ ended, or closed: then it ends the runner
--      '--wait: left until there is news of the request
--
-- Two threads, because nginx lets only the one that spawned a thread end it,
-- and only its end closes a cosocket that is in use.  The guard's own parent
-- ends at once: a request lasts until each of its threads has ended and was
-- waited for by its parent or has none, and a task that was given up waits
-- for nothing any more.

local ngx = ngx
local task = require "bedrock.task"
local waiting = require "bedrock.host.nginx.waiting"

local job = {}

local Job = {}
Job.__index = Job

-- Longest wait of nginx's semaphores that is asked for at once, in seconds.
local LONG = 60

local function pack(...)
  return { n = select("#", ...), ... }
end

-- LuaJIT yields across pcall.
local function run(self, work, ...)
  self.results = pack(pcall(work, self, ...))
  self.over:post()
end

local function guard(self, work, ...)
  local news = waiting.news()
  news.jobs = news.jobs + 1
  local runner = ngx.thread.spawn(run, self, work, ...)
  while not self.results and not self.closed do self.over:wait(LONG) end
  if not self.results then ngx.thread.kill(runner) end
  self.ended = true
  news.jobs = news.jobs - 1
  waiting.wake(news)
end

local function begin(...)
  ngx.thread.spawn(guard, ...)
end

--- Begin `work(job, ...)`, a function of a module.
-- @return job | nil, message where nginx has no light threads
function job.start(work, ...)
  local self = setmetatable({ over = require "ngx.semaphore".new() }, Job)
  local ok, thread = pcall(ngx.thread.spawn, begin, self, work, ...)
  if not ok then return nil, thread end
  ngx.thread.wait(thread)
  return self
end

--- From the work: it may go on until then, or ends with this error (nil: no
-- limit any more).  For what nginx has no timeout of its own.
-- @param at time of host:clock()
function Job:limit(at, err)
  self.at, self.late = at, err
end

--- Leave the task until the work has ended.
-- @return its results; nil and the error where its limit passed.  What it
--   raised is raised
function Job:wait(host)
  while not self.ended do
    if self.at and host:clock() >= self.at then
      self:close()
      return nil, self.late
    end
    task.pause(host, self.at)
  end
  return self:result()
end

--- What the work returned, once it has ended; what it raised is raised.
function Job:result()
  local results = self.results
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

--- Give it up; the connection that it waits on is closed.  Idempotent.
function Job:close()
  if self.closed or self.results then return end
  self.closed = true
  self.over:post()
end

return job
