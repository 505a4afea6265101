-- bedrock.auth.process, and the commands below it.
local errors = require "bedrock.errors"
local from_profile = require "bedrock.auth.from_profile"
local process = require "bedrock.auth.process"
local profile = require "bedrock.auth.profile"
local plan = require "bedrock.auth.plan"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local TESTDATA = "aws-sdk-go-v1/aws/credentials/processcreds/testdata/"

-- A provider whose command says `stdout`, `stderr` and `code`.
local function saying(stdout, stderr, code)
  local c = support.context {}
  function c.host.execute() return stdout, stderr or "", code or 0 end
  return process.new(c, { command = "x", profile = "p", account_id = "9" }), c
end

describe("aws-sdk-go's process test data", function()
  if not vectors.available() then
    pending "processcreds/testdata is not here"
    return
  end
  local cases = { static = true, nonexpire = true, longsessiontoken = true,
    verybad = true, missingkey = "lacks SecretAccessKey",
    missingsecret = "lacks AccessKeyId", wrongversion = '"Version": 1',
    malformed = "invalid JSON", expired = "expired" }
  for name, expected in pairs(cases) do
    it(name, function()
      local provider, c = saying(vectors.read(TESTDATA .. name .. ".json"))
      c.host.time = 1700000000
      local found, err = provider:resolve()
      if expected == true then
        assert.is_nil(err)
        assert.equal("process", found.source)
      else
        assert.is_nil(found)
        assert.truthy(err.message:find(expected, 1, true), err.message)
      end
    end)
  end

  it("is all there", function()
    local count = 0
    for _ in pairs(cases) do count = count + 1 end
    assert.equal(count, #vectors.files(TESTDATA, ".json"))
  end)

  it("static keys beside a process win", function()
    local set = profile.merge({ path = "x",
      text = vectors.read(TESTDATA .. "shconfig.ini") })
    assert.equal("notFromCredProcAccess",
      plan.of(set, "not_alone").base.access_key_id)
    assert.equal("cat ./testdata/nonexpire.json",
      plan.of(set, "non_expire").base.command)
  end)
end)

describe("a credential process", function()
  local GOOD = [[{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"%s}]]

  it("gives credentials; the profile's account id stands in", function()
    assert.same({ access_key_id = "a", secret_access_key = "b",
      account_id = "9", source = "process" },
      (saying(GOOD:format ""):resolve()))
    assert.equal("8", saying(GOOD:format ',"AccountId":"8"'):resolve()
      .account_id)
  end)

  it("shows its standard error, and never its standard output", function()
    local secret = '{"Version":1,"AccessKeyId":"secret","Secret'
    for _, code in ipairs { 3, 0 } do
      local found, err = saying(secret, "you must\nlog in", code):resolve()
      assert.is_nil(found)
      assert.is_nil(tostring(err):find("secret", 1, true))
      assert.truthy(tostring(err):find("it said: you must log in", 1, true))
      assert.truthy(err.message:find("profile p", 1, true))
    end
    local _, err = saying("", ("x"):rep(10000), 1):resolve()
    assert.truthy(#err.message < 800)
  end)

  it("is not there in every host", function()
    local c = support.context {}
    local found, err = process.new(c, { command = "x", profile = "p" })
      :resolve()
    assert.is_nil(found)
    assert.truthy(err.message:find("not available in this host", 1, true))
  end)

  it("passes on why it could not run", function()
    local c = support.context {}
    function c.host.execute()
      return nil, errors.new("timeout", "the process was ended after 60 s")
    end
    local _, err = process.new(c, { command = "x", profile = "p" }):resolve()
    assert.truthy(err.message:find("ended after 60 s", 1, true))
  end)
end)

local has_curl, curl = pcall(require, "bedrock.curl")

describe("host:execute", function()
  if not has_curl then
    pending "there is no bedrock.curl"
    return
  end
  local host = require "bedrock.host.curl".new()

  it("runs what a profile says, quotes, blanks and ~ as a shell does",
    function()
      local folder = os.tmpname()
      os.remove(folder)
      os.execute(("mkdir -p '%s/a b'"):format(folder))
      local file = assert(io.open(folder .. "/a b/helper", "w"))
      file:write('printf \'{"Version":1,"AccessKeyId":"%s",'
        .. '"SecretAccessKey":"%s"}\' "$1" "$#"; echo "$2"\n')
      file:close()
      local c = support.context { env = { AWS_PROFILE = "p" }, files = {
        ["/h/.aws/config"] = ([[
[profile p]
credential_process = sh "%s/a b/helper" 'x  y;#z' "" ~ # not this
]]):format(folder) } }
      c.host.execute = function(_, ...) return host:execute(...) end
      local found = assert(from_profile.new(c):resolve())
      os.execute(("rm -r '%s'"):format(folder))
      assert.equal("x  y;#z", found.access_key_id)
      assert.equal("3", found.secret_access_key)
    end)

  it("gives both streams and the exit code", function()
    assert.same({ "out\n", "err\n", 3 },
      { host:execute("echo out; echo err >&2; exit 3", 5) })
    assert.same({ "", "", 137 }, { host:execute("kill -9 $$", 5) })
    assert.equal(127, (select(3, host:execute("/no/such/command", 5))))
  end)

  it("kills what takes too long, with its children", function()
    local found, err = host:execute("echo $$; sleep 60 | cat", 0.1)
    assert.is_nil(found)
    assert.equal("timeout", err.kind)
    local path = os.tmpname()
    host:execute(("sleep 60 & echo $! >'%s'; wait"):format(path), 0.5)
    local file = assert(io.open(path))
    local child = file:read "*l"
    file:close()
    os.remove(path)
    local pipe = io.popen("ps -o stat= -p " .. child)
    local state = pipe:read "*l" or ""
    pipe:close()
    assert.truthy(state == "" or state:find "^Z", state)
  end)

  it("does not wait for a grandchild that keeps the pipes", function()
    assert.equal("x\n", (host:execute("sleep 10 & echo x", 8)))
  end)

  it("has an end to what it takes", function()
    local found, err = host:execute("head -c 3000000 /dev/zero", 5)
    assert.is_nil(found)
    assert.equal("LimitExceeded", err.code)
    assert.equal(1000000, #host:execute("head -c 1000000 /dev/zero", 5))
  end)

  it("lets a command log at length, and keeps its last words", function()
    local out, err, code = host:execute("head -c 3000000 /dev/zero >&2; "
      .. "echo last words >&2; echo out; exit 3", 20)
    assert.equal("out\n", out)
    assert.equal("last words\n", err:sub(-11))
    assert.truthy(#err <= 2 ^ 20)
    assert.equal(3, code)
    local found
    found, err = host:execute("while :; do echo x; done >&2", 0.3)
    assert.is_nil(found)
    assert.equal("ProcessTimeout", err.code)
  end)

  it("gives the command nothing to read and no terminal", function()
    local out, _, code = host:execute("read x; echo $?; : </dev/tty", 5)
    assert.equal("1\n", out)
    assert.truthy(code ~= 0)
  end)

  it("is killed when nobody holds it any more", function()
    local started = assert(curl.process "sleep 60")
    assert.is_false(started:wait(0))
    started:close()
    started:close()
    assert.is_true(started:wait(0))
    assert.has_error(function() curl.process "a\0b" end)
    assert.has_error(function() started:wait(-1) end)
    assert.has_error(function() started:wait(0 / 0) end)
  end)
end)

describe("curl.write_private", function()
  if not has_curl then
    pending "there is no bedrock.curl"
    return
  end

  it("replaces a file by one that only its owner reads", function()
    local path = os.tmpname()
    os.execute("chmod 644 " .. path)
    assert.is_true(curl.write_private(path, "one"))
    assert.is_true(curl.write_private(path, "two\0" .. ("x"):rep(100000)))
    local file = assert(io.open(path, "rb"))
    assert.equal(100004, #file:read "*a")
    file:close()
    local pipe = io.popen("ls -l " .. path .. "; ls " .. path .. ".* 2>&1 | "
      .. "grep -vc 'No such'")
    assert.equal("-rw-------", pipe:read "*l":sub(1, 10))
    assert.equal("0", pipe:read "*l")
    pipe:close()
    os.remove(path)
  end)

  it("leaves everything as it was when it fails", function()
    local done, reason = curl.write_private("/no/such/folder/x", "y")
    assert.is_nil(done)
    assert.equal("No such file or directory", reason)
    assert.is_nil((curl.write_private("/", "y")))
  end)
end)
