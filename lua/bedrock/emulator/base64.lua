-- luacheck: std lua54
-- Base64, quick enough for one chunk per word of two hundred streams.
local base64 = {}

local byte = string.byte
local SET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Two digits for every twelve bits, so that three bytes are two look-ups.
local PAIRS = {}
for i = 0, 4095 do
  local high, low = (i >> 6) + 1, (i & 63) + 1
  PAIRS[i] = SET:sub(high, high) .. SET:sub(low, low)
end

local VALUES = {}
for i = 1, #SET do VALUES[byte(SET, i)] = i - 1 end

--- Raw bytes -> base64 text.
function base64.encode(raw)
  local out, n = {}, 0
  local whole = #raw - #raw % 3
  for at = 1, whole, 3 do
    local a, b, c = byte(raw, at, at + 2)
    out[n + 1] = PAIRS[a << 4 | b >> 4]
    out[n + 2] = PAIRS[(b & 15) << 8 | c]
    n = n + 2
  end
  if whole < #raw then
    local a, b = byte(raw, whole + 1, whole + 2)
    out[n + 1] = PAIRS[a << 4 | (b or 0) >> 4]
    out[n + 2] = b and PAIRS[(b & 15) << 8]:sub(1, 1) .. "=" or "=="
  end
  return table.concat(out)
end

--- Base64 text -> raw bytes | nil if it is none.
function base64.decode(text)
  if #text % 4 ~= 0 or not text:find("^[%w+/]*=?=?$") then return nil end
  local out = {}
  for at = 1, #text, 4 do
    local a, b, c, d = byte(text, at, at + 3)
    local bits = VALUES[a] << 18 | VALUES[b] << 12 | (VALUES[c] or 0) << 6
      | (VALUES[d] or 0)
    out[#out + 1] = string.char(bits >> 16, bits >> 8 & 255, bits & 255)
  end
  local raw = table.concat(out)
  return raw:sub(1, #raw - #text:match("=*$"))
end

return base64
