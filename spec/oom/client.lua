--- One answer and one streamed answer by the whole client, when memory runs
-- out: Lua, libcurl and the core, none is spared.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local curl_host = require "bedrock.host.curl"

local emulator = assert(child.start {})

local request = { modelId = "anthropic.claude-3-5-haiku-20241022-v1:0",
  messages = { { role = "user", content = { { text = "hi" } } } } }

local function new_client()
  local options = { host = curl_host.new(), retry_mode = "off",
    connect_timeout = 30, idle_timeout = 30 }
  for name, value in pairs(emulator.options) do options[name] = value end
  return bedrock.new(options)
end

local function streamed(client)
  local stream = client:converse_stream(request)
  local count = 0
  while true do
    local event, err = stream:next()
    if err then return nil, err end
    if not event then return count > 3 end
    count = count + 1
  end
end

return function()
  local client = new_client()
  local response, err = client:converse(request)
  if not response then return nil, err end
  return streamed(client)
end
