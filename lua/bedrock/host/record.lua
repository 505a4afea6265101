--- A host that writes down what goes through another one.
--
--     local host = record.new(require "bedrock.host.curl".default(),
--                             "spec/talk.rec")
--     local client = bedrock.new { host = host }
--
-- Every exchange goes to the file when it is over (its reply was read to
-- its end, failed, or was closed), the failed ones too: what was sent and
-- answered, in which pieces it was read and when.  Secrets do not: see
-- secrets.lua.  `replay` gives a recording back; recording.lua says what it
-- looks like.  Prompts and answers are written as they are.

local errors = require "bedrock.errors"
local recording = require "bedrock.host.recording"
local secrets = require "bedrock.host.secrets"

local record = {}

local methods = {}

local Reply = { __name = "bedrock.reply" }

-- What the wrapped object has beyond its interface (a loop's descriptors,
-- a duplex's write) goes straight to it.
local function forward(own, inner)
  return function(self, name)
    local value = own[name]
    if value ~= nil then return value end
    value = rawget(self, inner)[name]
    if type(value) ~= "function" then return value end
    local function call(_, ...) return value(rawget(self, inner), ...) end
    rawset(self, name, call)
    return call
  end
end

local Record = { __name = "bedrock.host.record",
                 __index = forward(methods, "inner") }

local reply_methods = {}
Reply.__index = forward(reply_methods, "inner")

local EVENTS = "application/vnd.amazon.eventstream"

-- Without secrets.  They may lie across pieces, so a body in which one was
-- found becomes one piece; event streams hold none, and their checksums
-- would be wrong after a change.
local function clean_pieces(self, exchange)
  local kind = exchange.reply_headers["content-type"] or ""
  if kind:find(EVENTS, 1, true) then return exchange.pieces end
  local all = {}
  for i, piece in ipairs(exchange.pieces) do all[i] = piece.bytes end
  local before = table.concat(all)
  local after = self.remover:body(before, exchange.raw_url, kind, true)
  if after == before then return exchange.pieces end
  return { { at = exchange.pieces[#exchange.pieces].at, bytes = after } }
end

local function write(self, exchange, over)
  if exchange.over then return end
  exchange.over, exchange.over_at = over, self:clock() - exchange.start
  if exchange.status then
    exchange.pieces = clean_pieces(self, exchange)
    exchange.reply_headers = self.remover:headers(exchange.reply_headers)
  end
  exchange.url = self.remover:url(exchange.raw_url)
  self.file:write(recording.write(exchange, function(text)
    return self.remover:text(text)
  end))
  if self.file.flush then self.file:flush() end
end

local function exchange_of(self, request)
  local body = request.body
  local headers = self.remover:headers(request.headers)
  local start = self:clock()
  return {
    start = start, at = math.max(0, start - self.start), pieces = {},
    method = request.method, raw_url = request.url, headers = headers,
    body = type(body) == "string" and self.remover:body(body, request.url,
      headers["content-type"]) or nil,
  }
end

-- Take down what a reading gave; it is the caller's then.
local function note(self, bytes, err)
  local exchange, host = self.exchange, self.record
  if bytes then
    if not exchange.over then
      exchange.pieces[#exchange.pieces + 1] = { bytes = bytes,
        at = host:clock() - exchange.start }
    end
  else
    write(host, exchange, err or "end")
  end
  return bytes, err
end

--- As the wrapped reply's.
function reply_methods:read()
  return note(self, self.inner:read())
end

-- The same, for replies that have it.
local function take(self)
  local bytes, err, all = self.inner:take()
  if bytes == false then return false end
  note(self, bytes, err)
  return bytes, err, all
end

--- As the wrapped reply's.
function reply_methods:close()
  write(self.record, self.exchange, self.exchange.status and "closed"
    or errors.new("closed", "the reply was closed before its head came"))
  return self.inner:close()
end

-- The head is there.
local function note_head(self)
  local exchange, inner = self.exchange, self.inner
  exchange.status = inner.status
  exchange.status_at = self.record:clock() - exchange.start
  exchange.reply_headers = inner.headers
  self.status, self.headers = inner.status, inner.headers
end

-- As the wrapped reply's, for replies that have it.
local function head(self)
  local there, err = self.inner:head()
  if there then
    note_head(self)
  elseif there == nil then
    write(self.record, self.exchange, err)
  end
  return there, err
end

local function wrap(self, exchange, inner, err)
  if not inner then
    write(self, exchange, err)
    return nil, err
  end
  local reply = setmetatable({ inner = inner, record = self,
    exchange = exchange, take = inner.take and take,
    head = inner.head and head }, Reply)
  if inner.status then note_head(reply) end
  return reply
end

--- As the wrapped host's.
function methods:send(request, deadlines)
  local exchange = exchange_of(self, request)
  return wrap(self, exchange, self.inner:send(request, deadlines))
end

-- The same, for hosts that have it.
local function begin(self, request, deadlines)
  local exchange = exchange_of(self, request)
  return wrap(self, exchange, self.inner:begin(request, deadlines))
end

function methods:sleep(seconds) return self.inner:sleep(seconds) end
function methods:now() return self.inner:now() end
function methods:clock() return self.inner:clock() end

local function open(file)
  if type(file) ~= "string" then return file end
  local handle, message = io.open(file, "wb")
  if not handle then
    return errors.failure("config", message, "RecordingUnwritable")
  end
  return handle
end

--- A recording host around another.
-- @param host the host to record
-- @param file path (overwritten), or anything with `:write(text)`
-- @param options nil or a table:
--   remove   list of further header names whose values stay out
-- @return host | nil, err when the file cannot be written.  It has all that
--   the other host has.
function record.new(host, file, options)
  options = options or {}
  local handle, err = open(file)
  if not handle then return nil, err end
  local self = setmetatable({ inner = host, file = handle,
    start = host:clock(), remover = secrets.remover(options.remove),
    begin = host.begin and begin }, Record)
  handle:write(recording.head(host:now()))
  if handle.flush then handle:flush() end
  return self
end

return record
