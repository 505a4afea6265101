-- A chat in the terminal: text appears as it arrives, Ctrl-C leaves.
--
--   lua5.4 examples/chat.lua [MODEL] ["a question"]
--
-- Talks to AWS when there are credentials (environment, ~/.aws, ...), to the
-- local emulator otherwise.  With a question it answers that and ends.

local bedrock = require "bedrock"
local support = require "examples.support"

local model = arg[1] or "anthropic.claude-3-5-haiku-20241022-v1:0"
local question = arg[2]

local function ask(talk, text)
  for piece in talk:send(text):text() do
    io.write(piece)
    io.flush()
  end
  io.write "\n"
end

local function chat(client)
  local talk = client:conversation { modelId = model }
  if question then return ask(talk, question) end
  print "Say something (an empty line or Ctrl-D ends)."
  while true do
    io.write "> "
    io.flush()
    local line = io.read()
    if not line or line == "" then return end
    ask(talk, line)
  end
end

local client, emulator = support.client(bedrock)
local ok, err = pcall(chat, client)
if emulator then emulator:stop() end
if not ok then
  local interrupted = type(err) == "string" and err:find "interrupted!"
  io.stderr:write(interrupted and "\n" or tostring(err) .. "\n")
  os.exit(interrupted and 130 or 1)
end
