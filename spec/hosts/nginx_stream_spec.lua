-- Streams inside nginx do what they do on every host: they begin at once, can
-- be polled, waited for with a timeout and closed by another, and give the
-- same events.
local support = require "spec.support.nginx"

local why = support.missing()
if why then
  describe("streams in nginx", function() pending(why, function() end) end)
  return
end

local canonical = require "spec.support.canonical"
local cqueues = require "cqueues"
local child = require "bedrock.emulator.child"
local recorded = require "spec.support.recorded"
local vectors = require "spec.support.vectors"

-- What every posted piece starts with.
local PRELUDE = [[
  local bedrock = require "bedrock"
  local host = bedrock.host.nginx()
  local client = bedrock.new { region = "us-east-1", host = host, env = {},
    endpoint_url = %q, credentials = { access_key_id = %q,
      secret_access_key = %q } }
  local function ask(scenario)
    return (client:converse_stream {
      modelId = scenario and "emulator." .. scenario or "m",
      messages = { { role = "user", content = { { text = "hello" } } } } })
  end
  local function drain(stream)
    local text = ""
    while true do
      local event, err = stream:next()
      if not event then return text, err end
      local delta = event.contentBlockDelta
      text = text .. (delta and delta.delta.text or "")
    end
  end
]]

local CONF = [[
  lua_need_request_body on;
  lua_check_client_abort on;
  server {
    listen 127.0.0.1:@RUN@;
    location / {
      content_by_lua_block {
        ngx.print(assert(loadstring(ngx.req.get_body_data(), "=spec"))())
      }
    }
  }
]]

describe("streams in nginx", function()
  local server, emulator, port

  setup(function()
    emulator = child.start { delay = 5 }
    port = support.port()
    server = support.start { http = CONF, values = { RUN = port } }
  end)
  teardown(function()
    if server then server:stop() end
    if emulator then emulator:stop() end
  end)

  local function run(code, url)
    local keys = emulator.options.credentials
    local body, status = support.ask(port, "POST", "/", PRELUDE:format(
      url or emulator.url, keys.access_key_id, keys.secret_access_key) .. code)
    assert.equal(200, status, server:log():match "aborted: [^\n]*")
    return body
  end

  -- Streams at the far side; looks again while there are some.
  local function streams_open()
    local url, n = emulator.url:match ":(%d+)", nil
    for _ = 1, 500 do
      n = tonumber((support.ask(tonumber(url), "GET", "/stats"))
        :match '"active":(%d+)')
      if n == 0 then break end
      cqueues.sleep(0.01)
    end
    return n
  end

  it("are nginx's without a word of it, and without libcurl", function()
    assert.equal("bedrock.host.nginx nil", run [[
      local plain = bedrock.new { region = "us-east-1", env = {},
        endpoint_url = client.options.endpoint_url,
        credentials = client.options.credentials }
      assert(plain:converse { modelId = "m", messages = {
        { role = "user", content = { { text = "hello" } } } } })
      return getmetatable(plain.host).__name .. " "
        .. tostring(package.loaded["bedrock.curl"])
    ]])
  end)

  it("begin at once and are polled without waiting", function()
    assert.equal("nil false true end_turn", run [[
      local silent, stream = ask "stall-before-headers", ask()
      local status, none, stop = tostring(stream.status), 0, nil
      local first = silent:poll()
      silent:close()
      while true do
        local event, err = stream:poll()
        assert(not err, err)
        if event == nil then break end
        if event == false then none = none + 1
        elseif event.messageStop then stop = event.messageStop.stopReason end
      end
      return table.concat({ status, tostring(first), tostring(none > 5),
        stop }, " ")
    ]])
  end)

  it("keep the timeout of `next`, and go on after it", function()
    assert.equal("WaitTimeout WaitTimeout end_turn", run [[
      local late = ask "stall-before-headers:0.3"
      local _, first = late:next(0.02)
      local stalled, second = ask "stall-mid-stream"
      repeat
        local event
        event, second = stalled:next(0.2)
      until not event
      stalled:close()
      local response = assert(late:response())
      return table.concat({ first.code, second.code, response.stopReason },
        " ")
    ]])
  end)

  it("need no further light threads when one is read alone", function()
    assert.equal("0 nil", run [[
      local stream, n, spawn = ask(), 0, ngx.thread.spawn
      assert(stream:next())
      ngx.thread.spawn = function(...)
        n = n + 1
        return spawn(...)
      end
      local _, err = drain(stream)
      ngx.thread.spawn = spawn
      return n .. " " .. tostring(err)
    ]])
  end)

  it("run side by side in one request", function()
    assert.equal("10 of 10 whole, all begun before one ended", run [[
      local streams, begun, whole, when = {}, {}, 0, nil
      for i = 1, 10 do streams[i] = ask() end
      local left = #streams
      while left > 0 do
        for i, stream in pairs(streams) do
          local event, err = stream:poll()
          assert(not err, err)
          if event then
            begun[i] = true
          elseif event == nil then
            when = when or #begun == 10 and "all" or "not all"
            left, streams[i] = left - 1, nil
            whole = whole + (stream:partial().stopReason and 1 or 0)
          end
        end
      end
      return whole .. " of 10 whole, " .. when .. " begun before one ended"
    ]])
  end)

  it("serve bedrock.each and client:map", function()
    assert.equal("5 6", run [[
      local streams, ended, list, answered = {}, 0, {}, 0
      for i = 1, 5 do streams[i] = ask() end
      for _, event, err in bedrock.each(streams) do
        assert(not err, tostring(err))
        if not event then ended = ended + 1 end
      end
      for i = 1, 6 do
        list[i] = { modelId = "m", messages = {
          { role = "user", content = { { text = "hello" } } } } }
      end
      for _, response, err in client:map(list, { operation = "converse",
        concurrency = 3 }) do
        assert(response, tostring(err))
        answered = answered + 1
      end
      return ended .. " " .. answered
    ]])
  end)

  it("are closed by another thread, and who waits is woken", function()
    assert.equal("closed", run [[
      local err
      for _, name in ipairs { "stall-before-headers", "slow:100" } do
        local stream = ask(name)
        local reader = ngx.thread.spawn(function()
          local _
          _, err = drain(stream)
        end)
        ngx.sleep(0.3)
        stream:close()
        ngx.thread.wait(reader)
        if err.kind ~= "closed" then break end
      end
      return err.kind
    ]])
    assert.equal(0, streams_open())
  end)

  it("do not hold a request that leaves them open", function()
    assert.equal("left", run [[
      local stream = ask()
      assert(stream:next())
      return "left"
    ]])
    run [[
      ask "stall-before-headers":close()
      local stream = ask "stall-mid-stream"
      assert(stream:next(5))
      stream:close()
    ]]
    assert.equal(0, streams_open())
  end)

  describe("that were recorded", function()
    if not vectors.available() then return pending "vectors are absent" end
    local list, plain = recorded.all_streams(), nil

    setup(function() plain = recorded.serve(list) end)
    teardown(function() plain:stop() end)

    local READ = [[
      local canonical = dofile(%q)
      local stream = client[%q](client, { modelId = %q, body = %s,
        messages = %s })
      local out = {}
      while true do
        local event, err = stream:next()
        if not event then
          out[#out + 1] = err and (err.stage .. " " .. err.code:lower())
          break
        end
        if event.chunk then event.chunk.json = event.chunk.json end
        out[#out + 1] = canonical(event)
      end
      return table.concat(out, "\n")
    ]]

    for index, one in ipairs(list) do
      it("give the same events: " .. one.name, function()
        local converse = one.operation == "ConverseStream"
        local expected = {}
        for i, event in ipairs(one.events) do
          for _, payload in pairs(event) do payload.p = nil end
          expected[i] = canonical(event)
        end
        expected[#expected + 1] = one.exception
          and "stream " .. one.exception:lower()
        local root = io.popen("pwd"):read "*l"
        assert.equal(table.concat(expected, "\n"), run(READ:format(
          root .. "/spec/support/canonical.lua", one.method,
          tostring(index), converse and "nil" or '"{}"',
          converse and "{}" or "nil"), "http://127.0.0.1:" .. plain.line))
      end)
    end
  end)
end)
