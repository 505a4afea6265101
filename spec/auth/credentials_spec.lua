-- bedrock.auth.credentials: the life of credentials.
local credentials = require "bedrock.auth.credentials"
local errors = require "bedrock.errors"
local support = require "spec.auth.support"
local task = require "bedrock.task"

-- A credentials object over `given`, and its world.
local function new(given, world)
  local c = support.context(world or {})
  return credentials.new { host = c.host, settings = c.settings,
    files = c.files, log = c.log, random = c.random, credentials = given }, c
end

-- A provider that numbers what it gives; `state` steers it.
local function numbered(c, state)
  local provider = { name = "numbered", asked = 0 }
  function provider:resolve()
    self.asked = self.asked + 1
    for _ = 1, state.waits or 0 do task.pause(c.host, nil) end
    if state.fails then
      return nil, errors.new("credentials", "broken")
    end
    return { access_key_id = "id" .. self.asked, secret_access_key = "b",
      expiration = state.life and c.host.time + state.life }
  end
  return provider
end

local function with_provider(state)
  local given = {}
  local c, world = new(given)
  local provider = numbered(world, state)
  given.resolve = function() return provider:resolve() end
  return c, world, provider
end

describe("credentials", function()
  it("are looked for at the first use, and not before", function()
    local c, _, provider = with_provider {}
    assert.equal(0, provider.asked)
    assert.equal("id1", c:get().access_key_id)
    assert.equal("id1", c:get().access_key_id)
    assert.equal(1, provider.asked)
  end)

  it("are renewed five minutes before they end", function()
    local c, world, provider = with_provider { life = 3600 }
    c:get()
    world.host.time = world.host.time + 3299
    c:get()
    assert.equal(1, provider.asked)
    world.host.time = world.host.time + 1
    assert.equal("id2", c:get().access_key_id)
  end)

  it("that live shortly are renewed in the middle of their life", function()
    local c, world, provider = with_provider { life = 60 }
    c:get()
    world.host.time = world.host.time + 29
    c:get()
    assert.equal(1, provider.asked)
    world.host.time = world.host.time + 1
    c:get()
    assert.equal(2, provider.asked)
  end)

  it("stay while they hold when a renewal fails, without a storm", function()
    local state = { life = 3600 }
    local c, world, provider = with_provider(state)
    c:get()
    state.fails = true
    world.host.time = world.host.time + 3400
    assert.equal("id1", c:get().access_key_id)
    assert.equal("id1", c:get().access_key_id)
    assert.equal(2, provider.asked)
    assert.equal("warn", world.lines[1][1])
    world.host.time = world.host.time + 61
    c:get()
    assert.equal(3, provider.asked)
    world.host.time = world.host.time + 200
    local found, err = c:get()
    assert.is_nil(found)
    assert.equal("broken", err.message)
    state.fails = false
    assert.equal("id5", c:get().access_key_id)
  end)

  it("are used although they have expired by our clock, with a word",
    function()
      local c, world, provider = with_provider { life = -600 }
      assert.equal("id1", c:get().access_key_id)
      assert.equal("id1", c:get().access_key_id)
      assert.equal(1, provider.asked)
      assert.truthy(world.lines[1][2]:find("clock", 1, true))
      world.host.time = world.host.time + 61
      assert.equal("id2", c:get().access_key_id)
    end)

  it("are looked for again after the service refused them", function()
    local state = {}
    local c = with_provider(state)
    c:invalidate(c:get())
    assert.equal("id2", c:get().access_key_id)
    c:invalidate(c:get())
    state.fails = true
    assert.is_nil((c:get()))
    state.fails = false
    assert.equal("id4", c:get().access_key_id)
  end)

  it("are renewed once when many report the same refusal", function()
    local c, _, provider = with_provider {}
    local used = c:get()
    c:invalidate(used)
    c:get()
    c:invalidate(used)
    assert.equal("id2", c:get().access_key_id)
    assert.equal(2, provider.asked)
  end)

  it("may be invalidated before there are any", function()
    local c = with_provider {}
    c:invalidate(nil)
    assert.equal("id1", c:get().access_key_id)
  end)
end)

describe("one refresh", function()
  it("serves everybody who waits", function()
    local c, _, provider = with_provider { waits = 5 }
    local tasks, ids = {}, {}
    for number = 1, 10 do
      tasks[number] = task.new(function()
        ids[number] = c:get().access_key_id
      end)
    end
    local left = #tasks
    while left > 0 do
      left = 0
      for _, t in ipairs(tasks) do
        if not t:step() then left = left + 1 end
      end
    end
    assert.equal(1, provider.asked)
    for number = 1, 10 do assert.equal("id1", ids[number]) end
  end)

  it("goes on when the one who began it goes away", function()
    local c, _, provider = with_provider { waits = 3 }
    local first = task.new(function() return c:get() end)
    assert.is_false(first:step())
    first:close()
    assert.equal("id1", task.run(c.context.host, function()
      return c:get().access_key_id
    end))
    assert.equal(1, provider.asked)
  end)

  it("is begun anew when nobody cared for it for long", function()
    local c, world, provider = with_provider { waits = 3 }
    local first = task.new(function() return c:get() end)
    first:step()
    world.host.time = world.host.time + 31
    assert.equal("id2", c:get().access_key_id)
    assert.equal(2, provider.asked)
  end)

  it("fails for everybody, and is tried again by the next", function()
    local state = { waits = 2, fails = true }
    local c, _, provider = with_provider(state)
    local messages = {}
    local tasks = {}
    for number = 1, 3 do
      tasks[number] = task.new(function()
        local _, err = c:get()
        messages[number] = err.message
      end)
    end
    for _ = 1, 5 do
      for _, t in ipairs(tasks) do t:step() end
    end
    assert.same({ "broken", "broken", "broken" }, messages)
    assert.equal(1, provider.asked)
    state.fails = false
    assert.equal("id2", c:get().access_key_id)
  end)

  it("is waited for no longer than the call may take", function()
    local c, world, provider = with_provider { waits = 5 }
    function world.host:wait() self.time = self.time + 1 end
    local start = world.host.time
    local found, err = c:get { total = start + 3, total_seconds = 3 }
    assert.is_nil(found)
    assert.equal("TotalTimeout", err.code)
    assert.equal("total_timeout of 3 s passed while looking for credentials",
      err.message)
    assert.equal(start + 3, world.host.time)
    assert.equal("id1", c:get().access_key_id) -- the same refresh goes on
    assert.equal(1, provider.asked)
    assert.equal("id1", c:get({ total = 0, total_seconds = 0 }).access_key_id)
  end)

  it("that fails gives each who waits an error of its own", function()
    local c = with_provider { waits = 2, fails = true }
    local seen, tasks = {}, {}
    for i = 1, 2 do
      tasks[i] = task.new(function()
        local _, err = c:get()
        err.operation = "call " .. i
        seen[i] = err
      end)
    end
    for _ = 1, 5 do for _, one in ipairs(tasks) do one:step() end end
    assert.equal("call 1", seen[1].operation)
    assert.equal("call 2", seen[2].operation)
  end)

  it("is the host's to do where requests share work (nginx)", function()
    local c, world, provider = with_provider {}
    local keys = {}
    function world.host.shared_until(_, _, key, work, ...)
      keys[#keys + 1] = key
      return work(...)
    end
    assert.equal("id1", c:get().access_key_id)
    assert.equal("id1", c:get().access_key_id)
    assert.same({ c }, keys)
    assert.equal(1, provider.asked)
  end)
end)

describe("what the user gives", function()
  it("may be a table, checked", function()
    assert.same({ access_key_id = "a", secret_access_key = "b",
      source = "option" }, (new({ access_key_id = "a",
      secret_access_key = "b" }):get()))
    local found, err = new({ access_key_id = "a" }):get()
    assert.is_nil(found)
    assert.equal("credentials from option: secret_access_key is missing (a "
      .. "table with access_key_id, secret_access_key and perhaps "
      .. "session_token is expected)", err.message)
  end)

  it("may be a function, called again when they end", function()
    local calls = 0
    local c, world
    c, world = new(function()
      calls = calls + 1
      return { access_key_id = "a" .. calls, secret_access_key = "b",
        expiration = world.host.time + 3600 }
    end)
    assert.equal("a1", c:get().access_key_id)
    assert.equal("a1", c:get().access_key_id)
    world.host.time = world.host.time + 3500
    assert.equal("a2", c:get().access_key_id)
  end)

  it("may be a function that fails, in every way", function()
    for _, give in ipairs { function() return nil, "no" end, function() end,
      function() error "no" end, function() error { "no" } end,
      function() return nil, errors.new("credentials", "no") end,
      function() return "secret" end, function() return {} end } do
      local c = new(give)
      local found, err = c:get()
      assert.is_nil(found)
      assert.is_true(errors.is(err))
      assert.is_nil(tostring(err):find("secret%f[^%w_]"))
      assert.is_nil((c:get()))
    end
  end)

  it("may not ask itself", function()
    local c
    c = new(function() return c:get() end)
    local found, err = c:get()
    assert.is_nil(found)
    assert.truthy(err.message:find("these same credentials", 1, true))
  end)

  it("may be one object for several clients", function()
    local c, world = new { access_key_id = "a", secret_access_key = "b" }
    local function client(given)
      return { host = world.host, settings = world.settings,
        options = { credentials = given }, log = world.log,
        random = world.random, clock_offset = 0 }
    end
    assert.equal(c, credentials.from_options(client(c)))
    assert.not_equal(c, credentials.from_options(client {}))
  end)
end)

describe("the chain of a client", function()
  local PROFILE = "[default]\naws_access_key_id = %s\n"
    .. "aws_secret_access_key = secret\nregion = eu-west-%d\n"

  it("reads the files again after a refusal; settings stay", function()
    local c, world = new(nil, { files = {
      ["/h/.aws/config"] = PROFILE:format("one", 1) } })
    assert.equal("eu-west-1", world.settings:get "region")
    assert.equal("one", c:get().access_key_id)
    local reads = #world.files.reads
    assert.equal(2, reads)
    world.files.texts["/h/.aws/config"] = PROFILE:format("two", 2)
    c:invalidate(c:get())
    assert.equal("two", c:get().access_key_id)
    assert.equal("eu-west-1", world.settings:get "region")
  end)

  it("asks the profile first when it was chosen in code", function()
    local env = { AWS_ACCESS_KEY_ID = "env", AWS_SECRET_ACCESS_KEY = "b" }
    local files = { ["/h/.aws/credentials"] = "[p]\naws_access_key_id = p\n"
      .. "aws_secret_access_key = b\n" }
    assert.equal("p", new(nil, { env = env, files = files,
      options = { profile = "p" } }):get().access_key_id)
    env.AWS_PROFILE = "p"
    assert.equal("env", new(nil, { env = env, files = files }):get()
      .access_key_id)
  end)

  it("tells what everybody answered when there is nothing", function()
    local c = new(nil, { env = { AWS_EC2_METADATA_DISABLED = "true" } })
    local found, err = c:get()
    assert.is_nil(found)
    assert.equal("NoCredentials", err.code)
    assert.equal("no credentials found; environment: AWS_ACCESS_KEY_ID is "
      .. "not set; profile: No profiles were defined (/h/.aws/config or "
      .. "/h/.aws/credentials); web_identity: "
      .. "AWS_WEB_IDENTITY_TOKEN_FILE is not set; container: No environment "
      .. "variables were set to configure ECS provider "
      .. "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI); imds: "
      .. "AWS_EC2_METADATA_DISABLED is set; print(bedrock.doctor(options)) "
      .. "shows what was looked at", err.message)
  end)

  it("tells the same where IMDS, which nobody asked for, fails", function()
    local c = new(nil, { respond = function() return 403, "" end })
    local found, err = c:get()
    assert.is_nil(found)
    assert.equal("NoCredentials", err.code)
    assert.truthy(err.message:find("AWS_ACCESS_KEY_ID is not set", 1, true))
    assert.truthy(err.message:find("imds: IMDS: request forbidden", 1, true))
    assert.truthy(err.message:find("bedrock.doctor", 1, true))
  end)

  it("shows a mistake instead of going on", function()
    for config, words in pairs {
      ["[default]\nrole_arn = r\n"] = "source_profile",
      ["[default]\nregion"] = "line 2",
      ["[default]\nsso_session = x"] = "not found" } do
      local found, err = new(nil, { files = { ["/h/.aws/config"] = config } })
        :get()
      assert.is_nil(found)
      assert.equal("config", err.kind)
      assert.truthy(err.message:find(words, 1, true), err.message)
    end
    local _, err = new(nil, { env = { AWS_PROFILE = "x" } }):get()
    assert.truthy(err.message:find('no profile "x"', 1, true))
  end)

  it("reads on a half-broken disk what it can", function()
    local _, err = new(nil, { files = { ["/h/.aws/credentials"] = false } })
      :get()
    assert.equal("cannot read /h/.aws/credentials: Permission denied",
      err.message)
  end)
end)
