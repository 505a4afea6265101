--- A host that gives back what `record` wrote down, without a network.
--
--     local host = assert(replay.new("spec/talk.rec"))
--     local client = bedrock.new { host = host, region = "us-east-1" }
--
-- Its clock is its own: it stands at the time of the recording and moves
-- with what is replayed and slept, so nothing waits and every run is the
-- same.  With `timing` it takes the time that it took.

local errors = require "bedrock.errors"
local json = require "bedrock.json"
local nearest = require "bedrock.nearest"
local recording = require "bedrock.host.recording"
local secrets = require "bedrock.host.secrets"

local replay = {}

-- `replays`: a client needs no credentials here.
local Replay = { __name = "bedrock.host.replay", replays = true }
Replay.__index = Replay

local Reply = { __name = "bedrock.reply" }
Reply.__index = Reply

-- Where two decoded JSON values differ first: path, a, b; nil if nowhere.
local function difference(a, b, path)
  if type(a) ~= "table" or type(b) ~= "table" then
    if a == b then return nil end
    return path, a, b
  end
  local names = {}
  for name in pairs(a) do names[#names + 1] = name end
  for name in pairs(b) do
    if a[name] == nil then names[#names + 1] = name end
  end
  table.sort(names, function(x, y) return tostring(x) < tostring(y) end)
  for _, name in ipairs(names) do
    local at = type(name) == "number" and ("%s[%d]"):format(path, name)
      or path .. "." .. name
    local where, x, y = difference(a[name], b[name], at)
    if where then return where, x, y end
  end
end

local function told(value)
  local text = value == nil and "nothing" or json.encode(value)
    or tostring(value)
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

local function body_difference(recorded, sent)
  if recorded == sent then return nil end
  local a, b = json.decode(recorded), json.decode(sent)
  if a == nil or b == nil then return "the body differs" end
  local where, x, y = difference(a, b, "body")
  if not where then return nil end
  return ("%s was %s, is %s"):format(where, told(x), told(y))
end

local function path_of(url)
  return (url:gsub("^%a[%w+.-]*://[^/?#]*", ""):gsub("[?#].*$", ""))
end

-- Headers that change what is asked; the others are the transport's and the
-- signature's.
local function asks(name)
  return name == "content-type" or name == "accept"
    or name:find("x-amzn-bedrock-", 1, true) == 1
end

local function header_difference(recorded, sent)
  for name, value in pairs(recorded) do
    if asks(name) and sent[name] ~= value then
      return ("header %s was %s, is %s"):format(name, told(value),
        told(sent[name]))
    end
  end
  for name, value in pairs(sent) do
    if asks(name) and recorded[name] == nil then
      return ("header %s was not there, is %s"):format(name, told(value))
    end
  end
end

-- nil when they are the same request, else how they differ, and how far
-- apart that is (2: the body, 1: the address).
local matches = {}

function matches.strict(exchange, sent)
  if exchange.method ~= sent.method then
    return "the method was " .. exchange.method, 1
  elseif exchange.url ~= sent.url then
    return "the URL was " .. exchange.url, 1
  end
  local what = header_difference(exchange.headers, sent.headers)
    or body_difference(exchange.body or "", sent.body or "")
  return what, 2
end

function matches.loose(exchange, sent)
  if exchange.method ~= sent.method then
    return "the method was " .. exchange.method, 1
  elseif path_of(exchange.url) ~= path_of(sent.url) then
    return "the path was " .. path_of(exchange.url), 1
  end
end

-- The request as the recording would have it.
local function as_recorded(self, request)
  local headers = self.remover:headers(request.headers)
  return {
    method = request.method, url = self.remover:url(request.url),
    headers = headers, body = type(request.body) == "string"
      and self.remover:body(request.body, request.url,
                            headers["content-type"]) or nil,
  }
end

local function mismatch(self, sent, why)
  local left = #self:unused()
  return nil, errors.new("transport", ("the recording has no answer to %s %s "
    .. "(%d exchanges, %d not used)%s"):format(sent.method, sent.url,
    #self.list, left, why and ": " .. why or ""),
    { code = "ReplayMismatch", retryable = false, sent = false })
end

local function find(self, sent)
  local match, near, nearness, spent = matches[self.match], nil, 0, nil
  for _, exchange in ipairs(self.list) do
    local what, distance = match(exchange, sent)
    if not what and not exchange.used then return exchange end
    if not what then
      spent = exchange
    elseif not exchange.used and distance > nearness then
      near, nearness = what, distance
    end
  end
  if spent and self.match == "loose" then return spent end
  return mismatch(self, sent, near or spent and "it was used already")
end

-- It is `seconds` after `start` now.
local function reach(self, start, seconds)
  if not self.host then
    self.time = math.max(self.time, start + seconds)
    return
  end
  local left = start + seconds - self:clock()
  if left > 0 then self.host:sleep(left) end
end

-- A fresh copy: callers add to errors.
local function failure(err)
  return errors.new(err.kind, err.message, err)
end

--- The recorded answer to a request.
-- @return reply | nil, err: the recorded error, or one of kind "transport"
--   with code "ReplayMismatch" that says what differs
function Replay:send(request)
  local exchange, err = find(self, as_recorded(self, request))
  if not exchange then return nil, err end
  exchange.used = true
  local start = self:clock()
  if not exchange.status then
    reach(self, start, exchange.over_at or 0)
    return nil, failure(exchange.over)
  end
  reach(self, start, exchange.status_at)
  local headers = {}
  for name, value in pairs(exchange.reply_headers) do headers[name] = value end
  return setmetatable({ host = self, exchange = exchange, start = start,
    at = 0, status = exchange.status, headers = headers }, Reply)
end

--- The next piece, as it was read.
-- @return bytes | nil at the end | nil, err
function Reply:read()
  if self.closed then
    return nil, errors.new("closed", "the reply was closed")
  end
  local exchange = self.exchange
  self.at = self.at + 1
  local piece = exchange.pieces[self.at]
  if piece then
    reach(self.host, self.start, piece.at)
    return piece.bytes
  end
  if exchange.over_at then reach(self.host, self.start, exchange.over_at) end
  if exchange.over == "end" then return nil end
  if exchange.over == "closed" then
    return nil, errors.new("transport", "the recording ends here: its reader "
      .. "closed the reply", { code = "ReplayEnded" })
  end
  return nil, failure(exchange.over)
end

function Reply:close()
  self.closed = true
end

--- Which exchanges were not asked for?
-- @return list of "METHOD URL"
function Replay:unused()
  local list = {}
  for _, exchange in ipairs(self.list) do
    if not exchange.used then
      list[#list + 1] = exchange.method .. " " .. exchange.url
    end
  end
  return list
end

--- Wait: the clock moves, and nobody waits unless with `timing`.
function Replay:sleep(seconds)
  if self.host then return self.host:sleep(seconds) end
  self.time = self.time + math.max(0, seconds)
end

--- Let others go on; without `timing` nothing is ever under way.
function Replay:wait(seconds)
  if not self.host then
    self.time = self.time + math.max(0, seconds or 0)
  elseif self.host.wait then
    self.host:wait(seconds)
  elseif seconds then
    self.host:sleep(seconds)
  end
end

--- Seconds since the epoch, counted from the start of the recording.
function Replay:now()
  return self.epoch + self:clock() - self.started
end

--- Monotonic seconds.
function Replay:clock()
  return self.host and self.host:clock() or self.time
end

local function read(file)
  if type(file) ~= "string" then return file:read("*a") end
  local handle, message = io.open(file, "rb")
  if not handle then
    return errors.failure("config", message, "RecordingUnreadable")
  end
  local text = handle:read("*a")
  handle:close()
  return text
end

-- Is there a recording?  One without an exchange is what a run leaves that
-- ended before it began.
local function exists(file)
  local text = read(file)
  return text ~= nil and text:find("\n> ", 1, true) ~= nil
end

local OPTIONS = { mode = "string", match = "string", timing = "boolean",
                  host = "any", remove = "table" }
local NAMES = { "mode", "match", "timing", "host", "remove" }
local MODES = { none = true, once = true, all = true }

local function check(options)
  for name, value in pairs(options) do
    local wanted = OPTIONS[name]
    if not wanted then
      local near = nearest.find(tostring(name), NAMES)
      error(("unknown option %q%s"):format(tostring(name),
        near and (", did you mean %q?"):format(near) or ""), 3)
    end
    if wanted ~= "any" and type(value) ~= wanted then
      error(("option %s: expected a %s"):format(name, wanted), 3)
    end
  end
  if not MODES[options.mode or "none"] then
    error('option mode: expected "none", "once" or "all"', 3)
  elseif not matches[options.match or "strict"] then
    error('option match: expected "strict" or "loose"', 3)
  elseif (options.timing or (options.mode or "none") ~= "none")
      and not options.host then
    error("options timing and mode need the option host: one that can wait, "
      .. "and send", 3)
  end
end

--- A host that replays a recording.
-- @param file path, or anything with `:read("*a")`
-- @param options nil or a table:
--   match    "strict" (the default): method, URL, body (as JSON, whatever
--            the order of members) and the headers that change what is
--            asked; each exchange is given once.  "loose": method and path;
--            the last one is given again when all are used up
--   timing   true: everything takes the time it took
--   mode     "none" (the default): never the network.  "once": records if
--            the file is absent or empty.  "all": records anew each time
--   host     the host that records, or whose clock `timing` uses
--   remove   as for `record.new`
-- @return host, with `unused()` beside a host's methods; where it records,
--   a recording host | nil, err when the file cannot be read
function replay.new(file, options)
  options = options or {}
  check(options)
  local mode = options.mode or "none"
  if mode == "all" or mode == "once" and not exists(file) then
    local record = require "bedrock.host.record"
    return record.new(options.host, file, { remove = options.remove })
  end
  local text, err = read(file)
  if not text then return nil, err end
  local list, epoch = recording.read(text)
  if not list then return nil, epoch end
  local self = setmetatable({ list = list, epoch = epoch, time = 0,
    match = options.match or "strict", host = options.timing and options.host,
    remover = secrets.remover(options.remove) }, Replay)
  self.started = self:clock()
  return self
end

return replay
