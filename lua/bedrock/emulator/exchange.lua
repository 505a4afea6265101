-- One request and its reply: what operations and scenarios work with.
--
-- A reply is prepared first (exchange.reply: status, type, fields, and either
-- a body or a source of events), then played.  Scenarios play it differently:
-- piece by piece, with something broken in between.
local cqueues = require "cqueues"
local rand = require "openssl.rand"
local fault = require "bedrock.emulator.fault"
local frame = require "bedrock.emulator.frame"
local wire = require "bedrock.emulator.wire"

local exchange = {}

-- InvokeModel's limit on a body, and some room for what surrounds it.
local LARGEST_BODY = 25000000 + 1024
local READ_TIMEOUT = 30
-- A unary body is played in pieces of this size by a scenario that wants
-- pieces.
local PIECE = 16

local EVENT_STREAM = "application/vnd.amazon.eventstream"
exchange.EVENT_STREAM = EVENT_STREAM

local methods = {}
local exchange_mt = { __index = methods }

local function uuid()
  local digits = rand.bytes(16):gsub(".", function(c)
    return ("%02x"):format(c:byte())
  end)
  return ("%s-%s-4%s-8%s-%s"):format(digits:sub(1, 8), digits:sub(9, 12),
    digits:sub(14, 16), digits:sub(18, 20), digits:sub(21, 32))
end

-- lua-http's header list -> ours: host under its name, pseudo headers away.
local function copy_headers(headers)
  local out = {}
  for name, value in headers:each() do
    if name == ":authority" then
      out[#out + 1] = { "host", value }
    elseif name:sub(1, 1) ~= ":" then
      out[#out + 1] = { name, value }
    end
  end
  return out
end

-- A proxy is asked with the whole URL in place of the path.
local function split_target(target)
  local path = target:match("^%a+://[^/]*(/.*)$") or target
  local bare, query = path:match("^([^?]*)%??(.*)$")
  return bare, query, path ~= target
end

--- Value of a request header, the last one if there are several | nil.
function methods:header(name)
  local found
  for _, header in ipairs(self.headers) do
    if header[1] == name then found = header[2] end
  end
  return found
end

-- Sleeps until a fifo of an HTTP/2 stream holds something: false if it never
-- will.  lua-http's own waiting would not notice that the client left.
local function await_fifo(link, stream, fifo, signalled, timeout)
  local deadline = cqueues.monotime() + timeout
  while fifo:length() == 0 do
    local left = deadline - cqueues.monotime()
    if link.lost or left <= 0 or stream.state == "closed"
        or stream.state == "half closed (remote)" then
      return false
    end
    cqueues.poll(link.gone, signalled, left)
  end
  return true
end

--- Reads the next chunk of the request's body: bytes | nil at its end |
-- nil, why where it breaks off.
function methods:read_chunk(timeout)
  timeout = timeout or READ_TIMEOUT
  local stream = self.stream
  if self.version ~= 2 then return stream:get_next_chunk(timeout) end
  if await_fifo(self.link, stream, stream.chunk_fifo, stream.chunk_cond,
      timeout) then
    return stream:get_next_chunk(0)
  end
  if stream.state == "half closed (remote)" then return nil end
  return nil, "the client is gone"
end

--- Reads the request's body into self.body, and waits until the replies to
-- earlier requests of the connection are out.
-- @return true | nil, exception name (nil: the client is gone)
function methods:read_body()
  if self:header("expect") == "100-continue" then self.wire:continue() end
  local parts, size = {}, 0
  while size <= 4 * LARGEST_BODY do
    local chunk, why = self:read_chunk()
    if why then return nil end
    if not chunk then break end
    size = size + #chunk
    -- What is too much is still read, or closing would reset the connection
    -- before the client saw the refusal.
    if size <= LARGEST_BODY then parts[#parts + 1] = chunk end
  end
  self.record.body_bytes = size
  self.wire:await_turn()
  if size > LARGEST_BODY then return nil, "RequestEntityTooLargeException" end
  if self.stream.state ~= "half closed (remote)" then return nil end -- cut off
  self.body = table.concat(parts)
  return true
end

--- The emulator's time of day; scenarios may set it wrong.
function methods:now()
  return os.time() + self.clock_offset
end

--- Standard fields of every reply; `extra` (list of { name, value }) joins.
-- A content type of "" stands for none.
function methods:fields(content_type, extra)
  local out = {
    { "Date", os.date("!%a, %d %b %Y %H:%M:%S GMT", self:now()) },
    { "x-amzn-RequestId", self.id },
  }
  if content_type ~= "" then out[3] = { "Content-Type", content_type } end
  for _, field in ipairs(extra or {}) do out[#out + 1] = field end
  return out
end

--- Sends a whole reply.
function methods:send(status, content_type, body, extra)
  return self.wire:head(status, self:fields(content_type, extra), #body, body)
    and self.wire:finish()
end

--- Refuses with one of fault.lua's exceptions.  `options` (optional):
-- fields (extra headers), members (of the body), status.
function methods:refuse(name, message, options)
  options = options or {}
  local extra = { { "x-amzn-ErrorType", fault.type(name) } }
  for _, field in ipairs(options.fields or {}) do extra[#extra + 1] = field end
  return self:send(options.status or fault.status(name), "application/json",
    fault.body(name, message, options.members), extra)
end

--- Sends status line and headers of the prepared reply.  `options`: status,
-- content_type, framing and extra fields where they differ from it.
function methods:begin(options)
  options = options or {}
  local reply = self.reply
  if reply.source then self.server.stats:streaming(self.record) end
  return self.wire:head(options.status or reply.status or 200,
    self:fields(options.content_type or reply.content_type,
      options.fields or reply.fields),
    options.framing or (reply.source and "chunked" or #reply.body))
end

-- Unary bodies in pieces, so that a scenario need not know the difference.
local function body_piece(self)
  local at = self.body_at or 1
  if at > #self.reply.body then return nil end
  self.body_at = at + PIECE
  return self.reply.body:sub(at, at + PIECE - 1)
end

--- Next piece of the reply: a frame, or some bytes of the body; and the name
-- of its event.  nil at the end.
function methods:piece()
  if not self.reply.source then return body_piece(self) end
  local kind, payload = self.reply.source()
  if not kind then return nil end
  return frame.event(kind, payload), kind, payload
end

--- Writes bytes of the body; false once the client is gone.
function methods:write(bytes)
  self.record.events = self.record.events + 1
  return self.wire:write(bytes)
end

local PACED = { contentBlockDelta = true, chunk = true }

--- Writes up to `n` further pieces (all, without n), a pause before each word.
-- @return alive: is the client still there?; ended: was that all?
function methods:deliver(n)
  local sent = 0
  while sent ~= n do
    local piece, kind = self:piece()
    if not piece then return self.wire:alive(), true end
    if PACED[kind] and self.delay > 0 and not self.wire:wait(self.delay) then
      return false
    end
    if not self:write(piece) then return false end
    sent = sent + 1
  end
  return true, false
end

--- Plays the prepared reply as it should be.
function methods:play()
  local reply = self.reply
  if reply.play then return reply.play(self) end
  if reply.source then
    return self:begin() and self:deliver() and self.wire:finish()
  end
  return self:send(reply.status or 200, reply.content_type, reply.body,
    reply.fields)
end

--- Waits, noticing a client that leaves.
function methods:wait(seconds)
  return self.wire:wait(seconds)
end

--- Is the prepared reply a stream of events?
function methods:streams()
  return self.reply ~= nil and self.reply.source ~= nil
end

--- Prepares a reply with a body.
function methods:prepare(body, extra)
  self.reply = { content_type = "application/json", body = body,
    fields = extra }
end

--- Prepares a reply with events: source() gives event type and payload.
function methods:prepare_stream(source, extra)
  self.reply = { content_type = EVENT_STREAM, source = source, fields = extra }
end

local function read_headers(link, stream)
  if link.version == 2 and not await_fifo(link, stream,
      stream.recv_headers_fifo, stream.recv_headers_cond, READ_TIMEOUT) then
    return nil
  end
  return stream:get_headers(READ_TIMEOUT)
end

--- Reads the head of the next request on a stream of a link.
-- @return exchange | nil if there is none to read
function exchange.read(link, stream)
  local headers = read_headers(link, stream)
  local target = headers and headers:get(":path")
  if not target then return nil end
  local path, query, proxied = split_target(target)
  local self = setmetatable({
    server = link.server, link = link, stream = stream, id = uuid(),
    method = headers:get(":method"), target = target, path = path,
    query = query, proxied = proxied, headers = copy_headers(headers),
    version = link.version, secure = link.secure, connection = link.number,
    clock_offset = link.server.clock_offset, delay = link.server.delay,
    wire = wire.new(link, stream), began = cqueues.monotime(),
  }, exchange_mt)
  self.record = link.server.stats:began(self)
  return self
end

return exchange
