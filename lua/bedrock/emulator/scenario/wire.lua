-- luacheck: std lua54
-- HTTP itself: framing, headers, connections.  Bytes that HTTP/2 cannot say
-- reset its stream instead.
local frame = require "bedrock.emulator.frame"

local entries = {}

-- The whole body of a reply, streamed or not.
local function whole(x)
  local pieces = {}
  for piece in function() return (x:piece()) end do
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

-- Head and body by hand; what comes after is lost with the connection.
local function by_hand(x, lines, body)
  local head = { "HTTP/1.1 200 OK\r\n" }
  for _, field in ipairs(x:fields(x.reply.content_type, x.reply.fields)) do
    head[#head + 1] = field[1] .. ": " .. field[2] .. "\r\n"
  end
  x.wire.status = 200
  if x:streams() then x.server.stats:streaming(x.record) end
  return x.wire:raw(table.concat(head) .. lines
    .. "Connection: close\r\n\r\n" .. body) and x.wire:cut()
end

local function length_off(by)
  return function(x)
    local body = whole(x)
    return x:begin { framing = #body + by } and x:write(body) and x.wire:cut()
  end
end

entries["content-length-long"] = { "Content-Length promises ten bytes more "
  .. "than come", length_off(10) }
entries["content-length-short"] = { "Content-Length promises ten bytes less "
  .. "than come", length_off(-10) }
entries["content-length"] = { "a right reply with Content-Length instead of "
  .. "chunks", function(x)
    local body = whole(x)
    return x:begin { framing = #body } and x:write(body) and x.wire:finish()
  end }
entries["until-close"] = { "a right reply that ends with the connection",
  function(x)
    return x:begin { framing = "close" } and x:deliver() and x.wire:finish()
  end }
entries["both-lengths"] = { "Content-Length and Transfer-Encoding at once",
  function(x)
    local body = whole(x)
    return by_hand(x, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      ("%x\r\n%s\r\n0\r\n\r\n"):format(#body, body))
  end }
entries["bad-chunk-size"] = { "a chunk whose size is no number", function(x)
  return by_hand(x, "Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n")
end }
entries["huge-chunk-size"] = { "a chunk whose size needs 80 bits",
  function(x)
    return by_hand(x, "Transfer-Encoding: chunked\r\n",
      "fffffffffffffffffff0\r\nabc")
  end }
entries["chunk-extensions"] = { "a right reply whose chunks carry extensions",
  function(x)
    local body = whole(x)
    local half = #body // 2
    return by_hand(x, "Transfer-Encoding: chunked\r\n",
      ("%X;a=b;c=\"d e\"\r\n%s\r\n00%x;x\r\n%s\r\n000;last\r\n\r\n"):format(
        half, body:sub(1, half), #body - half, body:sub(half + 1)))
  end }
entries["trailers"] = { "a right reply with trailers after the last chunk",
  function(x)
    return x:begin() and x:deliver()
      and x.wire:finish("0\r\nX-Trailer: yes\r\n\r\n")
  end }
entries["bytes-after-end"] = { "a right reply, and garbage behind its end "
  .. "before the connection could be used again", function(x)
    return x:begin { framing = "chunked" } and x:deliver()
      and x.wire:finish("0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le")
  end }

entries["bad-status-line"] = { "a status line that is none", function(x)
  return x.wire:raw("ICY 200 whatever\r\n\r\n") and x.wire:cut()
end }
entries["interim"] = { "100 Continue and 103 Early Hints before the reply",
  function(x)
    if x.version == 2 then return x:play() end
    return x.wire:raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints"
      .. "\r\nLink: </style.css>\r\n\r\n") and x:play()
  end }
entries["endless-headers"] = { "header lines that do not end", function(x)
  if not x.wire:raw("HTTP/1.1 200 OK\r\n") then return end
  for i = 1, 65536 do -- 256 MiB, then even this ends
    local line = ("X-Filler-%d: %s\r\n"):format(i, ("x"):rep(4080))
    if not (x.wire:raw(line) and x.wire:breathe()) then return end
  end
  return x.wire:cut()
end }
entries["endless-header-line"] = { "one header line that does not end",
  function(x)
    local filler = ("x"):rep(4096)
    if not x.wire:raw("HTTP/1.1 200 OK\r\nX-Filler: ") then return end
    for _ = 1, 65536 do
      if not (x.wire:raw(filler) and x.wire:breathe()) then return end
    end
    return x.wire:cut()
  end }
entries["duplicate-http-header"] = { "x-amzn-RequestId and Content-Type "
  .. "twice, the same both times", function(x)
    local fields = { { "x-amzn-RequestId", x.id },
      { "Content-Type", x.reply.content_type } }
    return x:begin { fields = fields } and x:deliver() and x.wire:finish()
  end }
entries["odd-headers"] = { "header names in capitals, values without or "
  .. "among blanks", function(x)
    if x.version == 2 then return x:play() end
    local body = whole(x)
    if x:streams() then x.server.stats:streaming(x.record) end
    x.wire.status = 200
    return x.wire:raw(("HTTP/1.1 200 \r\nCONTENT-TYPE:%s\r\n"
      .. "X-AMZN-REQUESTID: \t %s \t\r\ncontent-length:  %d\r\n"
      .. "connection:close\r\n\r\n%s")
      :format(x.reply.content_type, x.id, #body, body)) and x.wire:cut()
  end }
entries["no-content-type"] = { "a right reply without Content-Type",
  function(x)
    return x:begin { content_type = "" } and x:deliver() and x.wire:finish()
  end }
entries["content-type-parameters"] = { "a right reply whose Content-Type has "
  .. "parameters and capitals", function(x)
    return x:begin { content_type = x.reply.content_type:upper()
      .. "; charset=utf-8" } and x:deliver() and x.wire:finish()
  end }

-- A gzip member with one stored block per 65,535 bytes: no compression, but
-- every reader of gzip must take it.
local function gzip(bytes)
  local out = { "\31\139\8\0\0\0\0\0\0\255" }
  for at = 1, #bytes, 65535 do
    local part = bytes:sub(at, at + 65534)
    local last = at + 65535 > #bytes and 1 or 0
    out[#out + 1] = string.pack("<BI2I2", last, #part, #part ~ 0xFFFF) .. part
  end
  out[#out + 1] = string.pack("<I4I4", frame.crc32(bytes), #bytes)
  return table.concat(out)
end

entries["gzip"] = { "a reply with Content-Encoding: gzip, which nobody asked "
  .. "for", function(x)
    local body = gzip(whole(x))
    return x:begin { framing = #body,
      fields = { { "Content-Encoding", "gzip" } } } and x:write(body)
      and x.wire:finish()
  end }

entries["connection-close"] = { "a right reply with Connection: close",
  function(x)
    x.stream.close_when_done = true
    return x:play()
  end }
entries["close-after-reply"] = { "a right reply that keeps the connection, "
  .. "which is closed all the same", function(x)
    local ok = x:play()
    x.link.closing = true
    x.link.wake:signal()
    return ok
  end }

return entries
