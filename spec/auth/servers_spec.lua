-- The providers against real servers on loopback, well-behaved and not.
local has_curl = pcall(require, "bedrock.curl")
local cqueues = os.execute "lua5.4 -e 'require \"cqueues\"' 2>/dev/null"
if not has_curl or cqueues ~= true and cqueues ~= 0 then
  pending "needs bedrock.curl, and cqueues for lua5.4"
  return
end

local bedrock = require "bedrock"
local cjson = require "cjson"
local core = require "bedrock.core"
local credentials = require "bedrock.auth.credentials"
local curl_host = require "bedrock.host.curl"
local process = require "bedrock.emulator.process"
local settings = require "bedrock.auth.settings"
local shell = require "spec.support.shell"
local support = require "spec.auth.support"
local task = require "bedrock.task"

local SSO_CACHE = "/h/.aws/sso/cache/" .. core.bytes.sha1_hex "s" .. ".json"
local FILES = {
  ["/h/.aws/config"] = [[
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = base
[profile base]
aws_access_key_id = AKIDROLE
aws_secret_access_key = base-secret
[profile sso]
sso_session = s
sso_account_id = 1
sso_role_name = r
[sso-session s]
sso_region = eu-west-1
sso_start_url = u
]],
  ["/token"] = "identity-token",
  [SSO_CACHE] = '{"accessToken":"secret-t","expiresAt":'
    .. '"2099-01-01T00:00:00Z"}',
}

-- Where each provider looks, as variables; %s is http://host:port/mode.
local WAYS = {
  imds = { AWS_EC2_METADATA_SERVICE_ENDPOINT = "%s" },
  container = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "%s/creds" },
  assume_role = { AWS_PROFILE = "role", AWS_ENDPOINT_URL_STS = "%s" },
  web_identity = { AWS_WEB_IDENTITY_TOKEN_FILE = "/token",
    AWS_ROLE_ARN = "r", AWS_ENDPOINT_URL_STS = "%s" },
  sso = { AWS_PROFILE = "sso", AWS_ENDPOINT_URL_SSO = "%s" },
}

describe("real servers", function()
  local server, base, host

  setup(function()
    server = process.start "lua5.4 spec/support/aws_server.lua"
    base = "http://127.0.0.1:" .. tostring(server.line)
    host = curl_host.new()
  end)
  teardown(function() server:stop() end)

  -- The host, in a hurry: time limits `hurry` times as short.  `sends` notes
  -- each try: its limits in seconds as they were asked for, and its error.
  local function watched(hurry)
    local sends = {}
    return setmetatable({ sends = sends, send = function(_, request, given)
      local note = { given.connect, given.idle, given.total_seconds }
      local now = host:clock()
      sends[#sends + 1] = note
      local reply, err = host:send(request, { connect = given.connect / hurry,
        idle = given.idle / hurry, total_seconds = given.total_seconds,
        total = now + (given.total - now) / hurry })
      note.err = err
      return reply, err
    end }, { __index = function(_, name)
      return host[name] and function(_, ...) return host[name](host, ...) end
    end })
  end

  local function find(way, mode, on)
    local env = { HOME = "/h", AWS_REGION = "eu-west-1",
      http_proxy = "http://127.0.0.1:1" }
    for name, value in pairs(WAYS[way]) do
      env[name] = value:gsub("%%s", base .. "/" .. mode)
    end
    local files = support.files(FILES)
    local log = support.log()
    return credentials.new { host = on or host, files = files, log = log,
      random = function() return 0.5 end, settings = settings.new {
        env = support.env(env), files = files, windows = false } }
  end

  for way in pairs(WAYS) do
    for _, mode in ipairs { "good", "flaky" } do
      it(way .. " gives credentials (" .. mode .. ")", function()
        local found, err = find(way, mode):get()
        assert.is_nil(err)
        assert.equal("a", found.access_key_id)
        assert.equal("c", found.session_token)
        assert.equal(4070908800, found.expiration)
        assert.equal(way, found.source)
      end)
    end

    for _, mode in ipairs { "hangup", "half", "cut", "head", "forbidden",
      "garbage", "junk", "huge", "endless", "continue", "redirect" } do
      it(way .. " fails at once and says why (" .. mode .. ")", function()
        local on = watched(1)
        local found, err = find(way, mode, on):get()
        assert.is_nil(found)
        assert.equal("credentials", err.kind)
        assert.is_nil(tostring(err):find("secret", 1, true))
        assert.truthy(#tostring(err) < 1000)
        for _, try in ipairs(on.sends) do
          assert.is_true(not try.err or try.err.kind ~= "timeout")
        end
      end)
    end
  end

  -- Seconds that a try may take, and how many there are; only one for IMDS,
  -- so that a machine which is no instance does not wait.
  local LIMITS = { imds = { 1, 1 }, container = { 2, 3 }, sso = { 5, 3 },
    assume_role = { 10, 3 }, web_identity = { 10, 3 } }

  local function finish(tasks)
    local left
    repeat
      left = 0
      for _, t in ipairs(tasks) do left = left + (t:step() and 0 or 1) end
      if left > 0 then host:wait(0.05) end
    until left == 0
    for _, t in ipairs(tasks) do t:result() end
  end

  for _, mode in ipairs { "dead", "slow", "stall", "drip", "trickle" } do
    it("all have their time limits, side by side (" .. mode .. ")", function()
      local tasks = {}
      for way, limit in pairs(LIMITS) do
        tasks[#tasks + 1] = task.new(function()
          local on = watched(50)
          local found, err = find(way, mode, on):get()
          assert.is_nil(found)
          assert.truthy(err.message:find(("of %d s passed"):format(limit[1]),
            1, true), err.message)
          assert.equal(limit[2], #on.sends)
          for _, try in ipairs(on.sends) do
            for at = 1, 3 do assert.equal(limit[1], try[at]) end
          end
        end)
      end
      finish(tasks)
    end)
  end

  it("sso: a token is refreshed, and written back for its owner", function()
    local home = os.tmpname()
    os.remove(home)
    local folder = home .. "/.aws/sso/cache"
    os.execute(("mkdir -p '%s'"):format(folder))
    local path = folder .. "/" .. core.bytes.sha1_hex "s" .. ".json"
    shell.write(home .. "/.aws/config", FILES["/h/.aws/config"])
    shell.write(path, '{"accessToken":"stale","expiresAt":'
      .. '"2020-01-01T00:00:00Z","clientId":"c","clientSecret":"d",'
      .. '"refreshToken":"once","startUrl":"u"}')
    local at = base .. "/good"
    local held = bedrock.credentials { host = host, region = "eu-west-1",
      env = { HOME = home, AWS_PROFILE = "sso", AWS_ENDPOINT_URL_SSO = at,
        AWS_ENDPOINT_URL_SSO_OIDC = at } }
    local found, err = held:get()
    local written = cjson.decode(shell.read(path))
    local listed = shell.run { "ls", "-lA", folder }.out
    os.execute(("rm -r '%s'"):format(home))
    assert.is_nil(err)
    assert.equal("sso", found.source)
    assert.equal("fresh next u", written.accessToken .. " "
      .. written.refreshToken .. " " .. written.startUrl)
    assert.truthy(written.expiresAt:find "^20%d%d%-%d%d%-%d%dT[%d:]+Z$")
    assert.equal(1, select(2, listed:gsub("%-rw%-%-%-%-%-%-%-", "")))
    assert.equal(1, select(2, listed:gsub("%.json", ""))) -- nothing beside it
  end)

  it("one refresh serves many tasks", function()
    local c = find("imds", "good")
    local tasks, ids, asked = {}, {}, 0
    local provider = c:provider()
    local resolve = provider.resolve
    function provider:resolve()
      asked = asked + 1
      return resolve(self)
    end
    for number = 1, 20 do
      tasks[number] = task.new(function()
        ids[number] = c:get().access_key_id
      end)
    end
    finish(tasks)
    assert.equal(1, asked)
    assert.equal(20, #ids)
  end)

  it("nobody at the port: at once", function()
    local keep, on = base, watched(1)
    base = "http://127.0.0.1:1"
    for way in pairs(WAYS) do
      local found, err = find(way, "good", on):get()
      assert.is_nil(found)
      assert.equal("credentials", err.kind)
    end
    base = keep
    for _, try in ipairs(on.sends) do
      assert.equal("ConnectionRefused", try.err.code)
    end
  end)
end)
