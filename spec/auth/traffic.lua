-- Recorded traffic of AWS's Rust SDK ("dvr": http-traffic.json) as a host.
-- It answers in the order of the recording and says what it was asked.
local errors = require "bedrock.errors"

local traffic = {}

-- Headers that tell one request from another.
local COMPARED = { "x-amz-sso_bearer_token", "x-aws-ec2-metadata-token",
  "x-aws-ec2-metadata-token-ttl-seconds", "content-type" }

local function lower(headers)
  local result = {}
  for name, values in pairs(headers) do
    result[name:lower()] = table.concat(values, ", ")
  end
  return result
end

local function payload(data)
  return data.Utf8 or ""
end

-- The events of one connection make one exchange.
local function exchanges_of(events)
  local list, by_connection = {}, {}
  for _, event in ipairs(events) do
    local kind, action = next(event.action)
    local exchange = by_connection[event.connection_id]
    if kind == "Request" then
      exchange = { request = action.request, sent = "", received = "" }
      by_connection[event.connection_id] = exchange
      list[#list + 1] = exchange
    elseif kind == "Response" then
      exchange.response = action.response.Ok
    elseif kind == "Data" then
      local into = action.direction == "Request" and "sent" or "received"
      exchange[into] = exchange[into] .. payload(action.data)
    end
  end
  return list
end

-- A URL without a slash at its end, its query sorted.
local function normal(url)
  local path, query = url:match "^([^?]*)%??(.*)$"
  local parts = {}
  for part in query:gmatch "[^&]+" do parts[#parts + 1] = part end
  table.sort(parts)
  return (path:gsub("/+$", "")) .. "?" .. table.concat(parts, "&")
end

local function action_of(body)
  return (body or ""):match "^Action=%w+&Version=[%d-]+"
end

local function compare(exchange, request)
  local expected = exchange.request
  assert(expected.method == request.method, request.method)
  assert(normal(expected.uri) == normal(request.url), request.url
    .. " instead of " .. expected.uri)
  local headers = lower(expected.headers)
  for _, name in ipairs(COMPARED) do
    assert(headers[name] == request.headers[name], name)
  end
  -- (the recordings lack the container's)
  assert(not headers.authorization or request.headers.authorization,
    "authorization")
  assert(action_of(exchange.sent) == action_of(request.body), request.body)
end

local function reply_of(exchange)
  local body = exchange.received
  local reply = { status = exchange.response.status,
    headers = lower(exchange.response.headers) }
  function reply:read() -- luacheck: ignore 212
    local piece = body
    body = nil
    return piece ~= "" and piece or nil
  end
  function reply:close() end -- luacheck: ignore 212
  return reply
end

--- A host that replays `events`, at time `now` (0, as in the suite).
-- `host.left()` tells how many exchanges nobody asked for.
function traffic.host(events, now)
  local list = exchanges_of(events)
  local host, at = { requests = {} }, 0
  function host:send(request)
    self.requests[#self.requests + 1] = request
    at = at + 1
    if not list[at] then
      return nil, errors.new("transport", "nothing more was recorded")
    end
    compare(list[at], request)
    return reply_of(list[at])
  end
  function host:sleep() end -- luacheck: ignore 212
  function host:clock() return 0 end -- luacheck: ignore 212
  function host:now() return now or 0 end -- luacheck: ignore 212
  function host.left() return math.max(0, #list - at) end
  return host
end

return traffic
