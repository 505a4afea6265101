-- A fork while a stream is open: the parent's goes on as if nothing was, the
-- child's copy says so, and the child's own client works.
-- luacheck: globals fork leave await
local _, url = ...
local bedrock = require "bedrock"
local client = bedrock.new { region = "us-east-1", endpoint_url = url,
  max_attempts = 1, env = {},
  credentials = { access_key_id = "a", secret_access_key = "b" } }

local function ask(what)
  return { modelId = what,
    messages = { { role = "user", content = { { text = "x" } } } } }
end

assert(client:converse(ask "plain")) -- a kept connection
local stream = client:converse_stream(ask "tick.10.30")
assert(stream:next())
local pid = fork()

if pid == 0 then
  local ok, why = pcall(function()
    local err
    repeat
      local event
      event, err = stream:next()
    until not event
    assert(err and err.code == "Forked" and err.kind == "closed",
      tostring(err))
    stream:close()
    for _ = 1, 3 do assert(client:converse(ask "plain")) end
    for _ in client:converse_stream(ask "tick.1.5") do end
    stream, client = nil, nil
    collectgarbage()
    collectgarbage()
  end)
  if not ok then io.stderr:write("child: ", tostring(why), "\n") end
  leave(ok and 0 or 1)
end

local events = 1
for _ in stream do events = events + 1 end
assert(events == 32, events)
assert(await(pid) == 0, "the child failed")
assert(client:converse(ask "plain"))
