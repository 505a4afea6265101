-- lua-bedrock in a worker of nginx (its cosockets, LuaJIT), measured: the
-- modes of bench/modes.lua, run by a request to it.  `make LUA=luajit` first.
--
--   lua5.4 bench/peers/nginx.lua MODE ENDPOINT MODEL COUNT [CA-FILE]
--
-- Its line ends with `rss=`, the worker's greatest resident set in KiB: that
-- of this program says nothing.
package.path = "./?.lua;" .. package.path

local support = require "spec.support.nginx"

local CONF = [[
  @TRUST@
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      content_by_lua_block {
        require("bench.modes").run {
          mode = "@MODE@", endpoint = "@ENDPOINT@", model = "@MODEL@",
          count = tonumber("@COUNT@"), say = ngx.say,
          host = require("bedrock").host.nginx(),
        }
        for line in io.lines "/proc/self/status" do
          local peak = line:match "^VmHWM:%s*(%d+)"
          if peak then ngx.say("rss=", peak) end
        end
      }
    }
  }
]]

local port = support.port()
local server = support.start { http = CONF, values = { PORT = port,
  PATH = "@ROOT@/?.lua;@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua",
  MODE = arg[1], ENDPOINT = arg[2], MODEL = arg[3], COUNT = arg[4],
  TRUST = arg[5] and ("lua_ssl_trusted_certificate %s;"):format(arg[5])
    or "" } }
local sock = support.request(port, "GET", "/")
sock:settimeout(300)
local text, piece = "", sock:xread(-65536)
while piece do
  text = text .. piece
  piece = sock:xread(-65536)
end
sock:close()
local log = server:log():match "[^\n]*%[error%][^\n]*"
server:stop()
if log then error(log) end
for line in text:gmatch "%w+=[^\r\n]*" do print(line) end
