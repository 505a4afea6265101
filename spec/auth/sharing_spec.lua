-- One credentials object and many who ask at once: on every host.
local has_curl = pcall(require, "bedrock.curl")
local cqueues = os.execute "lua5.4 -e 'require \"cqueues\"' 2>/dev/null"
if not has_curl or cqueues ~= true and cqueues ~= 0 then
  pending "needs bedrock.curl, and cqueues for lua5.4"
  return
end

local bedrock = require "bedrock"
local child = require "bedrock.emulator.child"
local hosts = require "spec.support.hosts"
local nginx_support = require "spec.support.nginx"
local process = require "bedrock.emulator.process"
local task = require "bedrock.task"

local MANY = 25

local loadstring = loadstring or load -- luacheck: ignore 113 143

local server, base

setup(function()
  server = process.start "lua5.4 spec/support/aws_server.lua"
  base = ("http://127.0.0.1:%s/renewing/container/"):format(server.line)
end)
teardown(function() server:stop() end)

local function shared(host, name)
  return bedrock.credentials { host = host, region = "eu-west-1",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = base .. name } }
end

-- `work` in many coroutines of a host; each way starts and ends them all.
local START = {}

function START.curl(host, work)
  local tasks, left = {}, MANY
  for i = 1, MANY do tasks[i] = task.new(work, i) end
  while left > 0 do
    left = 0
    for _, one in ipairs(tasks) do left = left + (one:step() and 0 or 1) end
    if left > 0 then host:wait(0.05) end
  end
  for _, one in ipairs(tasks) do one:result() end
end

function START.luv(host, work)
  for i = 1, MANY do host:spawn(function() work(i) end) end
  host.uv.run()
end

function START.cqueues(_, work)
  local controller = require "cqueues".new()
  for i = 1, MANY do controller:wrap(function() work(i) end) end
  assert(controller:loop())
end

local function new_host(name)
  return name == "curl" and bedrock.host.curl() or bedrock.host[name]()
end

-- What a call says whose credentials do not come in time, as a chunk's text
-- so that nginx can run it, too.
local LATE = [[
  local client = require "bedrock".new { host = ..., total_timeout = 0.2,
    region = "eu-west-1", endpoint_url = "http://127.0.0.1:1",
    env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = %q } }
  local _, err = client:converse { modelId = "m", messages = {
    { role = "user", content = { { text = "Hello" } } } } }
  return tostring(err)
]]
local TOO_LATE = "timeout error TotalTimeout: total_timeout of 0.2 s passed "
  .. "while looking for credentials (operation Converse)"

local function late()
  return LATE:format((base:gsub("renewing/.*", "dead/")))
end

for _, entry in ipairs(hosts.list) do
  describe("credentials on " .. entry.name, function()
    if entry.absent then
      pending(entry.absent)
      return
    end

    it("are found once, and renewed once, for all who ask", function()
      local host = new_host(entry.name)
      local held, first, second = shared(host, entry.name), {}, {}
      START[entry.name](host, function(i) first[i] = assert(held:get()) end)
      START[entry.name](host, function(i)
        held:invalidate(first[i]) -- all of them were refused
        second[i] = assert(held:get())
      end)
      assert.equal(MANY, #second)
      for i = 1, MANY do
        assert.equal("key1", first[i].access_key_id)
        assert.equal("key2", second[i].access_key_id)
      end
    end)

    it("are waited for no longer than the call may take", function()
      assert.equal(TOO_LATE, entry.run(loadstring(late())))
    end)
  end)
end

-- A host on which the service calls the key OLD expired.
local function refusing(host)
  local function forward(_, name)
    return host[name] and function(_, ...) return host[name](host, ...) end
  end
  return setmetatable({ send = function(_, request, deadlines)
    if not request.headers.authorization:find("=OLD/", 1, true) then
      return host:send(request, deadlines)
    end
    host:sleep(0.01)
    return { status = 403, headers = {
      ["x-amzn-errortype"] = "ExpiredTokenException" },
      read = function() end, close = function() end }
  end }, { __index = forward })
end

describe("credentials that expire while requests run", function()
  local emulator
  setup(function() emulator = child.start {} end)
  teardown(function() emulator:stop() end)

  for _, entry in ipairs(hosts.list) do
    it("are renewed once for all on " .. entry.name, function()
      if entry.absent then return pending(entry.absent) end
      local host = new_host(entry.name)
      local options, asked, done = {}, 0, 0
      for name, value in pairs(emulator.options) do options[name] = value end
      local good = options.credentials
      options.host, options.max_attempts = refusing(host), 1
      function options.credentials()
        asked = asked + 1
        host:sleep(0.05)
        return asked > 1 and good
          or { access_key_id = "OLD", secret_access_key = "b" }
      end
      local client = bedrock.new(options)
      START[entry.name](host, function()
        assert(client:converse { modelId = "amazon.nova-lite-v1:0", messages = {
          { role = "user", content = { { text = "Hello" } } } } })
        done = done + 1
      end)
      assert.equal(MANY, done)
      assert.equal(2, asked)
    end)
  end
end)

describe("credentials in nginx", function()
  local why = nginx_support.missing()
  if why then
    pending(why)
    return
  end

  local HEAD = [[
    local bedrock = require "bedrock"
    local kept = package.loaded["spec.kept"] or bedrock.credentials {
      host = bedrock.host.nginx(), region = "eu-west-1",
      env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = %q } }
    package.loaded["spec.kept"] = kept
  ]]
  local nginx, port

  setup(function()
    local file = assert(io.open "spec/support/nginx_client.conf")
    port = nginx_support.port()
    nginx = nginx_support.start { http = file:read "*a",
      values = { RUN = port } }
    file:close()
  end)
  teardown(function() nginx:stop() end)

  -- Many requests at once, each of which gives its key.
  local function ask_all(wanted, code)
    local asked = {}
    for i = 1, MANY do
      asked[i] = nginx_support.request(port, "POST", "/",
        HEAD:format(base .. "nginx") .. code)
    end
    for i = 1, MANY do
      local text = asked[i]:xread "*a"
      asked[i]:close()
      assert.equal(wanted, text:match "key%d+", text)
    end
  end

  it("are shared by the requests of a worker", function()
    ask_all("key1", [[
      local found = assert(kept:get())
      package.loaded["spec.first"] = found
      return found.access_key_id
    ]])
    ask_all("key2", [[
      kept:invalidate(package.loaded["spec.first"])
      return assert(kept:get()).access_key_id
    ]])
  end)

  it("are waited for no longer than the call may take", function()
    assert.equal(TOO_LATE, (nginx_support.ask(port, "POST", "/",
      late():gsub("%.%.%.", 'require "bedrock".host.nginx()'))))
  end)

  it("are examined by the doctor, with nginx's versions", function()
    local text = nginx_support.ask(port, "POST", "/", [[
      local bedrock = require "bedrock"
      return tostring(bedrock.doctor { host = bedrock.host.nginx(),
        region = "eu-west-1", endpoint_url = "http://127.0.0.1:1", env = {},
        credentials = { access_key_id = "a", secret_access_key = "b" } })
    ]])
    assert.truthy(text:find("\n  nginx/%d+%.%d+%.%d+ lua%-nginx%-module/0%."),
      text)
    assert.truthy(text:find("config: there is no HOME", 1, true), text)
    assert.truthy(text:find("credentials: there is no HOME", 1, true), text)
  end)

  it("from a function that raises are an error, not raised", function()
    local text, status = nginx_support.ask(port, "POST", "/", [[
      local bedrock = require "bedrock"
      local held = bedrock.credentials { host = bedrock.host.nginx(),
        region = "eu-west-1", env = {}, credentials = function()
          error("mine", 0)
        end }
      local found, err = held:get()
      return tostring(found) .. " " .. tostring(err)
    ]])
    assert.equal(200, status, nginx:log())
    assert.equal("nil credentials error: mine", text)
  end)
end)
