--- A second reading of event-stream bytes, for specs: slow, plain, and
-- written apart from the library, so that the two can be held against each
-- other.  Checksums are not checked here.

local frames = {}

local function integer(bytes, at, size)
  local value = 0
  for i = at, at + size - 1 do value = value * 256 + bytes:byte(i) end
  return value
end

-- Headers of the recordings are all strings (type 7).
local function headers(block)
  local list, at = {}, 1
  while at <= #block do
    local size = block:byte(at)
    local name = block:sub(at + 1, at + size)
    at = at + 1 + size
    assert(block:byte(at) == 7, "a header that is no string")
    size = integer(block, at + 1, 2)
    list[name] = block:sub(at + 3, at + 2 + size)
    at = at + 3 + size
  end
  return list
end

--- All messages of a body, in order.
-- @return list of { headers = , payload = }
function frames.read(bytes)
  local list, at = {}, 1
  while at <= #bytes do
    local total, head = integer(bytes, at, 4), integer(bytes, at + 4, 4)
    local first = at + 12
    list[#list + 1] = {
      headers = headers(bytes:sub(first, first + head - 1)),
      payload = bytes:sub(first + head, at + total - 5),
    }
    at = at + total
  end
  return list
end

return frames
