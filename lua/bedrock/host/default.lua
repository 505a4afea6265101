--- The host that clients have unless they are given one: the one that does
-- not block whoever runs this Lua.  One per Lua state, so that clients share
-- connections and can be waited for together.

local shared

local function choose()
  local vim = rawget(_G, "vim")
  if rawget(_G, "ngx") then return require "bedrock.host.nginx".new() end
  if vim and (vim.uv or vim.loop) then
    return require "bedrock.host.luv".new()
  end
  return require "bedrock.host.curl".default()
end

--- @return nginx's host in nginx, libuv's in Neovim, else libcurl's own
return function()
  shared = shared or choose()
  return shared
end
