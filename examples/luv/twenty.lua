-- Twenty prompts at once, on one thread, with a live display.
--
--     lua examples/luv/twenty.lua [PROMPTS-FILE]
--
-- Each line of the file is a prompt.  See README.md.

local bedrock = require "bedrock"
local uv = require "luv"

local MODEL = os.getenv "BEDROCK_MODEL"
  or "anthropic.claude-3-5-haiku-20241022-v1:0"
local WIDTH = 56

local host = require "bedrock.host.luv".new(uv)
local client = bedrock.new { host = host,
  region = os.getenv "AWS_REGION" or "us-east-1" }

local function prompts(name)
  local list = {}
  if not name then
    for i = 1, 20 do list[i] = ("What is Lua? (%d)"):format(i) end
    return list
  end
  for line in assert(io.open(name)):lines() do
    if line:find "%S" then list[#list + 1] = line end
  end
  return list
end

local rows = {}

-- Straight lines in a coroutine: `next` leaves it, the other nineteen go on.
local function ask(row)
  local stream = client:converse_stream {
    modelId = MODEL,
    messages = { { role = "user", content = { { text = row.prompt } } } },
  }
  while true do
    local event, err = stream:next()
    if not event then return err end
    local delta = event.contentBlockDelta
    row.text = row.text .. (delta and delta.delta.text or "")
    if event.metadata then row.tokens = event.metadata.usage.totalTokens end
  end
end

local function line_of(i, row)
  local tail = (row.err and tostring(row.err) or row.text):gsub("%s+", " ")
  if #tail > WIDTH then tail = "..." .. tail:sub(-WIDTH + 3) end
  local state = row.err and "failed" or row.done and "done" or "..."
  return ("%3d %-6s %5s  %s"):format(i, state, row.tokens or #row.text, tail)
end

local terminal = uv.guess_handle(1) == "tty"

-- The whole table again, over the one before; without a terminal once.
local function draw(again)
  local out = again and { ("\27[%dA"):format(#rows) } or {}
  for i, row in ipairs(rows) do
    out[#out + 1] = line_of(i, row) .. (terminal and "\27[K\n" or "\n")
  end
  io.write(table.concat(out))
  io.flush()
end

for i, prompt in ipairs(prompts(arg[1])) do
  rows[i] = { prompt = prompt, text = "" }
end

local left, began = #rows, uv.hrtime()
local timer = uv.new_timer()
if terminal then
  draw()
  timer:start(100, 100, function() draw(true) end)
end

for _, row in ipairs(rows) do
  host:spawn(function() return ask(row) end, function(err, raised)
    row.done, row.err = true, err or raised
    left = left - 1
    if left == 0 then timer:close() end
  end)
end

uv.run()

draw(terminal)
local bytes, failed = 0, 0
for _, row in ipairs(rows) do
  bytes = bytes + #row.text
  if row.err then failed = failed + 1 end
end
print(("%d prompts, %d bytes, %d failed, %.1f s"):format(#rows, bytes, failed,
  (uv.hrtime() - began) / 1e9))
os.exit(failed == 0 and 0 or 1)
