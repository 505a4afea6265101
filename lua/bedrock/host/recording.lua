--- The file that `record` writes and `replay` reads: exchanges as text.
--
--     bedrock-recording 1
--     at 1767225600.123456           epoch seconds that "@" counts from
--
--     > POST https://host/path @0.000104            a request, and when
--     > content-type: application/json              its headers
--     | {"messages":[]}                             its body, as text
--     < 200 @0.312000                               the reply's head
--     < content-type: application/vnd.amazon.eventstream
--     . @0.402100                                   a piece that was read
--     # contentBlockDelta {"delta":{"text":"Hi"}}
--     = AAAAjQAAAFRh...                             its bytes, as base64
--     . @0.455310 end                               and the clean end
--
-- The last line may be `closed` for `end` (the reader closed it early), or
-- `! @0.4 {"kind":"timeout",...}`, an error.  A body is written as lines of
-- text ("|") where it is printable UTF-8, else as base64 ("="); lines of a
-- body are joined by newlines.  "#" begins a remark; empty lines and remarks
-- count for nothing.  Times of an exchange count from its request.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local json = require "bedrock.json"

local recording = {}

local MAGIC = "bedrock-recording 1"

-- Length of base64 lines (RFC 2045's).
local LINE = 76

-- Readable bytes of a remark on a piece that is not text.
local REMARK = 400

local function printable(text)
  return not text:find("[%z\1-\8\11-\31\127]") and json.encode(text) ~= nil
end

local function put_base64(out, bytes)
  local text = assert(core.bytes.base64_encode(bytes))
  for at = 1, #text, LINE do
    out[#out + 1] = "= " .. text:sub(at, at + LINE - 1)
  end
end

-- What a person may read of bytes that are no text: runs of four and more.
local function remark(bytes)
  local runs, size = {}, 0
  for run in bytes:gmatch "[ -~][ -~][ -~][ -~]+" do
    runs[#runs + 1] = run
    size = size + #run
    if size > REMARK then break end
  end
  if not runs[1] then return nil end
  return "# " .. table.concat(runs, " "):sub(1, REMARK)
end

local function put_bytes(out, bytes, tidy)
  if bytes == "" then return end
  if printable(bytes) then
    for line in (bytes .. "\n"):gmatch "(.-)\n" do
      out[#out + 1] = "| " .. line
    end
  else
    local said = remark(bytes)
    out[#out + 1] = said and tidy(said)
    put_base64(out, bytes)
  end
end

local function put_headers(out, mark, headers)
  local names = {}
  for name in pairs(headers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    out[#out + 1] = ("%s %s: %s"):format(mark, name, headers[name])
  end
end

-- Members of an error that tell what happened, not where it was caught.
local KEPT = { "kind", "message", "code", "retryable", "sent",
  "stale" }

local function put_error(out, at, err, tidy)
  local kept = {}
  for _, name in ipairs(KEPT) do kept[name] = err[name] end
  kept.message = tidy(tostring(err.message))
  out[#out + 1] = ("! @%.6f %s"):format(at,
    json.encode(kept, { sorted = true }) or '{"kind":"transport"}')
end

--- The head of a file.
-- @param epoch the time that "@" counts from
function recording.head(epoch)
  return ("%s\nat %.6f\n"):format(MAGIC, epoch)
end

--- An exchange as text.
-- @param exchange { at, method, url, headers, body, status_at, status,
--   reply_headers, pieces = { { at, bytes } }, over_at, over = "end" |
--   "closed" | error object }; nothing of it may be secret any more
-- @param tidy function(text) -> text without secrets, for what is derived
function recording.write(exchange, tidy)
  local out = { "", ("> %s %s @%.6f"):format(exchange.method, exchange.url,
                                             exchange.at) }
  put_headers(out, ">", exchange.headers)
  put_bytes(out, exchange.body or "", tidy)
  if exchange.status then
    out[#out + 1] = ("< %d @%.6f"):format(exchange.status, exchange.status_at)
    put_headers(out, "<", exchange.reply_headers)
    for _, piece in ipairs(exchange.pieces) do
      out[#out + 1] = (". @%.6f"):format(piece.at)
      put_bytes(out, piece.bytes, tidy)
    end
  end
  if type(exchange.over) == "table" then
    put_error(out, exchange.over_at, exchange.over, tidy)
  else
    out[#out + 1] = (". @%.6f %s"):format(exchange.over_at, exchange.over)
  end
  out[#out + 1] = ""
  return table.concat(out, "\n")
end

-- Reading: what a line may be, by its mark.  Each gets the state (the
-- exchange so far, and where body lines go) and the rest of the line, and
-- returns a message when the line makes no sense.
local lines = {}

local function body_of(target)
  target.lines = target.lines or {}
  return target
end

lines[">"] = function(state, rest)
  local method, url, at = rest:match "^(%u+) (%S+) @([%d.]+)$"
  if method then
    local exchange = { method = method, url = url, at = tonumber(at),
                       headers = {}, pieces = {}, over = "end" }
    state.list[#state.list + 1] = exchange
    state.exchange = exchange
    state.target = body_of { owner = exchange }
    state.bodies[#state.bodies + 1] = state.target
    return
  end
  local name, value = rest:match "^([^:]+): ?(.*)$"
  if not name or not state.exchange then return "no request" end
  state.exchange.headers[name] = value
end

lines["<"] = function(state, rest)
  local exchange = state.exchange
  if not exchange then return "a reply without a request" end
  local status, at = rest:match "^(%d+) @([%d.]+)$"
  if status then
    exchange.status, exchange.status_at = tonumber(status), tonumber(at)
    exchange.reply_headers, state.target = {}, nil
    return
  end
  local name, value = rest:match "^([^:]+): ?(.*)$"
  if not name or not exchange.status then return "no header" end
  exchange.reply_headers[name] = value
end

lines["."] = function(state, rest)
  local at, over = rest:match "^@([%d.]+) ?(%a*)$"
  local exchange = state.exchange
  if not at or not exchange then return "no piece" end
  if over ~= "" then
    if over ~= "end" and over ~= "closed" then return "no end" end
    exchange.over, exchange.over_at = over, tonumber(at)
    state.target = nil
    return
  end
  local piece = { at = tonumber(at) }
  exchange.pieces[#exchange.pieces + 1] = piece
  state.target = body_of { owner = piece }
  state.bodies[#state.bodies + 1] = state.target
end

lines["!"] = function(state, rest)
  local at, text = rest:match "^@([%d.]+) (.*)$"
  local told = text and json.decode(text)
  if type(told) ~= "table" or not state.exchange then return "no error" end
  local made, err = pcall(errors.new, told.kind, told.message, told)
  if not made then return "an error of unknown kind" end
  state.exchange.over, state.exchange.over_at = err, tonumber(at)
  state.target = nil
end

local function body_line(binary)
  return function(state, rest)
    local target = state.target
    if not target then return "a body that belongs to nothing" end
    if target.binary == nil then target.binary = binary end
    if target.binary ~= binary then return "text and base64 in one body" end
    target.lines[#target.lines + 1] = rest
  end
end

lines["|"] = body_line(false)
lines["="] = body_line(true)

-- Put the lines of each body together.
local function join_bodies(state)
  for _, target in ipairs(state.bodies) do
    local owner = target.owner
    local bytes = table.concat(target.lines, target.binary and "" or "\n")
    if target.binary then
      local message
      bytes, message = core.bytes.base64_decode(bytes)
      if not bytes then return message end
    end
    owner[owner.url and "body" or "bytes"] = bytes
  end
end

local function unreadable(number, message)
  return errors.failure("config", ("line %d of the recording: %s"):format(
    number, message), "InvalidRecording")
end

--- The exchanges in a text.
-- @return list of exchanges as `write` takes them, in the order in which
--   their requests were sent; epoch seconds of their start | nil, err
function recording.read(text)
  local state = { list = {}, bodies = {} }
  local number, epoch = 0, nil
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    local mark = line:sub(1, 1)
    if number == 1 then
      if line ~= MAGIC then return unreadable(1, "no recording") end
    elseif lines[mark] then
      local message = lines[mark](state, (line:sub(2):gsub("^ ", "", 1)))
      if message then return unreadable(number, message) end
    elseif line:match "^at [%d.]+$" then
      epoch = tonumber(line:match "[%d.]+$")
    elseif line:find "^[^#%s]" then
      return unreadable(number, "not understood")
    end
  end
  local message = join_bodies(state)
  if message then return unreadable(number, message) end
  for i, exchange in ipairs(state.list) do exchange.place = i end
  table.sort(state.list, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.place < b.place
  end)
  return state.list, epoch or 0
end

return recording
