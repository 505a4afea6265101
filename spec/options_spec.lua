-- bedrock.options: what bedrock.new accepts.
local bedrock = require "bedrock"
local fakehost = require "spec.support.fakehost"

local function refused(given, words)
  local fine, message = pcall(bedrock.new, given)
  assert.is_false(fine)
  assert.truthy(message:find(words, 1, true), message)
end

describe("options", function()
  it("app_id goes into a header, whatever is in it", function()
    local host = fakehost.new { '{"output":{"message":{"role":"assistant",'
      .. '"content":[]}}}' }
    assert(bedrock.new { host = host, region = "us-east-1", env = {},
      app_id = "my app\r\nx: \195\164~1", credentials = {
        access_key_id = "a", secret_access_key = "b" },
    }:converse { modelId = "m", messages = { { role = "user",
      content = { { text = "Hello" } } } } })
    assert.equal("app/my-app--x----~1",
      host.sent[1].headers["user-agent"]:match "app/.*$")
  end)

  it("that are numbers are whole and within what can be sent", function()
    for _, wrong in ipairs { 0, -1, 1.5, 10000, 1e300, 1 / 0, 0 / 0, "3" } do
      refused({ max_attempts = wrong }, "a whole number from 1 to 9999")
    end
    for _, wrong in ipairs { 0, 2 ^ 32, 1e300 } do
      refused({ max_event_bytes = wrong }, "a whole number from 1 to")
    end
    assert(bedrock.new { max_attempts = 9999, max_event_bytes = 2 ^ 31 - 1 })
  end)
end)
