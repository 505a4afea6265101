-- What happened: counts, and the last requests, for specs to look at.
local json = require "bedrock.emulator.json"

local stats = {}

local KEPT = 100 -- requests remembered
local LONGEST = 1000 -- bytes of a header's value remembered

local methods = {}
local stats_mt = { __index = methods }

--- Empty statistics; `clock` gives monotonic seconds.
function stats.new(clock)
  local self = setmetatable({ clock = clock, connection_ids = 0, open = 0,
    active = 0 }, stats_mt)
  self:reset()
  return self
end

--- Forgets everything but the connections and streams that are open.
function methods:reset()
  self.accepted = self.open
  self.operations, self.statuses, self.requests = {}, {}, {}
  self.made = 0
  self.streams = { started = self.active, finished = 0, disconnected = 0,
    failed = 0 }
end

--- A connection came: its number.
function methods:connected()
  self.connection_ids = self.connection_ids + 1
  self.accepted = self.accepted + 1
  self.open = self.open + 1
  return self.connection_ids
end

--- A connection went.
function methods:disconnected()
  self.open = self.open - 1
end

local SECRET = { ["x-amz-security-token"] = true, cookie = true }

local function public_value(name, value)
  value = value:sub(1, LONGEST)
  if SECRET[name] then return "<removed>" end
  if name ~= "authorization" and name ~= "proxy-authorization" then
    return value
  end
  local safe = value:match("^(AWS4.*Signature=)%x+")
  return (safe or value:match("^%S*") .. " ") .. "<removed>"
end

local function public_headers(headers)
  local out = {}
  for _, header in ipairs(headers) do
    local name, value = header[1], header[2]
    value = public_value(name, value)
    out[name] = out[name] and out[name] .. ", " .. value or value
  end
  return out
end

--- A request came: its record, which the caller completes with :finished().
-- request: method, target, headers (list), connection (number), http, tls.
function methods:began(request)
  self.made = self.made + 1
  local record = {
    number = self.made, id = request.id, method = request.method,
    path = request.target, headers = public_headers(request.headers),
    connection = request.connection,
    http_version = request.version == 2 and "2" or "1.1",
    tls = request.secure, began = self.clock(), body_bytes = 0, events = 0,
    outcome = "open",
  }
  table.insert(self.requests, record)
  if #self.requests > KEPT then table.remove(self.requests, 1) end
  return record
end

local function count(counts, name)
  counts[name] = (counts[name] or 0) + 1
end

--- The request was understood as an operation (or is "unknown").
function methods:routed(record, operation)
  record.operation = operation
  count(self.operations, operation)
end

--- The request was for the emulator itself and shall not be seen.
function methods:hide(record)
  record.hidden = true
  self.made = self.made - 1
  for i = #self.requests, 1, -1 do
    if self.requests[i] == record then table.remove(self.requests, i) end
  end
end

--- A streamed reply began.
function methods:streaming(record)
  record.stream = true
  self.active = self.active + 1
  self.streams.started = self.streams.started + 1
end

--- The reply is over: outcome "finished" (all was sent), "disconnected" (the
-- client left first) or "failed" (the emulator broke off on purpose).
function methods:finished(record, outcome, status)
  if record.outcome ~= "open" or record.hidden then return end
  record.outcome, record.ended = outcome, self.clock()
  record.status = status
  if status then count(self.statuses, ("%d"):format(status)) end
  if record.stream then
    self.active = self.active - 1
    self.streams[outcome] = self.streams[outcome] + 1
  end
end

local function describe(record, now)
  local out = {}
  for name, value in pairs(record) do out[name] = value end
  out.began, out.ended = nil, nil
  out.began_ago = now - record.began
  if record.ended then
    out.ended_ago = now - record.ended
    out.seconds = record.ended - record.began
  end
  return out
end

--- Everything as JSON.
function methods:encode()
  local now, requests = self.clock(), json.list()
  for i, record in ipairs(self.requests) do
    requests[i] = describe(record, now)
  end
  local streams = { active = self.active }
  for name, n in pairs(self.streams) do streams[name] = n end
  return json.encode { connections = { accepted = self.accepted,
      open = self.open }, operations = self.operations,
    statuses = self.statuses, streams = streams, requests = requests,
    requests_total = self.made,
    memory_bytes = math.floor(collectgarbage("count") * 1024) }
end

return stats
