-- luacheck: std lua54
-- Frames that are broken, and frames that are unusual but right.
local frame = require "bedrock.emulator.frame"

local MIDDLE = 4
-- Bedrock's limit on a payload; frames above it must be refused or survived.
local LARGEST_PAYLOAD = 24 * 1024 * 1024

local entries = {}

-- Three words, then what `make(x)` gives in place of the next frame, then the
-- rest and a proper end.
local function instead(make)
  return function(x)
    if not x:streams() then return x:play() end
    if not (x:begin() and x:deliver(MIDDLE)) then return end
    return x:write(make(x)) and x:deliver() and x.wire:finish()
  end
end

-- Every frame passes through `change(frame, kind, payload)`.
local function every(change)
  return function(x)
    if not x:streams() then return x:play() end
    if not x:begin() then return end
    for bytes, kind, payload in function() return x:piece() end do
      if not x:write(change(bytes, kind, payload)) then return end
    end
    return x.wire:finish()
  end
end

local function flip(bytes, at)
  return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1)
    .. bytes:sub(at + 1)
end

entries["bad-prelude-crc"] = { "a frame whose prelude checksum is wrong",
  instead(function(x) return flip(x:piece(), 9) end) }
entries["bad-message-crc"] = { "a frame whose message checksum is wrong",
  instead(function(x)
    local bytes = x:piece()
    return flip(bytes, #bytes)
  end) }
entries["bad-payload"] = { "a frame with one flipped bit in its payload",
  instead(function(x)
    local bytes = x:piece()
    return flip(bytes, #bytes - 10)
  end) }

-- A prelude that says what it likes, its checksum right.
local function prelude(total, headers)
  local bytes = string.pack(">I4I4", total, headers)
  return bytes .. string.pack(">I4", frame.crc32(bytes))
end

entries["huge-frame"] = { "a prelude that announces 4 GiB, then silence",
  function(x)
    if not x:streams() then return x:play() end
    return x:begin() and x:deliver(MIDDLE)
      and x:write(prelude(0xFFFFFFFF, 100)) and x:wait(x.number or 3600)
      and x.wire:finish()
  end }
entries["short-frame"] = { "a prelude that announces 15 bytes in all",
  instead(function() return prelude(15, 0) .. "abc" end) }
entries["headers-overrun"] = { "a prelude whose headers are longer than the "
  .. "frame", instead(function() return prelude(64, 60) .. ("x"):rep(52) end) }
entries["oversized-frame"] = { "one right frame with a payload of 24 MiB and "
  .. "one byte (or NUMBER bytes)", instead(function(x)
    local size = x.number and math.tointeger(x.number)
      or LARGEST_PAYLOAD + 1
    local open, close = '{"contentBlockIndex":0,"delta":{"text":"', '"}}'
    return frame.event("contentBlockDelta",
      open .. ("x"):rep(size - #open - #close) .. close)
  end) }

local function payload(text)
  return instead(function() return frame.event("contentBlockDelta", text) end)
end

entries["payload-not-json"] = { "an event whose payload is no JSON",
  payload "}{ this is not JSON" }
entries["payload-array"] = { "an event whose payload is a JSON array",
  payload "[1,2,3]" }
entries["payload-null"] = { "an event whose payload is null", payload "null" }
entries["payload-empty"] = { "an event without a payload", payload "" }

entries["unknown-event"] = { "events that no model knows, among the others",
  instead(function()
    return frame.event("futureEvent", '{"future":{"n":1},"p":"abc"}')
      .. frame.event("otherEvent", "{}")
  end) }
entries["unknown-member"] = { "every event has a member that no model knows",
  every(function(_, kind, text)
    return frame.event(kind, '{"future":{"list":[],"n":null,"o":{}},'
      .. text:sub(2))
  end) }
entries["initial-response"] = { "an initial-response event first, as RPC "
  .. "protocols send", function(x)
    if not x:streams() then return x:play() end
    return x:begin() and x:write(frame.event("initial-response", "{}"))
      and x:deliver() and x.wire:finish()
  end }
entries["no-padding"] = { "events without the padding member p",
  every(function(_, kind, text)
    return frame.event(kind, (text:gsub(',"p":"%w*"', "")
      :gsub('"p":"%w*",', "")))
  end) }

-- A frame of the next event whose headers are the given ones.
local function headed(make)
  return instead(function(x)
    local _, kind, text = x:piece()
    return frame.encode(frame.headers(make(kind)), text)
  end)
end

local TYPE, JSON = ":content-type", "application/json"

entries["all-header-types"] = { "right frames with further headers, one of "
  .. "each of the ten types", every(function(_, kind, text)
    return frame.encode(frame.headers {
      { "yes", true, 0 }, { "no", false, 1 }, { "byte", -1, 2 },
      { "short", -2, 3 }, { "int", -3, 4 }, { "long", math.maxinteger, 5 },
      { "bytes", "\0\1\255", 6 }, { "empty", "", 7 },
      { "time", 1736000000123, 8 }, { "uuid", ("\17"):rep(16), 9 },
      { ":event-type", kind }, { TYPE, JSON }, { ":message-type", "event" },
    }, text)
  end) }
entries["duplicate-event-header"] = { "a frame that has :event-type twice",
  headed(function(kind)
    return { { ":event-type", kind }, { ":event-type", kind },
      { TYPE, JSON }, { ":message-type", "event" } }
  end) }
entries["unknown-header-type"] = { "a frame with a header of type 10",
  headed(function(kind)
    return { { "odd", "\1\2", 10 }, { ":event-type", kind },
      { TYPE, JSON }, { ":message-type", "event" } }
  end) }
entries["unknown-message-type"] = { "a frame of :message-type rumour",
  headed(function(kind)
    return { { ":event-type", kind }, { TYPE, JSON },
      { ":message-type", "rumour" } }
  end) }
entries["missing-message-type"] = { "a frame without :message-type",
  headed(function(kind)
    return { { ":event-type", kind }, { TYPE, JSON } }
  end) }
entries["missing-event-type"] = { "an event without :event-type",
  headed(function()
    return { { TYPE, JSON }, { ":message-type", "event" } }
  end) }
entries["extra-frame"] = { "one more delta after metadata", function(x)
  if not x:streams() then return x:play() end
  return x:begin() and x:deliver()
    and x:write(frame.event("contentBlockDelta",
      '{"contentBlockIndex":0,"delta":{"text":" too late"}}'))
    and x.wire:finish()
end }
entries["garbage-at-end"] = { "twenty bytes that are no frame after metadata",
  function(x)
    if not x:streams() then return x:play() end
    return x:begin() and x:deliver() and x:write(("\255"):rep(20))
      and x.wire:finish()
  end }

return entries
