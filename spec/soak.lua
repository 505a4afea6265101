--- Many streams, a fifth of them failing in random ways, in one process:
--
--     lua spec/soak.lua [STREAMS [CONCURRENT [SEED]]]        (make soak)
--
-- Every stream must end as it should: cleanly with its whole text, or with
-- the error that its fault stands for and a beginning of the text, its events
-- in order.  Memory and descriptors are looked at ten times, and must stay
-- flat from the first look on.  Exits with 1 if anything was not as it should
-- be.

local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl = require "bedrock.curl"
local curl_host = require "bedrock.host.curl"

local STREAMS = tonumber(arg[1] or 10000)
local CONCURRENT = tonumber(arg[2] or 200)
local SEED = tonumber(arg[3] or os.time())
local FAILING = 0.2
local LOOKS = 10

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local TEXT = "Hello! How can I help you today?"

-- Scenario of the emulator -> code of the error; false: a clean end.
local FAULTS = {
  ["throttle"] = "ThrottlingException",
  ["internal-error"] = "InternalServerException",
  ["unavailable"] = "ServiceUnavailableException",
  ["access-denied"] = "AccessDeniedException",
  ["model-timeout"] = "ModelTimeoutException",
  ["error-html"] = "502",
  ["error-empty"] = "503",
  ["ok-html"] = "UnexpectedContentType",
  ["ok-json"] = "UnknownOperationException",
  ["gzip"] = "UnexpectedContentEncoding",
  ["bad-message-crc"] = "MessageChecksumMismatch",
  ["bad-payload"] = "MessageChecksumMismatch",
  ["bad-prelude-crc"] = "PreludeChecksumMismatch",
  ["huge-frame"] = "LimitExceeded",
  ["short-frame"] = "InvalidFrame",
  ["headers-overrun"] = "InvalidFrame",
  ["unknown-header-type"] = "InvalidHeader",
  ["payload-array"] = "InvalidEvent",
  ["payload-not-json"] = "InvalidEvent",
  ["unknown-message-type"] = "UnknownMessageType",
  ["exception-first"] = "ThrottlingException",
  ["exception-mid-throttlingException"] = "ThrottlingException",
  ["exception-mid-modelStreamErrorException"] = "ModelStreamErrorException",
  ["error-mid"] = "InternalFailure",
  ["eof-at-once"] = "IncompleteStream",
  ["eof-mid-frame"] = "TruncatedFrame",
  ["eof-without-stop"] = "IncompleteStream",
  ["cut-between-frames"] = "Truncated",
  ["cut-mid-frame"] = "Truncated",
  ["missing-last-chunk"] = "Truncated",
  ["content-length-long"] = "Truncated",
  ["reset-mid-stream"] = "ConnectionReset",
  ["reset-after-headers"] = "ConnectionReset",
  ["reset-before-headers"] = "ConnectionReset",
  -- as it is said of a new connection, and of one that was kept
  ["cut-before-headers"] = "EmptyReply or ConnectionReset",
  ["bad-chunk-size"] = "InvalidHttp",
  ["stall-mid-stream"] = "IdleTimeout",
  ["unknown-event"] = false, ["all-header-types"] = false,
  ["until-close"] = false,
}

-- What may follow what: the rank never falls.  Other events are the faults'.
local RANK = { messageStart = 1, contentBlockDelta = 2, contentBlockStop = 3,
  messageStop = 4, metadata = 5 }

local names = {}
for name in pairs(FAULTS) do names[#names + 1] = name end
table.sort(names)
math.randomseed(SEED)

local emulator = assert(child.start())
local host = curl_host.new()

local function client_of(idle_timeout)
  local options = { host = host, max_attempts = 1,
    idle_timeout = idle_timeout }
  for name, value in pairs(emulator.options) do options[name] = value end
  return bedrock.new(options)
end

-- Silence is what is right for one of them only, however busy the machine.
local client, hasty = client_of(120), client_of(3)

local counts = { clean = 0, failed = 0, closed = 0, events = 0 }
local wrong = 0

local function complain(one, message)
  wrong = wrong + 1
  if wrong <= 20 then
    io.stderr:write(("%s: %s\n"):format(one.fault or "clean", message))
  end
end

local function start()
  local one = { text = {}, events = 0, rank = 0 }
  if math.random() < FAILING then
    one.fault = names[math.random(#names)]
  elseif math.random() < 0.05 then
    one.leave_after = math.random(0, 8)
  end
  one.stream = (one.fault == "stall-mid-stream" and hasty or client)
    :converse_stream {
    modelId = one.fault and "emulator." .. one.fault or MODEL,
    messages = { { role = "user", content = { { text = "Hello" } } } } }
  return one
end

local function ended(one, err)
  local text = table.concat(one.text)
  if TEXT:sub(1, #text) ~= text and one.fault ~= "unknown-event" then
    complain(one, "wrong text " .. text)
  end
  local expected = one.fault and FAULTS[one.fault]
  if one.leave_after then
    counts.closed = counts.closed + 1
    if err and err.kind ~= "closed" then complain(one, tostring(err)) end
  elseif expected then
    counts.failed = counts.failed + 1
    if not err or not expected:find("%f[%w]" .. err.code .. "%f[^%w]") then
      complain(one, ("%s expected, %s found"):format(expected,
        tostring(err)))
    end
  else
    counts.clean = counts.clean + 1
    if err then
      complain(one, tostring(err))
    elseif text ~= TEXT then
      complain(one, "a clean end after " .. text)
    end
  end
  if not err and not one.leave_after and one.rank ~= RANK.metadata then
    complain(one, "a clean end before the last event")
  end
  local again, same = one.stream:next()
  if again ~= nil or same ~= err then complain(one, "a second end") end
end

local function note(one, event)
  one.events, counts.events = one.events + 1, counts.events + 1
  local rank = RANK[next(event)] or one.rank
  if rank < one.rank or one.rank == 0 and rank ~= 1 then
    complain(one, next(event) .. " out of order")
  end
  one.rank = rank
  local delta = event.contentBlockDelta
  if delta and delta.delta.text then
    one.text[#one.text + 1] = delta.delta.text
  end
end

-- Take what is there; true once it has ended.
local function step(one)
  while true do
    if one.leave_after and one.events >= one.leave_after then
      one.stream:close()
    end
    local event, err = one.stream:poll()
    if event == false then return false end
    if not event then
      ended(one, err)
      return true
    end
    note(one, event)
  end
end

local function descriptors()
  local pipe = io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l"
  local n = tonumber(pipe:read "*a")
  pipe:close()
  return n
end

local function resident()
  local file = io.open "/proc/self/status"
  if not file then return 0 end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+)") or 0
end

local began, looks = curl.monotonic(), {}

local function look(done)
  collectgarbage()
  collectgarbage()
  local now = { lua = collectgarbage "count", rss = resident(),
    fds = descriptors() }
  looks[#looks + 1] = now
  print(("%7d streams  %6.1f s  Lua %6.0f KiB  RSS %6d KiB  %4d descriptors")
    :format(done, curl.monotonic() - began, now.lua, now.rss, now.fds))
  io.stdout:flush()
end

local started, done = 0, 0
local open = {}
while done < STREAMS do
  while #open < CONCURRENT and started < STREAMS do
    open[#open + 1] = start()
    started = started + 1
  end
  host:wait(0.05)
  for i = #open, 1, -1 do
    if step(open[i]) then
      open[i] = open[#open]
      open[#open] = nil
      done = done + 1
      if done % math.ceil(STREAMS / LOOKS) == 0 then look(done) end
    end
  end
end
look(done)

local first, last = looks[1], looks[#looks]
local flat = last.lua <= first.lua * 1.1 + 200 and last.fds <= first.fds + 10
  and last.rss <= first.rss * 1.05 + 1024
if not flat then print "memory or descriptors have grown" end
print(("%d streams (seed %d): %d clean, %d failed as expected, %d left, "
  .. "%d events; %d wrong"):format(done, SEED, counts.clean, counts.failed,
  counts.closed, counts.events, wrong))
emulator:stop()
os.exit(wrong == 0 and flat)
