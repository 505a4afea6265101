-- What the examples share: a client for AWS where there are credentials, for
-- a local emulator where there are none.

local support = {}

--- @param options for the client, or nil
-- @return client; and the emulator, to be stopped, if it was started
function support.client(bedrock, options)
  local region = os.getenv "AWS_REGION"
  local chosen = { region = region ~= "" and region or "us-east-1" }
  for name, value in pairs(options or {}) do chosen[name] = value end
  local client = bedrock.new(chosen)
  if client:check_credentials() then return client end
  io.stderr:write("No AWS credentials here: a local emulator answers.\n")
  local emulator = assert(require "bedrock.emulator.child".start { delay = 40 })
  for name, value in pairs(emulator.options) do chosen[name] = value end
  return bedrock.new(chosen), emulator
end

return support
