-- A request that is begun, and whose head is awaited without a task.
local curl_host = require "bedrock.host.curl"
local odd = require "spec.support.odd"

describe("a request that is begun", function()
  local server

  setup(function() server = odd.start() end)
  teardown(function() server:stop() end)

  local function request(url)
    return { method = "POST", url = url or server.url .. "/model/tick.1.5/"
      .. "converse-stream", headers = {}, body = "{}" }
  end

  it("has no head at first, and has it in time", function()
    local host = curl_host.new()
    local reply = assert(host:begin(request(), { connect = 10, idle = 10 }))
    assert.is_nil(reply.status)
    assert.is_number(reply:due())
    local there = reply:head()
    while there == false do
      host:wait(1)
      there = reply:head()
    end
    assert.is_true(there)
    assert.equal(200, reply.status)
    assert.truthy(reply:read())
    reply:close()
  end)

  it("may be closed before, or be none", function()
    local host = curl_host.new()
    local reply = assert(host:begin(request(), {}))
    reply:close()
    local there, err = reply:head()
    assert.is_nil(there)
    assert.equal("closed", err.kind)
    there, err = host:begin(request "a b", {})
    assert.is_nil(there)
    assert.equal("InvalidArgument", err.code)
  end)

  -- Its first step takes in what has come for others: who waits next on
  -- cqueues must be told, since nothing else may ever happen.
  it("tells what it let in for another", function()
    local found, cqueues = pcall(require, "cqueues")
    if not found then return pending "cqueues is absent" end
    local host, woken = require "bedrock.host.cqueues".new(), false
    local work = cqueues.new()
    work:wrap(function()
      local first = assert(host:begin(request(), {}))
      host:wait(0) -- it is sent
      host:watch(first.source, { wake = function() woken = true end })
      os.execute "sleep 0.2" -- its answer is there, and not looked at
      local second = assert(host:begin(request(), {}))
      second:close()
      host:wait(0.5)
      first:close()
    end)
    assert(work:loop())
    assert.is_true(woken)
  end)

  -- How often `work` makes a coroutine.
  local function coroutines(work)
    local create, made = coroutine.create, 0
    coroutine.create = function(body) -- luacheck: ignore 122
      made = made + 1
      return create(body)
    end
    local ok, why = pcall(work)
    coroutine.create = create -- luacheck: ignore 122
    assert(ok, why)
    return made
  end

  it("spares a stream the coroutine, where nothing else waits", function()
    local keys = { access_key_id = "a", secret_access_key = "b" }
    local one = server:client { max_attempts = 2 }
    local other = server:client { credentials = function() return keys end }
    local function read(client, what)
      return function()
        local stream = client:converse_stream(odd.ask(what))
        repeat local event = stream:next() until not event
        assert.equal(200, stream.status or 200)
      end
    end
    assert.equal(0, coroutines(read(one, "tick.5.5")))
    assert.truthy(coroutines(read(one, "bye")) > 0)
    assert.truthy(coroutines(read(other, "tick.5.5")) > 0)
    assert.equal(0, coroutines(read(other, "tick.5.5"))) -- the keys are known
  end)
end)
