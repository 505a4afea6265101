--- Waiting that a browser may cut short.
--
-- When a request is aborted nginx's Lua module ends what its entry thread and
-- its light threads wait for, but not what a plain coroutine waits for (seen
-- in 0.10.23 and in the source of 2026): a sleep, a name look-up or a
-- semaphore then comes back into freed memory and takes the worker down.
-- The library's tasks are plain coroutines, so these waits are put into light
-- threads here.  A cosocket's reads and writes need no such care: the socket
-- itself dies with its request.

local ngx = ngx

local waiting = {}

-- Lua functions, for a light thread takes no other; without upvalues of a
-- request, whose locals are gone when it is aborted.
local function sleep(seconds) ngx.sleep(seconds) end

local function connect(sock, ...) return sock:connect(...) end

local function wait(semaphore, seconds) return semaphore:wait(seconds) end

local function returned(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

local function apart(work, ...)
  return returned(ngx.thread.wait(ngx.thread.spawn(work, ...)))
end

--- ngx.sleep(seconds)
function waiting.sleep(seconds)
  return apart(sleep, seconds)
end

--- sock:connect(address, port, options)
function waiting.connect(sock, address, port, options)
  return apart(connect, sock, address, port, options)
end

--- semaphore:wait(seconds)
function waiting.wait(semaphore, seconds)
  return apart(wait, semaphore, seconds)
end

return waiting
