-- luacheck: std lua54
-- Event-stream frames, written and read with string.pack.
--
--   | total u32 | headers u32 | crc u32 | headers | payload | crc u32 |
--
-- Independent of the C codec on purpose: the two are each other's check.
-- Source: smithy docs/source-2.0/aws/amazon-eventstream.rst.
local frame = {}

local byte, pack, unpack = string.byte, string.pack, string.unpack

-- Slicing by eight: T[k][b] is the checksum of byte b followed by k zeros.
local T = {}
do
  local first = {}
  for i = 0, 255 do
    local c = i
    for _ = 1, 8 do
      c = (c & 1) ~= 0 and (c >> 1) ~ 0xEDB88320 or c >> 1
    end
    first[i] = c
  end
  T[0] = first
  for k = 1, 7 do
    local before, table_k = T[k - 1], {}
    for i = 0, 255 do
      table_k[i] = (before[i] >> 8) ~ first[before[i] & 255]
    end
    T[k] = table_k
  end
end
local T0, T1, T2, T3 = T[0], T[1], T[2], T[3]
local T4, T5, T6, T7 = T[4], T[5], T[6], T[7]

--- CRC-32 (ISO-HDLC, zlib's) of `bytes`, continued from `start` (default 0).
function frame.crc32(bytes, start)
  local c = (start or 0) ~ 0xFFFFFFFF
  local n = #bytes
  local i = 1
  while i + 7 <= n do
    local a, b, d, e, f, g, h, j = byte(bytes, i, i + 7)
    a, b = a ~ (c & 255), b ~ (c >> 8 & 255)
    d, e = d ~ (c >> 16 & 255), e ~ (c >> 24)
    c = T7[a] ~ T6[b] ~ T5[d] ~ T4[e] ~ T3[f] ~ T2[g] ~ T1[h] ~ T0[j]
    i = i + 8
  end
  for k = i, n do
    c = (c >> 8) ~ T0[(c ~ byte(bytes, k)) & 255]
  end
  return c ~ 0xFFFFFFFF
end
local crc32 = frame.crc32

-- Header type numbers and how their values are packed.
local PACKERS = {
  [0] = function() return "" end,
  [1] = function() return "" end,
  [2] = function(v) return pack(">i1", v) end,
  [3] = function(v) return pack(">i2", v) end,
  [4] = function(v) return pack(">i4", v) end,
  [5] = function(v) return pack(">i8", v) end,
  [6] = function(v) return pack(">s2", v) end,
  [7] = function(v) return pack(">s2", v) end,
  [8] = function(v) return pack(">i8", v) end,
  [9] = function(v) return v end,
}

--- Encoded header block of a list of { name, value [, type number] }; the
-- type is 7 (string) unless told.  An unknown type number is written with
-- the value's bytes after it, for a scenario that wants just that.
function frame.headers(list)
  local out = {}
  for i, header in ipairs(list) do
    local kind = header[3] or 7
    local packer = PACKERS[kind] or tostring
    out[i] = pack("s1B", header[1], kind) .. packer(header[2])
  end
  return table.concat(out)
end

--- One frame of an encoded header block and a payload.
function frame.encode(headers, payload)
  local prelude = pack(">I4I4", 16 + #headers + #payload, #headers)
  local body = prelude .. pack(">I4", crc32(prelude)) .. headers .. payload
  return body .. pack(">I4", crc32(body))
end

-- In the order of Bedrock's own frames.
local function block(kind, name_header, name)
  return frame.headers {
    { name_header, name },
    { ":content-type", "application/json" },
    { ":message-type", kind },
  }
end

local events = {} -- event type -> its encoded header block

--- Frame of an event: `type` such as "contentBlockDelta", payload JSON text.
function frame.event(kind, payload)
  local headers = events[kind]
  if not headers then
    headers = block("event", ":event-type", kind)
    events[kind] = headers
  end
  return frame.encode(headers, payload)
end

--- Frame of a modeled exception, `kind` such as "throttlingException".
function frame.exception(kind, payload)
  return frame.encode(block("exception", ":exception-type", kind), payload)
end

--- Frame of an unmodeled error: no payload, everything is in the headers.
function frame.error(code, message)
  return frame.encode(frame.headers {
    { ":error-code", code },
    { ":error-message", message },
    { ":message-type", "error" },
  }, "")
end

local SIZES = { [0] = 0, [1] = 0, [2] = 1, [3] = 2, [4] = 4, [5] = 8,
  [8] = 8, [9] = 16 }
local READERS = { [2] = ">i1", [3] = ">i2", [4] = ">i4", [5] = ">i8",
  [6] = ">s2", [7] = ">s2", [8] = ">i8" }

local function read_value(bytes, kind, at)
  if kind <= 1 then return kind == 0, at end
  if READERS[kind] then return unpack(READERS[kind], bytes, at) end
  assert(SIZES[kind], "unknown header type")
  return bytes:sub(at, at + SIZES[kind] - 1), at + SIZES[kind]
end

local function read_headers(bytes)
  local headers, at = {}, 1
  while at <= #bytes do
    local name, kind, value
    name, kind, at = unpack("s1B", bytes, at)
    value, at = read_value(bytes, kind, at)
    headers[name] = value
  end
  return headers
end

--- Takes one frame off `bytes` at position `at`: headers table, payload, next
-- position, the frame's own bytes | nil (incomplete) | nil, message.
function frame.decode(bytes, at)
  if #bytes - at + 1 < 12 then return nil end
  local total, length, check = unpack(">I4I4I4", bytes, at)
  if crc32(bytes:sub(at, at + 7)) ~= check then
    return nil, "prelude checksum mismatch"
  elseif total < 16 or length > total - 16 then
    return nil, "bad lengths"
  elseif #bytes - at + 1 < total then
    return nil
  end
  local whole = bytes:sub(at, at + total - 1)
  if crc32(whole:sub(1, -5)) ~= unpack(">I4", whole, -4) then
    return nil, "message checksum mismatch"
  end
  local ok, headers = pcall(read_headers, whole:sub(13, 12 + length))
  if not ok then return nil, "bad headers" end
  return headers, whole:sub(13 + length, -5), at + total, whole
end

return frame
