-- Streams that end badly: exceptions, silence, missing ends.
local fault = require "bedrock.emulator.fault"
local frame = require "bedrock.emulator.frame"

-- Pieces sent before something happens in the middle of a stream.
local MIDDLE = 4
-- Time for the client to read what came before a reset destroys it.
local NOTICE = 0.02
-- A stall without a number outlasts every patience.
local FOREVER = 3600

local entries = {}

-- For scenarios that only streams of events can play.
local function streamed(run)
  return function(x)
    if not x:streams() then return x:play() end
    return run(x)
  end
end

local function after(n, last)
  return streamed(function(x)
    if x:begin() and x:deliver(n) and x:write(last(x)) then
      return x.wire:finish()
    end
  end)
end

local function exception(kind)
  return function() return frame.exception(kind, fault.payload(kind)) end
end

-- emulator.exception-first-throttlingException and so on, for each kind.
local KINDS = { "fancyNewException" } -- one that no model knows
for kind in pairs(fault.in_stream) do KINDS[#KINDS + 1] = kind end
for _, kind in ipairs(KINDS) do
  entries["exception-first-" .. kind] = { kind .. " as the first frame",
    after(0, exception(kind)) }
  entries["exception-mid-" .. kind] = { kind .. " after three words",
    after(MIDDLE, exception(kind)) }
end
entries["exception-first"] = { "throttlingException as the first frame",
  after(0, exception "throttlingException") }
entries["exception-mid"] = { "modelStreamErrorException after three words",
  after(MIDDLE, exception "modelStreamErrorException") }

local function unmodeled()
  return frame.error("InternalFailure", "The stream broke.")
end
entries["error-first"] = { "a frame of :message-type error first",
  after(0, unmodeled) }
entries["error-mid"] = { "a frame of :message-type error after three words",
  after(MIDDLE, unmodeled) }

entries["exception-then-more"] = { "an exception after three words, and the "
  .. "rest of the answer after it", streamed(function(x)
    return x:begin() and x:deliver(MIDDLE)
      and x:write(exception "throttlingException"())
      and x:deliver() and x.wire:finish()
  end) }

-- All pieces at once, for scenarios that must know the end.
local function collect(x)
  local pieces = {}
  for piece in function() return (x:piece()) end do
    pieces[#pieces + 1] = piece
  end
  return pieces
end

-- Everything but the last `n` pieces, then a proper end of the HTTP body.
local function without_last(n)
  return streamed(function(x)
    local pieces = collect(x)
    if not x:begin() then return end
    for i = 1, #pieces - n do
      if not x:write(pieces[i]) then return end
    end
    return x.wire:finish()
  end)
end

entries["eof-without-stop"] = { "a proper end of the body before "
  .. "messageStop", without_last(2) }
entries["eof-without-metadata"] = { "a proper end of the body after "
  .. "messageStop, without metadata", without_last(1) }
entries["eof-at-once"] = { "200, and an empty event stream",
  without_last(math.huge) }
entries["eof-mid-frame"] = { "a proper end of the body in the middle of a "
  .. "frame", streamed(function(x)
    if not (x:begin() and x:deliver(MIDDLE)) then return end
    local piece = x:piece()
    return x:write(piece:sub(1, math.floor(#piece / 2))) and x.wire:finish()
  end) }

local function cut_after(n, take)
  return function(x)
    if not (x:begin() and x:deliver(n)) then return end
    local piece = x:piece() or ""
    x:write(piece:sub(1, take(#piece)))
    return x.wire:cut()
  end
end

entries["cut-mid-frame"] = { "the connection closes in the middle of a frame",
  cut_after(MIDDLE, function(n) return math.floor(n / 2) end) }
entries["cut-mid-prelude"] = { "the connection closes inside a frame's "
  .. "prelude", cut_after(MIDDLE, function() return 7 end) }
entries["cut-between-frames"] = { "the connection closes after three words, "
  .. "between two frames", cut_after(MIDDLE, function() return 0 end) }
entries["cut-before-headers"] = { "the connection closes instead of a reply",
  function(x) return x.wire:cut() end }
entries["missing-last-chunk"] = { "the whole answer, but the connection "
  .. "closes before the last HTTP chunk", function(x)
    return x:begin() and x:deliver() and x.wire:cut()
  end }

entries["reset-before-headers"] = { "the connection is reset instead of a "
  .. "reply", function(x) return x.wire:reset() end }
entries["reset-after-headers"] = { "the connection is reset after the "
  .. "headers", function(x)
    return x:begin() and x:wait(NOTICE) and x.wire:reset()
  end }
entries["reset-mid-stream"] = { "the connection is reset after three words",
  function(x)
    return x:begin() and x:deliver(MIDDLE) and x:wait(NOTICE)
      and x.wire:reset()
  end }

entries["stall-before-headers"] = { "silence instead of a reply, for an hour "
  .. "or NUMBER seconds; then the answer", function(x)
    return x:wait(x.number or FOREVER) and x:play()
  end }
entries["stall-after-headers"] = { "headers, then silence for an hour or "
  .. "NUMBER seconds; then the answer", function(x)
    return x:begin() and x:wait(x.number or FOREVER) and x:deliver()
      and x.wire:finish()
  end }
entries["stall-mid-stream"] = { "three words, then silence for an hour or "
  .. "NUMBER seconds; then the rest", function(x)
    return x:begin() and x:deliver(MIDDLE) and x:wait(x.number or FOREVER)
      and x:deliver() and x.wire:finish()
  end }
entries["slow"] = { "50 (or NUMBER) milliseconds before each word",
  function(x)
    x.delay = (x.number or 50) / 1000
    return x:play()
  end }

entries["drip"] = { "one byte per HTTP chunk (NUMBER milliseconds apart)",
  function(x)
    if not x:begin() then return end
    for piece in function() return (x:piece()) end do
      for i = 1, #piece do
        if x.number and not x:wait(x.number / 1000) then return end
        if not x.wire:write(piece:sub(i, i)) then return end
      end
    end
    return x.wire:finish()
  end }
entries["one-chunk"] = { "the whole answer in one HTTP chunk", function(x)
  return x:begin() and x:write(table.concat(collect(x))) and x.wire:finish()
end }

return entries
