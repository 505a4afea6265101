-- `make demo`: a local emulator, a prepared question, the whole stack between.

local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"

local QUESTION = "What is Lua?"

local emulator = assert(child.start { delay = 60 })
local client = bedrock.new(emulator.options)
print(("A Bedrock emulator listens on %s; no AWS account is needed.\n\n> %s")
  :format(emulator.url, QUESTION))

local stream = client:converse_stream {
  modelId = "anthropic.claude-3-5-haiku-20241022-v1:0",
  messages = { { role = "user", content = { { text = QUESTION } } } },
}
for text in stream:text() do
  io.write(text)
  io.flush()
end
local usage = assert(stream:response()).usage
emulator:stop()

print(([[


%d tokens in, %d out, request id %s.
It came through HTTP, with a SigV4 signature that the emulator checked, as
event-stream frames with checksums. Go on:

  eval "$(make -s env)"
  lua5.4 examples/chat.lua]]):format(usage.inputTokens, usage.outputTokens,
  stream.request_id))
