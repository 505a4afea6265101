-- What the nginx host says when something goes wrong: the error names what
-- failed, and the directive that mends it.
local support = require "spec.support.nginx"

local why = support.missing()
if why then
  describe("nginx host, failing", function() pending(why, function() end) end)
  return
end

local far = require "spec.support.nginx_far"

describe("nginx host, failing", function()
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

  describe("failures", function()
    it("name the resolver that is missing", function()
      fails('send "http://bedrock.example/"',
        "transport|HostNotFound|false", "`resolver` directive")
    end)

    it("name the name that is not found", function()
      fails('send "http://bedrock.example/"',
        "transport|HostNotFound|true",
        "bedrock%.example.*never /etc/hosts", "/dark")
    end)

    it("name the phases that have cosockets", function()
      local _, _, headers = support.ask(nginx.run_port, "GET", "/filter")
      assert.equal("NoCosockets", headers["x-code"])
      assert.truthy(headers["x-error"]:find "ngx.timer.at")
    end)

    it("raise in a client's call there, and name them too", function()
      local _, _, headers = support.ask(nginx.run_port, "GET",
        "/filter-client")
      assert.truthy(headers["x-error"]:find "phase header_filter")
      assert.truthy(headers["x-error"]:find "ngx.timer.at")
    end)

    it("say that nobody listens", function()
      fails('send("http://localhost:" .. DEAD)',
        "transport|ConnectionRefused|true", "refused")
    end)

    it("tell a reply of another request", function()
      local owner = nginx:begin [[
        package.loaded["spec.reply"] = assert(send "/slow?n=50&ms=5")
        ngx.say "there"
        ngx.flush(true)
        host:sleep(5)
      ]]
      assert(owner:xread(-65536))
      local got = run [[
        local _, err = all(package.loaded["spec.reply"])
        return told(err)
      ]]
      owner:close()
      assert.truthy(got:find "^transport|.*another request", got)
    end)

    it("tell a response that is none", function()
      fails('send("/raw", "SSH-2.0-OpenSSH\\r\\n")',
        "protocol|InvalidHttp|false", "not an HTTP/1.1 response")
      fails('send("/raw", "HTTP/1.1 200 OK\\ncontent-length: 0\\n\\n")',
        "protocol|InvalidHttp|false", "bare line feed")
    end)

    it("tell a head that ends early", function()
      fails('send("/raw", "HTTP/1.1 200 OK\\r\\ncontent-")',
        "transport|Truncated|true", "closed inside")
    end)

    it("tell a body that ends early, after its bytes", function()
      for _, body in ipairs { "content-length: 9\\r\\n\\r\\nhello",
        "transfer-encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n" } do
        assert.equal("hello|transport|Truncated|again", run(([[
          local reply = assert(send("/raw", "HTTP/1.1 200 OK\r\n%s"))
          local text, err = all(reply)
          local _, again = reply:read()
          return { text, "|", err.kind, "|", err.code, "|",
            again == err and "again" or "another" }
        ]]):format(body)))
      end
    end)

    it("tell a chunk that is wrong, after the bytes before it", function()
      assert.equal("hello|protocol|InvalidHttp", run [[
        local text, err = all(assert(send("/raw", "HTTP/1.1 200 OK\r\n"
          .. "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")))
        return { text, "|", err.kind, "|", err.code }
      ]])
    end)

    it("give a refusal that comes before the body was sent", function()
      assert.equal("413 big", run [[
        local reply, err = send("/refuse", ("x"):rep(3e7))
        return reply and reply.status .. " " .. all(reply) or told(err)
      ]])
    end)

    it("name what nginx cannot do", function()
      fails('send("/", nil, nil, { ca_bundle = "/x" })',
        "config|nil|false", "lua_ssl_trusted_certificate")
      fails('send("/", nil, nil, { http_version = "2" })',
        "config|nil|false", "HTTP/1.1 only")
      fails('send("/", nil, nil, { proxy = "socks5://a" })',
        "config|nil|false", "http://")
      for _, url in ipairs { "ftp://a/", "http://a:0/", "http://a:65536/",
        "http://me@a/", "http://[::1/" } do
        fails("send " .. ("%q"):format(url), "config|nil|false", "not a URL")
      end
      fails('send("/", nil, nil, { headers = { a = "b\\nc" } })',
        "config|InvalidArgument|false", "control character")
    end)
  end)

  describe("timeouts", function()
    it("name the idle one, before and between bytes", function()
      fails('send("/raw?stall=2", "", { idle = 0.05 })',
        "timeout|IdleTimeout|true", "idle_timeout of 0.05 s")
      fails([[(function()
        local reply = assert(send("/slow?n=2&ms=2000", nil, { idle = 0.1 }))
        return all(reply)
      end)()]], "timeout|IdleTimeout|true", "idle_timeout of 0.1 s")
    end)

    it("name the total one, however steadily bytes come", function()
      fails([[(function()
        return all(assert(send("/slow?n=500&ms=5", nil,
          { idle = 5, total = host:clock() + 0.5 })))
      end)()]], "timeout|TotalTimeout|false", "total_timeout")
    end)

    it("fire when nothing is left to begin with", function()
      fails('send("/", nil, { total = host:clock() - 1 })',
        "timeout|TotalTimeout|false", "")
    end)

    it("name the connect one while TLS is waited for", function()
      local silent = require "cqueues.socket".listen {
        host = "127.0.0.1", port = 0 }
      local _, _, port = silent:localname()
      fails(('send("https://one.test:%d", nil, { connect = 0.1 })')
        :format(port), "timeout|ConnectTimeout|true",
        "connect_timeout of 0.1 s", "/trusting")
      silent:close()
    end)

    it("bound the look-up of a name", function()
      local what = {
        ["connect = 0.05"] = "timeout|ConnectTimeout|true",
        ["connect = 5, total_seconds = 0.05, total = host:clock() + 0.05"] =
          "timeout|TotalTimeout|false",
      }
      for deadlines, expected in pairs(what) do
        fails(('send("http://slow.example/", nil, { %s })'):format(deadlines),
          expected, "connecting to slow.example:80", "/dark")
      end
    end)

    it("are none where none is asked for", function()
      assert.equal("x", run 'return (all(assert(send("/", "x", {}))))')
    end)
  end)
end)
