-- Credentials in nginx: found through cosockets, once for all requests of the
-- worker, and renewed the same way.
local support = require "spec.support.nginx"

local why = support.missing()
if why then
  describe("credentials in nginx", function() pending(why, function() end) end)
  return
end

local child = require "bedrock.emulator.child"
local cqueues = require "cqueues"
local hosts = require "spec.support.hosts"

local MAIN = [[
env AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:@METADATA@;
env AWS_ENDPOINT_URL_BEDROCK_RUNTIME=@URL@;
env AWS_REGION=us-east-1;
]]

-- One client for the worker.
local CODE = [[
  local client = package.loaded["spec.client"]
    or require "bedrock".new { log = function() end }
  package.loaded["spec.client"] = client
  local response, err = client:converse { modelId = "m", messages = {
    { role = "user", content = { { text = "hello" } } } } }
  return response and response.stopReason or tostring(err)
]]

describe("credentials in nginx", function()
  local server, emulator, port, metadata

  setup(function()
    emulator = child.start { access_key = "AKIDEXAMPLE",
      secret_key = "secret", session_token = "session" }
    port, metadata = support.ports(2)
    server = support.start { main = MAIN,
      http = hosts.read "spec/support/nginx_metadata.conf",
      values = { RUN = port, METADATA = metadata, URL = emulator.url } }
  end)
  teardown(function()
    if server then server:stop() end
    if emulator then emulator:stop() end
  end)

  -- Thirty at once; every fourth leaves before its answer.
  local function volley()
    local queue, answered = cqueues.new(), 0
    for i = 1, 30 do
      queue:wrap(function()
        if i % 4 == 1 then
          local sock = support.request(port, "POST", "/", CODE)
          cqueues.sleep(0.02)
          return sock:close()
        end
        assert.equal("end_turn", (support.ask(port, "POST", "/", CODE)))
        answered = answered + 1
      end)
    end
    local ok, message = queue:loop()
    assert.is_true(ok, message)
    assert.equal(22, answered)
    return (support.ask(metadata, "GET", "/asked"))
  end

  it("are looked for once, and renewed once", function()
    assert.equal("1 1", volley())
    cqueues.sleep(4.6) -- they are renewed in the middle of their life
    assert.equal("1 2", volley())
  end)
end)
