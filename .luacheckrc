-- One source for Lua 5.1 to 5.4 and LuaJIT: what all of them have, and what
-- some have and the code looks for before it uses it.
stds.some = {
  read_globals = {
    "jit", "loadstring", "newproxy", "unpack",
    string = { fields = { "pack", "unpack" } },
    package = { fields = { "searchpath" } },
    math = { fields = { "type", "tointeger" } },
    table = { fields = { "pack", "unpack" } },
  },
}
std = "min+some"
self = false -- an interface's method need not use its object
cache = false
max_line_length = false -- tools/style.lua
exclude_files = { "build", "node_modules" }

files["lua/bedrock/host/nginx.lua"] = { read_globals = { "ngx" } }
files["lua/bedrock/host/nginx"] = { read_globals = { "ngx" } }
files["examples/love"] = { globals = { "love" } }
files["examples/nvim"] = { globals = { "vim" } }
files["spec/support/nvim_session.lua"] = { globals = { "vim" } }
files["examples/nginx"] = { globals = { "ngx" } }
files["spec"] = { std = "+busted" }
files["spec/native/fork.lua"] = { read_globals = { "fork", "leave", "await" } }
files["**/*.rockspec"] = { std = "rockspec" }
