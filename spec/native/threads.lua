-- One state of several in one process: clients, streams, errors.
local number, url = ...
local bedrock = require "bedrock"
local client = bedrock.new { region = "us-east-1", endpoint_url = url,
  max_attempts = 1, env = {},
  credentials = { access_key_id = "a", secret_access_key = "b" } }

local function ask(what)
  return { modelId = what,
    messages = { { role = "user", content = { { text = "x" } } } } }
end

for round = 1, 15 do
  local open = {}
  for i = 1, 8 do open[i] = client:converse_stream(ask "tick.1.10") end
  for i, stream in ipairs(open) do
    if (i + round + number) % 5 == 0 then
      stream:next()
      stream:close()
    else
      local events = 0
      for _ in stream do events = events + 1 end
      assert(events == 12, events)
    end
  end
  assert(client:converse(ask "plain"))
  collectgarbage()
end
