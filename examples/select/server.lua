-- A chat server on plain select(2): ask by `nc`, one question a line; the
-- answers stream back, to everybody at once.
--
--     lua examples/select/server.lua [PORT]
--
-- It shows what any event loop has to do for lua-bedrock: the marked lines.

local bedrock = require "bedrock"
local socket = require "socket"

local host = require "bedrock.host.loop".new()                        -- (1)
local client = bedrock.new { host = host,
  region = os.getenv "AWS_REGION" or "us-east-1" }

-- What select is to watch for the library.
local library = { getfd = function() return host:fd() end }           -- (2)

local listener = assert(socket.bind("127.0.0.1", tonumber(arg[1]) or 0))
listener:settimeout(0)
local peers = {}

local function answer(peer, question)
  local stream = client:converse_stream {
    modelId = os.getenv "BEDROCK_MODEL" or "amazon.nova-lite-v1:0",
    messages = { { role = "user", content = { { text = question } } } },
  }
  while true do
    local event, err = stream:next() -- leaves the coroutine
    if not event then
      peer:send(err and tostring(err) .. "\n" or "\n")
      return
    end
    local delta = event.contentBlockDelta
    if delta and delta.delta.text and not peer:send(delta.delta.text) then
      return stream:close() -- the peer has left, and the model stops
    end
  end
end

local function serve(peer)
  local line, why = peer:receive "*l"
  if line then
    host:spawn(function() answer(peer, line) end)                     -- (3)
  elseif why == "closed" then
    for i, one in ipairs(peers) do
      if one == peer then table.remove(peers, i) end
    end
    peer:close()
  end
end

local _, port = listener:getsockname()
print("listening on 127.0.0.1:" .. port)
io.stdout:flush()

while true do
  local watched = { listener, library }
  for _, peer in ipairs(peers) do watched[#watched + 1] = peer end
  local ready = socket.select(watched, nil, host:due())               -- (4)
  for _, one in ipairs(ready) do
    if one == listener then
      local peer = listener:accept()
      if peer then
        peer:settimeout(0)
        peers[#peers + 1] = peer
      end
    elseif one ~= library then
      serve(one)
    end
  end
  host:act()                                                          -- (5)
end
