--- Waiting for news of the own request (or timer): something happens in it,
-- all that wait in it are woken, and look.
--
-- When a request is aborted nginx's Lua module ends what its entry thread and
-- its light threads wait for, but not what a plain coroutine waits for (seen
-- in 0.10.23 and in the source of 2026): a sleep, a name look-up or a
-- semaphore then comes back into freed memory and takes the worker down.
-- So every wait here is a light thread's, whoever asks.

local ngx = ngx

local waiting = {}

-- Key of ngx.ctx that no other library has.
local KEY = {}

-- Seconds after which who waits looks anyway: somebody may have put another
-- table in ngx.ctx's place.
local LOOK = 1

-- Lua functions, for a light thread takes no other; without upvalues of a
-- request, whose locals are gone when it is aborted.
local function wait(semaphore, seconds) return semaphore:wait(seconds) end

-- Not 0: stock nginx has no patch for that, and says so in its log.
local function yield() ngx.sleep(0.001) end

local function apart(work, ...)
  return ngx.thread.wait(ngx.thread.spawn(work, ...))
end

-- nginx counts milliseconds, and takes less than one for none.
local function whole(seconds)
  return math.ceil(math.min(seconds or LOOK, LOOK) * 1000) / 1000
end

--- The news of the running request: { semaphore, waiting = how many do,
-- fresh = something happened while nobody waited, asking = replies that are
-- to be read, jobs = how many go on }.
function waiting.news()
  local context = ngx.ctx
  local news = context[KEY]
  if not news then
    news = { semaphore = require "ngx.semaphore".new(), waiting = 0,
      asking = {}, jobs = 0 }
    rawset(context, KEY, news)
  end
  return news
end

--- Say that a reply is to be read by who waits next in this request.
function waiting.ask(reply)
  local asking = waiting.news().asking
  asking[#asking + 1] = reply
end

local NOBODY = {}

--- Take over what is to be read.
-- @return list of replies, and whether it is one, and nothing else goes on
function waiting.asked()
  local news = waiting.news()
  local asking = news.asking
  if not asking[1] then return NOBODY, false end
  news.asking = {}
  return asking, not asking[2] and not asking[1].job and news.jobs == 0
end

--- Wake all who wait for them; from any request.
function waiting.wake(news)
  local count = news.waiting
  news.waiting = 0
  if count > 0 then news.semaphore:post(count) else news.fresh = true end
end

--- Wait for news, at most so many seconds (0: let nginx do what is due).  It
-- may come back early, and for nothing.
function waiting.wait(seconds)
  local news = waiting.news()
  if seconds == 0 then
    apart(yield)
  elseif not news.fresh then
    news.waiting = news.waiting + 1
    local _, woken = apart(wait, news.semaphore, whole(seconds))
    if not woken then news.waiting = math.max(0, news.waiting - 1) end
  end
  news.fresh = false
end

return waiting
