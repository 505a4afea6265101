-- What `require "bedrock"` gives, beside the client itself.
local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local shell = require "spec.support.shell"

local MODEL = "amazon.nova-lite-v1:0"

describe("bedrock", function()
  local emulator

  setup(function() emulator = assert(child.start {}) end)
  teardown(function() emulator:stop() end)

  local function ask(client, text)
    return assert(client:converse { modelId = MODEL,
      messages = { { role = "user", content = { { text = text } } } } })
      .output.message.content[1].text
  end

  it("loads nothing that it does not need yet", function()
    local got = shell.run { shell.lua, "-e", [[
      local bedrock = require "bedrock"
      for _, name in ipairs { "client", "doctor", "answer", "conversation",
          "host.curl", "host.record", "auth.credentials" } do
        assert(not package.loaded["bedrock." .. name], name)
      end
      assert(not package.loaded["bedrock.curl"])
    ]] }
    assert.equal("", got.err)
  end)

  -- What a process without files has loaded after `work`, which finds a
  -- client in `client`, must not be any of `names`.
  local function assert_not_loaded(names, options, work)
    local got = shell.run { shell.lua, "-e", ([[
      local URL, KEYS = %q, { access_key_id = %q, secret_access_key = %q }
      local client = require "bedrock".new(%s)
      %s
      for name in (%q):gmatch "%%S+" do
        assert(not package.loaded["bedrock." .. name], name)
      end
    ]]):format(emulator.url, emulator.options.credentials.access_key_id,
      emulator.options.credentials.secret_access_key, options, work, names) }
    assert.equal("", got.err, options)
  end

  local FROM_OPTIONS = "{ region = 'us-east-1', env = {}, endpoint_url = URL, "
    .. "credentials = KEYS }"
  local FROM_ENVIRONMENT = "{ env = { AWS_REGION = 'us-east-1', "
    .. "AWS_ENDPOINT_URL = URL, AWS_ACCESS_KEY_ID = KEYS.access_key_id, "
    .. "AWS_SECRET_ACCESS_KEY = KEYS.secret_access_key } }"

  -- Each module that is loaded is time before the first event.
  it("streams a first answer without what that does not need", function()
    local work = ([[for _ in client:converse_stream { modelId = %q,
      messages = { { role = "user", content = { { text = "Say: yes" } } } }
    } do end]]):format(MODEL)
    for _, options in ipairs { FROM_OPTIONS, FROM_ENVIRONMENT } do
      assert_not_loaded("answer.blocks answer.content auth.bearer auth.bases "
        .. "auth.excerpt auth.plan auth.profile auth.renewal auth.values "
        .. "doctor map metadata nearest pages service.guardrails "
        .. "service.hosts service.regions service.timestamp unary unloadable",
        options, work)
    end
    assert_not_loaded("auth.chain auth.environment", FROM_OPTIONS, work)
    assert_not_loaded("auth.chain auth.credentials auth.static",
      "{ env = { AWS_REGION = 'us-east-1', AWS_ENDPOINT_URL = URL, "
      .. ("AWS_BEARER_TOKEN_BEDROCK = %q } }"):format(
      "bedrock-api-key-emulator"), work)
  end)

  it("gives a whole answer without what streams", function()
    assert_not_loaded("answer answer.converse stream", FROM_OPTIONS,
      ([[assert(client:converse { modelId = %q, messages = {
        { role = "user", content = { { text = "Say: yes" } } } } })]])
      :format(MODEL))
  end)

  it("reads the chunks of one family without the others", function()
    assert_not_loaded("answer.chat answer.cohere answer.content answer.fold "
      .. "answer.merge answer.nova answer.titan answer.tool_input",
      FROM_OPTIONS, [[for _ in client:invoke {
        modelId = "anthropic.claude-3-haiku-20240307-v1:0", body = {
          anthropic_version = "bedrock-2023-05-31", max_tokens = 8,
          messages = { { role = "user", content = "Say: yes" } } }
      } do end]])
  end)

  it("waits a time of its own before it tries again, in each process",
    function()
      local function jitter()
        return shell.run({ shell.lua, "-e", [[
          local client = require "bedrock".new {}
          for _ = 1, 1000 do
            local number = client.random()
            assert(number >= 0 and number < 1)
          end
          print(client.random())
        ]] }).out
      end
      local first = jitter()
      assert.is_number(tonumber(first))
      assert.not_equal(first, jitter())
    end)

  it("has credentials that clients share, found once", function()
    local asked = 0
    local shared = bedrock.credentials { credentials = function()
      asked = asked + 1
      return emulator.options.credentials
    end }
    for _, region in ipairs { "us-east-1", "eu-west-1" } do
      local client = bedrock.new { region = region, credentials = shared,
        endpoint_url = emulator.url }
      assert.equal("yes", ask(client, "Say: yes"))
    end
    assert.equal(1, asked)
    assert.has_error(function() bedrock.credentials { profil = "a" } end)
  end)

  it("has hosts", function()
    for _, name in ipairs { "curl", "luv", "cqueues" } do
      local made, host = pcall(bedrock.host[name])
      -- luv and cqueues are not installed everywhere
      if made then assert.equal("function", type(host.send), name) end
      assert.is_true(made or name ~= "curl")
    end
    local path = os.tmpname()
    local options = { host = assert(bedrock.host.record(nil, path)) }
    for name, value in pairs(emulator.options) do options[name] = value end
    assert.equal("yes", ask(bedrock.new(options), "Say: yes"))
    options.host = assert(bedrock.host.replay(path))
    assert.equal("yes", ask(bedrock.new(options), "Say: yes"))
    os.remove(path)
    local none, err = bedrock.host.replay "/nonexistent"
    assert.is_nil(none)
    assert.is_true(bedrock.is_error(err))
    assert.is_false(bedrock.is_error "text")
  end)

  it("has answers", function()
    local whole = bedrock.answer.converse()
    whole:add { messageStart = { role = "assistant" } }
    local event = { contentBlockDelta = { contentBlockIndex = 0,
      delta = { text = "Hi" } } }
    whole:add(event)
    assert.equal("Hi", bedrock.answer.text(event))
    assert.equal("Hi", whole:partial().output.message.content[1].text)
    assert.is_nil(bedrock.answer.incomplete {})
  end)

  it("has a doctor", function()
    local report = bedrock.doctor(emulator.options)
    assert.same({}, report.problems)
    assert.truthy(tostring(report):find("no problems", 1, true))
  end)
end)
