-- bedrock.options: what bedrock.new accepts.
local bedrock = require "bedrock"
local fakehost = require "spec.support.fakehost"
local shell = require "spec.support.shell"

local function refused(given, words)
  local fine, message = pcall(bedrock.new, given)
  assert.is_false(fine)
  assert.truthy(message:find(words, 1, true), message)
end

-- A program in which Lua's ways to the world are closed before the library
-- is loaded.
local QUIET = [[
for _, place in ipairs { io, os } do
  for _, name in ipairs { "open", "popen", "lines", "execute", "getenv",
    "tmpname", "remove", "rename", "time" } do
    if place[name] then
      place[name] = function() error(name .. " was called") end
    end
  end
end
local bedrock = require "bedrock"
local function no() error "asked" end
local never = setmetatable({}, { __index = no })
for _, options in ipairs { {}, { profile = "none" }, { host = never, env = no,
  credentials = no, bearer_token = no, mfa_code = no, log = no } } do
  tostring(bedrock.new(options))
  tostring(bedrock.credentials(options))
end
io.write "quiet"
]]

describe("a client", function()
  it("is made, and the library loaded, without asking anybody", function()
    local script = os.tmpname()
    shell.write(script, QUIET)
    local got = shell.run { shell.lua, script }
    os.remove(script)
    assert.equal("quiet", got.out, got.err)
  end)
end)

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
