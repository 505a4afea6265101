-- Writing a reply: the same verbs over HTTP/1.1 and HTTP/2.
--
--   head(status, fields, framing)   write(bytes)   finish()
--   raw(bytes)    bytes as they are, past all framing (HTTP/1.1 only)
--   cut()         the connection ends here, with a farewell
--   reset()       ... without one (RST)
--   wait(seconds) sleeps; false as soon as the client is gone
--
-- HTTP/1.1 is written by hand on the socket: a server that must misbehave
-- byte by byte, and spell headers as AWS does, cannot use polite functions.
-- HTTP/2 goes through lua-http's stream.  Every verb returns true, or false
-- once the client is gone; nothing raises.
local cqueues = require "cqueues"
local new_headers = require("http.headers").new
local reasons = require "http.h1_reason_phrases"
local linger = require "bedrock.emulator.linger"

local wire = {}

-- A client that reads nothing for so long is taken for dead.
local WRITE_TIMEOUT = 300
-- Without a pause between words, others get a turn after so many writes.
local FAIR = 16

local common = {}

--- Is somebody still there to read?
function common:alive()
  return not self.link.lost and not self.over
end

-- Marks the client as gone after a failed write.
local function gone(self)
  self.link.lost = true
  self.link.gone:signal()
  return false
end

--- Lets others run; every FAIR-th call really does.
function common:breathe()
  self.writes = (self.writes or 0) + 1
  if self.writes % FAIR == 0 then cqueues.sleep(0) end
  return self:alive()
end

--- The connection ends without a farewell.
function common:reset()
  if not self:alive() then return false end
  self.over, self.broken, self.link.lost = true, true, true
  linger.reset_on_close(self.link.socket)
  self.link.abort = true
  self.link.wake:signal()
  return true
end

local h1 = setmetatable({}, { __index = common })
local h1_mt = { __index = h1 }

--- Bytes past all framing.
function h1:raw(bytes)
  if not self:alive() then return false end
  local ok = self.link.socket:xwrite(bytes, "n", WRITE_TIMEOUT)
  return ok and true or gone(self)
end

local function h1_head(status, fields)
  local out = { ("HTTP/1.1 %d %s\r\n"):format(status,
    reasons[("%d"):format(status)] or "Unassigned") }
  for i, field in ipairs(fields) do
    out[i + 1] = field[1] .. ": " .. field[2] .. "\r\n"
  end
  return table.concat(out)
end

-- The framing's own lines.  An HTTP/1.0 client knows no chunks.
local function h1_framing(self, framing)
  if framing == "chunked" and self.stream.peer_version == 1.0 then
    framing = "close"
  end
  self.chunked = framing == "chunked"
  if framing == "close" then self.stream.close_when_done = true end
  local closing = self.stream.close_when_done and "Connection: close\r\n"
    or "Connection: keep-alive\r\n"
  if self.chunked then return "Transfer-Encoding: chunked\r\n" .. closing end
  if framing == "close" then return closing end
  return ("Content-Length: %d\r\n"):format(framing) .. closing
end

--- Status line and headers; framing: "chunked", "close" (ends with the
-- connection) or a number of bytes.  `body` (optional) joins the same write.
function h1:head(status, fields, framing, body)
  self.status = status
  return self:raw(h1_head(status, fields) .. h1_framing(self, framing)
    .. "\r\n" .. (body or ""))
end

--- A piece of the body.
function h1:write(bytes)
  if bytes == "" then return self:breathe() end
  if self.chunked then
    bytes = ("%x\r\n"):format(#bytes) .. bytes .. "\r\n"
  end
  return self:raw(bytes) and self:breathe()
end

-- The stream leaves lua-http's pipeline; its connection may serve the next
-- request if this one was read to its end.
local function h1_done(self)
  self.over = true
  if self.stream.state == "half closed (remote)" then
    self.stream:set_state("closed")
  elseif self.stream.state ~= "closed" then
    self.link.closing = true
    self.link.wake:signal()
  end
end

--- The end of the body.  `last` (optional) stands in for the last chunk.
function h1:finish(last)
  if not self:alive() then return false end
  self.completed = not self.chunked or self:raw(last or "0\r\n\r\n")
  h1_done(self)
  return self.completed
end

--- Tells a client that waits for it to send its body.
function h1:continue()
  return self:raw("HTTP/1.1 100 Continue\r\n\r\n")
end

--- Waits until the replies to earlier requests of the connection are out.
function h1:await_turn()
  while self:alive() and self.link.conn.pipeline:peek() ~= self.stream do
    cqueues.poll(self.stream.pipeline_cond, self.link.gone)
  end
end

--- The connection ends here.
function h1:cut()
  if not self:alive() then return false end
  self.over, self.broken = true, true
  self.link.closing = true
  self.link.wake:signal()
  return true
end

--- Sleeps; false as soon as the client is gone.
function h1:wait(seconds)
  if self:alive() then cqueues.poll(self.link.gone, seconds) end
  return self:alive()
end

local h2 = setmetatable({}, { __index = common })
local h2_mt = { __index = h2 }

--- Is somebody still there to read?  A reset stream is a client that left.
function h2:alive()
  return not self.link.lost and not self.over
    and self.stream.state ~= "closed"
end

-- Bytes past all framing do not exist in HTTP/2: the stream is reset.
function h2:raw()
  return self:cut()
end

--- Status and headers; framing only matters where it is a length.
function h2:head(status, fields, framing, body)
  if not self:alive() then return false end
  self.status = status
  local headers = new_headers()
  headers:append(":status", ("%d"):format(status))
  -- Never indexed: lua-http 0.4 writes index 63 of the table wrongly (one
  -- byte, where RFC 7541 5.1 wants two), and our second reply would use it.
  for _, field in ipairs(fields) do
    headers:append(field[1]:lower(), field[2], true)
  end
  if type(framing) == "number" then
    headers:append("content-length", ("%d"):format(framing), true)
  end
  if not self.stream:write_headers(headers, false, WRITE_TIMEOUT) then
    self.over = true
    return false
  end
  return not body or self:write(body)
end

-- How much the client's windows let us send; waits until it is something.
-- lua-http would wait by itself, but would not notice that the client left.
local function await_window(self)
  local stream, conn = self.stream, self.link.conn
  local deadline = cqueues.monotime() + WRITE_TIMEOUT
  while self:alive() do
    local room = math.min(stream.peer_flow_credits, conn.peer_flow_credits)
    if room > 0 then return room end
    local left = deadline - cqueues.monotime()
    if left <= 0 then break end
    cqueues.poll(self.link.gone, stream.peer_flow_credits_change,
      conn.peer_flow_credits_change, stream.chunk_cond, left)
  end
  self.over = true
  return nil
end

local function h2_chunk(self, bytes, last)
  local at = 1
  repeat
    local room = await_window(self)
    if not room then return false end
    local piece = bytes:sub(at, at + room - 1)
    at = at + #piece
    if not self.stream:write_chunk(piece, last and at > #bytes,
        WRITE_TIMEOUT) then
      self.over = true
      return false
    end
  until at > #bytes
  return true
end

--- A piece of the body.
function h2:write(bytes)
  if not self:alive() then return false end
  return (bytes == "" or h2_chunk(self, bytes, false)) and self:breathe()
end

--- The end of the body.
function h2:finish()
  if not self:alive() then return false end
  self.completed = h2_chunk(self, "", true)
  self.over = true
  return self.completed
end

--- Tells a client that waits for it to send its body.
function h2:continue()
  return self.stream:write_continue(WRITE_TIMEOUT)
end

--- In HTTP/2 replies do not wait for each other.
function h2.await_turn() end

--- The connection ends here, without the GOAWAY and RST_STREAM that would
-- make it look intended.
function h2:cut()
  if not self:alive() then return false end
  self.over, self.broken = true, true
  self.link.abort = true
  self.link.wake:signal()
  return true
end

--- Sleeps; false as soon as the client is gone.
function h2:wait(seconds)
  local deadline = cqueues.monotime() + seconds
  repeat
    if not self:alive() then return false end
    cqueues.poll(self.link.gone, self.stream.chunk_cond,
      deadline - cqueues.monotime())
  until cqueues.monotime() >= deadline
  return self:alive()
end

--- Ends a link whose client sent no request that could be read.
function wire.reject(link)
  if link.version ~= 2 and not link.lost then
    link.socket:xwrite("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
      .. "Content-Length: 0\r\n\r\n", "n", 1)
    link.closing = true
    link.wake:signal()
  end
end

--- Writer for a stream of a link (see connection.lua).
function wire.new(link, stream)
  local self = { link = link, stream = stream }
  if link.version == 2 then return setmetatable(self, h2_mt) end
  -- Else lua-http would answer 503 by itself where a scenario breaks off.
  stream.body_write_type = "missing"
  return setmetatable(self, h1_mt)
end

return wire
