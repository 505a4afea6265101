-- Closing with a reset (RST) instead of a farewell (FIN).
--
-- The kernel sends RST when SO_LINGER is on with zero seconds.  cqueues cannot
-- set that, so LuaSocket or luv is borrowed for the one call; where neither is
-- installed the connection is closed in the ordinary way.
local linger = {}

local function by_luasocket(fd)
  local ok, socket = pcall(require, "socket")
  if not ok then return false end
  local master = socket.tcp()
  if not master or not master.setfd then return false end
  master:setfd(fd)
  local done = master:setoption("linger", { on = true, timeout = 0 })
  master:setfd(-1) -- or its collection would close our descriptor
  return done ~= nil
end

-- uv owns what it opens, so it gets a duplicate: the option belongs to the
-- connection, not to the descriptor.
local function by_luv(socket)
  local ok, uv = pcall(require, "luv")
  if not ok or not uv.tcp_close_reset then return false end
  local copy = require("cqueues.socket").dup(socket)
  local handle = uv.new_tcp()
  if not handle:open(copy:pollfd()) then return false end
  handle:close_reset()
  uv.run("nowait")
  copy:close() -- its descriptor is closed already; this forgets the number
  return true
end

--- Prepares a cqueues socket so that closing it sends RST.
-- @return true if the kernel will, false if it will say goodbye politely
function linger.reset_on_close(socket)
  return by_luasocket(socket:pollfd()) or by_luv(socket)
end

return linger
