-- The nginx host, inside Debian's nginx: every example posts a piece of Lua
-- that the worker runs.
local support = require "spec.support.nginx"

local why = support.missing()
if why then
  describe("nginx host", function() pending(why, function() end) end)
  return
end

local core = require "bedrock.core"
local cqueues = require "cqueues"
local far = require "spec.support.nginx_far"
local proxy = require "spec.support.proxy"
local vectors = require "spec.support.vectors"

describe("nginx host", function()
  local nginx

  setup(function() nginx = far.start() end)
  teardown(function() if nginx then nginx:stop() end end)
  before_each(function() nginx:counts() end)

  local function run(...) return nginx:run(...) end

  -- kind|code|retryable|message, the last as a pattern.
  local function fails(code, expected, message, where)
    local got = run("local _, err = " .. code .. " return told(err)", where)
    assert.equal(expected, got:match "^[^|]*|[^|]*|[^|]*")
    assert.truthy(got:find(message), got)
  end

  it("sends a request and reads its answer", function()
    assert.equal("200 5 hello", run [[
      local reply = assert(send("/", "hello"))
      return { reply.status, " ", reply.headers["content-length"], " ",
        (all(reply)) }
    ]])
  end)

  it("speaks to an address of IPv6", function()
    if not far.has_ipv6() then return pending "no ::1 here" end
    assert.equal("six six", run [[
      local other = require "bedrock.host.nginx".new {
        hosts = { ["six.test"] = "::1" } }
      local out = {}
      for i, name in ipairs { "[::1]", "six.test" } do
        out[i] = all(assert(other:send { method = "POST", body = "six",
          url = ("http://%s:%d/"):format(name, FAR), headers = {} }))
      end
      return table.concat(out, " ")
    ]])
  end)

  it("loads bedrock.core and no libcurl", function()
    assert.equal("true nil nil", run [[
      local maps = io.open("/proc/self/maps"):read("*a")
      return { tostring(package.loaded["bedrock.core"] ~= nil), " ",
        tostring(package.loaded["bedrock.curl"]), " ",
        tostring(maps:find "libcurl") }
    ]])
  end)

  it("tells the time and sleeps", function()
    assert.equal("true true true", run [[
      local now, clock = host:now(), host:clock()
      host:sleep(0.05)
      local slept = host:clock() - clock
      return { tostring(math.abs(now - os.time()) < 2), " ",
        tostring(slept >= 0.049), " ",
        tostring(host:now() > now) }
    ]])
  end)

  describe("streaming", function()
    it("hands out bytes as they arrive", function()
      -- The next one would come in an hour.
      assert.equal("piece 1\n", run [[
        local reply = assert(send "/slow?n=2&ms=3600000")
        local bytes = reply:read()
        reply:close()
        return bytes
      ]])
    end)

    it("works from a coroutine, over several of its resumes", function()
      assert.equal("piece 1\n,piece 2\n,piece 3\n,end,200", run [[
        local reply
        local reader = coroutine.create(function()
          reply = assert(send "/slow?n=3&ms=20")
          while true do
            local bytes = reply:read()
            if not bytes then return "end" end
            coroutine.yield(bytes)
          end
        end)
        local out = {}
        repeat
          local ok, value = coroutine.resume(reader)
          out[#out + 1] = assert(ok and value, value) .. ","
        until coroutine.status(reader) == "dead"
        return { out, reply.status }
      ]])
    end)

    it("works under task.run", function()
      assert.equal("hello", run [[
        local task = require "bedrock.task"
        return (task.run(host, function()
          host:sleep(0.01)
          return all(assert(send("/", "hello")))
        end))
      ]])
    end)

    it("works from light threads side by side", function()
      assert.equal("20", run [[
        local threads, begun, seen = {}, 0, nil
        for i = 1, 20 do
          threads[i] = ngx.thread.spawn(function()
            local reply = assert(send "/slow?n=5&ms=100")
            begun = begun + 1
            local text = all(reply)
            seen = seen or begun -- when the first of them ends
            return text
          end)
        end
        for i = 1, 20 do
          local _, text = ngx.thread.wait(threads[i])
          assert(#text == 5 * #"piece 1\n")
        end
        return tostring(seen)
      ]])
    end)

    it("gives every recorded stream's events as they are", function()
      local names = vectors.files("recorded/streams", ".bin")
      if #names == 0 then return pending "no recordings here" end
      local function digest(bytes)
        local decoder, out = core.eventstream.decoder(), {}
        assert(decoder:feed(bytes))
        for payload, headers in function() return decoder:next() end do
          out[#out + 1] = tostring(headers[":event-type"]) .. payload
        end
        return core.bytes.sha256_hex(table.concat(out, "\n")) .. " " .. #out
      end
      for _, name in ipairs(names) do
        local path = name:find "^/" and name
          or io.popen("pwd"):read "*l" .. "/" .. name
        local got = run(([[
          local reply = assert(send("/recorded?file="
            .. ngx.escape_uri(%q)))
          local core = require "bedrock.core"
          local decoder, out = core.eventstream.decoder(), {}
          for bytes in function() return reply:read() end do
            assert(decoder:feed(bytes))
            for payload, headers in function() return decoder:next() end do
              out[#out + 1] = tostring(headers[":event-type"]) .. payload
            end
          end
          return core.bytes.sha256_hex(table.concat(out, "\n")) .. " " .. #out
        ]]):format(path))
        assert.equal(digest(vectors.read(name)), got, name)
      end
    end)
  end)

  describe("connections", function()
    local SAME = [[
      local first = assert(send%s)
      %s
      local second = assert(send%s)
      all(second)
      return first.headers["x-connection"] == second.headers["x-connection"]
        and "same" or "another"
    ]]
    local function second_is(expected, first, between, second, where)
      assert.equal(expected,
        run(SAME:format(first, between, second or first), where))
    end

    it("are kept once the answer was read to its end", function()
      second_is("same", '("/", "x")', "all(first)")
      second_is("same", '("/", "x")', "all(first) first:close()")
      second_is("same", '"/slow?n=2&ms=1"', "all(first)")
    end)

    it("are never kept half read", function()
      second_is("another", '("/", "x")', "first:close()")
      second_is("another", '"/slow?n=5&ms=20"',
        "first:read() first:close()", '("/", "x")')
    end)

    it("are not kept when the answer says close", function()
      second_is("another", '("/?close=1", "x")', "all(first)")
    end)

    it("are not kept with bytes behind the answer", function()
      local body = [[("/raw?turns=2", "HTTP/1.1 200 OK\r\n"
        .. "content-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n")]]
      second_is("same", body, "all(first)") -- neither names its connection
      assert.equal(2, nginx:counts().raw)
    end)

    it("closing is idempotent and ends reading", function()
      assert.equal("closed", run [[
        local reply = assert(send "/slow?n=5&ms=20")
        reply:close()
        reply:close()
        local bytes, err = reply:read()
        return bytes or err.kind
      ]])
    end)

    it("that went stale are told so, and a fresh one serves", function()
      assert.equal("x true 200", run [[
        local answer = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"
        local first = all(assert(send("/raw?turns=2", answer)))
        local reply, err = send("/raw?turns=2", answer)
        return first .. " " .. tostring(not reply and err.stale) .. " "
          .. assert(send("/", "x", nil, { fresh = true })).status
      ]])
      assert.equal(1, nginx:counts().raw)
    end)

    it("are stale if they were kept, and never tried twice", function()
      -- A port that no other example uses, so that no connection is kept.
      local url = '"http://localhost:" .. ALONE .. "/%s"'
      for _, stale in ipairs { "nil", "true" } do
        assert.equal("EmptyReply " .. stale, run(([[
          local _, err = send(%s, "")
          return err.code .. " " .. tostring(err.stale)
        ]]):format(url:format "raw")))
        assert.equal(1, nginx:counts().raw)
        run(("return (all(assert(send(%s))))"):format(url:format ""))
      end
    end)

    it("close at once when the reply is closed", function()
      run [[
        local reply = assert(send "/slow?n=500&ms=20")
        reply:read()
        reply:close()
        host:sleep(0.1)
      ]]
      assert.equal(1, nginx:counts().left)
    end)

    it("close with the request that left them open", function()
      run [[
        local reply = assert(send "/slow?n=500&ms=20")
        reply:read()
      ]]
      cqueues.sleep(0.1)
      assert.equal(1, nginx:counts().left)
    end)
  end)

  describe("a client that leaves", function()
    -- After the client left, does the far side see its own leave?
    local function leave(code)
      local sock = nginx:begin(code)
      assert(sock:xread(-65536))
      sock:close()
      return nginx:is_left()
    end

    it("ends the stream at the far side", function()
      assert.is_true(leave [[
        local reply = assert(send "/slow?n=500&ms=10")
        for bytes in function() return reply:read() end do
          ngx.print(bytes)
          ngx.flush(true)
        end
      ]])
    end)

    it("does so also while nothing arrives to be passed on", function()
      assert.is_true(leave [[
        local reply = assert(send "/slow?n=2&ms=5000")
        for bytes in function() return reply:read() end do
          ngx.print(bytes)
          ngx.flush(true)
        end
      ]])
    end)

    -- In plain coroutines nginx does not end such waits (waiting.lua).
    for name, code in pairs {
      sleeps = "host:sleep(0.1)",
      ["looks a name up"] = 'send "http://nowhere.example/"',
      ["waits for shared work"] = [[host:shared("storm", function(host)
        host:sleep(0.1)
      end, host)]],
    } do
      it("harms nobody while a coroutine " .. name, function()
        local queue = cqueues.new()
        for i = 1, 60 do
          queue:wrap(function()
            local sock = nginx:begin("coroutine.wrap(function() " .. code
              .. " end)()", "/dark")
            cqueues.sleep(i * 0.002)
            sock:close()
          end)
        end
        assert(queue:loop())
        cqueues.sleep(0.2)
        local log = nginx.server:log()
        assert.falsy(log:find "exited on signal", "the worker died")
        assert.falsy(log:find "%[alert%]", log:match "[^\n]*%[alert%][^\n]*")
      end)
    end

    it("does so also inside a task, with ngx.on_abort", function()
      assert.is_true(leave [[
        local task = require "bedrock.task"
        ngx.on_abort(function() ngx.exit(499) end)
        task.run(host, function()
          local reply = assert(send "/slow?n=500&ms=10")
          while true do
            local bytes = reply:read()
            if not bytes then return end
            ngx.print(bytes)
            ngx.flush(true)
          end
        end)
      ]])
    end)
  end)

  describe("work that requests share", function()
    local SHARED = [[
      return host:shared("work", function(host, ngx, url, all)
        ngx.shared.far:incr("started", 1, 0)
        local reply = assert(host:send { method = "GET", url = url })
        return "done: " .. all(reply)
      end, host, ngx, "http://localhost:" .. FAR .. "/slow?n=2&ms=300", all)
    ]]

    local function start()
      return nginx:begin(SHARED)
    end

    local function finish(sock)
      local text = sock:xread "*a"
      sock:close()
      return text:match "done: piece 1\npiece 2"
    end

    it("is done once", function()
      local first, second = start(), start()
      assert.truthy(finish(first))
      assert.truthy(finish(second))
      assert.equal(2, nginx:counts().started) -- the work, and its request
      assert.truthy(finish(start()))
      assert.equal(2, nginx:counts().started)
    end)

    it("goes on when the one who began it leaves", function()
      local first, second = start(), start()
      cqueues.sleep(0.05)
      first:close()
      assert.truthy(finish(second))
      local seen = nginx:counts()
      assert.equal(2, seen.started)
      assert.equal(0, seen.left)
    end)

    it("does not wait for itself", function()
      assert.equal("Circular", run [[
        return (host:shared("ring", function()
          host:sleep(0.01)
          local _, err = host:shared("ring", error)
          return err.code
        end))
      ]])
    end)

    it("fails for all who wait", function()
      assert.equal("false down|false down", run [[
        local function try()
          local ok, err = pcall(host.shared, host, "bad", function()
            host:sleep(0.01)
            error("down", 0)
          end)
          return tostring(ok) .. " " .. tostring(err)
        end
        local one, two = ngx.thread.spawn(try), ngx.thread.spawn(try)
        local _, a = ngx.thread.wait(one)
        local _, b = ngx.thread.wait(two)
        return a .. "|" .. b
      ]])
    end)
  end)

  describe("TLS", function()
    local function ask(name)
      return ([[
        (function()
          local reply, err = send("https://%s:" .. TLS .. "/")
          if not reply then return err.code end
          all(reply)
          return reply.headers["x-name"] .. " "
            .. reply.headers["x-connection"]
        end)()]]):format(name)
    end

    it("verifies the chain", function()
      fails('send("https://one.test:" .. TLS)',
        "transport|CertificateRejected|false",
        "lua_ssl_trusted_certificate")
    end)

    it("verifies the name", function()
      fails('send("https://evil.test:" .. TLS)',
        "transport|CertificateRejected|false", "evil.test",
        "/trusting")
    end)

    it("keeps connections apart by the name they were verified for",
      function()
        local a, b, c, d, e = run("return {" .. ask "one.test" .. ', ";", '
          .. ask "two.test" .. ', ";", ' .. ask "one.test" .. ', ";", '
          .. ask "two.test" .. ', ";", ' .. ask "evil.test" .. "}",
          "/trusting"):match "(.*);(.*);(.*);(.*);(.*)"
        assert.equal("one.test", a:match "^%S+")
        assert.equal("two.test", b:match "^%S+")
        assert.equal(a, c)
        assert.equal(b, d)
        assert.not_equal(a:match "%d+", b:match "%d+")
        assert.equal("CertificateRejected", e)
      end)

    it("says when the other side speaks none", function()
      fails('send("https://one.test:" .. FAR)',
        "transport|TlsFailed|true", "error log", "/trusting")
    end)
  end)

  describe("a proxy", function()
    it("carries plain requests by their whole URL", function()
      proxy.with(function(port, seen)
        assert.equal("x", run(([[
          return (all(assert(send("/", "x", nil,
            { proxy = "http://us%%65r:p%%40ss@localhost:%d" }))))
        ]]):format(port)))
        assert.truthy(seen.heads[1]:find("^POST http://localhost:%d+/ HTTP"))
        assert.truthy(seen.heads[1]:find(
          "proxy-authorization: Basic dXNlcjpwQHNz\r\n", 1, true))
      end)
    end)

    it("carries TLS that is verified end to end, and is kept", function()
      proxy.with(function(port, seen)
        local got = run(([[
          local out = {}
          for _, name in ipairs { "one", "two", "one", "evil" } do
            local reply, err = send("https://" .. name .. ".test:" .. TLS,
              nil, nil, { proxy = "http://localhost:%d" })
            out[#out + 1] = reply and reply.headers["x-name"] or err.code
            if reply then all(reply) end
          end
          return table.concat(out, " ")
        ]]):format(port), "/trusting")
        assert.equal("one.test two.test one.test CertificateRejected", got)
        assert.equal(3, #seen.heads)
        assert.truthy(seen.heads[1]:find "^CONNECT one%.test:%d+ HTTP")
        assert.falsy(seen.heads[1]:find "authorization")
      end)
    end)

    it("that refuses is an error of its own", function()
      proxy.with(function(port, seen)
        seen.refuse = true
        fails(([[send("https://one.test:" .. TLS, nil, nil,
          { proxy = "http://localhost:%d" })]]):format(port),
          "transport|ProxyRefused|false", "one.test:%d+: HTTP 407")
      end)
    end)
  end)
end)
