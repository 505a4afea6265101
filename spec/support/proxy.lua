-- A forward proxy for specs, in a loop of the spec's own: tunnels for
-- CONNECT, absolute URLs passed on to the host they name, on loopback.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local proxy = {}

local function pump(from, to)
  while true do
    local bytes = from:xread(-65536)
    if not bytes then break end
    to:xwrite(bytes, "bn")
    to:flush()
  end
  to:shutdown "w"
end

local function read_head(client)
  local head = ""
  while not head:find "\r\n\r\n" do
    head = head .. (client:xread(-65536) or error "no head")
  end
  return head
end

local function serve(self, queue, client)
  client:setmode("bn", "bn")
  local head = read_head(client)
  self.heads[#self.heads + 1] = head
  if self.refuse then
    client:xwrite("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")
    return client:close()
  end
  local tunnel = head:match "^CONNECT "
  local port = head:match(tunnel and ":(%d+) " or "^%u+ http://[^/]-:(%d+)/")
  local far = socket.connect { host = "127.0.0.1", port = tonumber(port) }
  far:setmode("bn", "bn")
  if tunnel then
    client:xwrite("HTTP/1.1 200 Connected\r\n\r\n")
    client:flush()
  else
    far:xwrite((head:gsub("^(%u+ )http://[^/]*", "%1")))
    far:flush()
  end
  queue:wrap(pump, far, client)
  pump(client, far)
end

--- Do work(port, proxy) while a proxy runs; what it returns is returned.
-- `proxy.heads` are the heads it saw, `proxy.refuse` makes it say no.
function proxy.with(work)
  local self = { heads = {} }
  local listener = socket.listen { host = "127.0.0.1", port = 0 }
  local _, _, port = listener:localname()
  local queue = cqueues.new()
  -- Neither pcall nor an iterator: Lua 5.1 cannot wait inside one.
  local done, result
  queue:wrap(function()
    while true do queue:wrap(serve, self, queue, (listener:accept())) end
  end)
  queue:wrap(function()
    result = work(port, self)
    done = true
  end)
  while not done do
    local ok, err = queue:step()
    if not ok then error(err, 0) end
  end
  listener:close()
  return result
end

return proxy
