-- The provider chains, against the Rust SDK's recorded traffic.
local cjson = require "cjson"
local chain = require "bedrock.auth.chain"
local errors = require "bedrock.errors"
local from_profile = require "bedrock.auth.from_profile"
local bearer = require "bedrock.auth.bearer"
local settings = require "bedrock.auth.settings"
local support = require "spec.auth.support"
local timestamp = require "bedrock.service.timestamp"
local traffic = require "spec.auth.traffic"
local vectors = require "spec.support.vectors"

local ROOT = "smithy-rs/aws/rust-runtime/aws-config/test-data/"

-- The Rust SDK's own wording, and what means the same here.
local WORDS = {
  ["the credential provider was not enabled"] = {
    "no credentials found", "which has none", "No profiles were defined" },
  ["provider was not enabled"] = { "which has none" },
  ["No such file or directory (os error 2)"] = {
    "No such file or directory" },
  ["InvalidIdentityTokenException: No OpenIDConnect provider found in your "
    .. "account"] = { "InvalidIdentityToken: No OpenIDConnect provider found "
    .. "in your account" },
  ["an error occurred while loading credentials"] = {
    "SSO did not answer" },
  ["an error occurred while loading credentials: Error retrieving "
    .. "credentials: external process exited with code exit status: 1"] = {
    "Error retrieving credentials: external process exited with code exit "
    .. "status: 1" },
}

local function expected_words(text)
  text = text:gsub(" %(os error 2%)", "")
  return WORDS[text] or { text }
end

local function matches(message, text)
  for _, words in ipairs(expected_words(text)) do
    if message:find(words, 1, true) then return true end
  end
end

local function json(path)
  return cjson.decode(vectors.read(path))
end

-- fs/ of a case is the root of the file system.
local function files_of(case)
  local texts = {}
  for _, path in ipairs(vectors.files(case)) do
    local inside = path:sub(#case + 1):match "^/fs(/.*)$"
    if inside then texts[inside] = vectors.read(path) end
  end
  return support.files(texts)
end

local function execute(_, command)
  local ok, curl = pcall(require, "bedrock.curl")
  if not ok then return nil, errors.new("transport", "no bedrock.curl") end
  local process = curl.process(command)
  process:wait(10)
  return process:result()
end

local function context_of(case)
  local host = traffic.host(json(case .. "/http-traffic.json").events)
  host.execute = execute
  local files = files_of(case)
  local log, lines = support.log()
  return { host = host, files = files, log = log, lines = lines,
    settings = settings.new { env = support.env(json(case .. "/env.json")),
      files = files, windows = false },
    now = function() return host:now() end,
    random = function() return 0.5 end }
end

local function check_credentials(expected, found)
  for name, value in pairs(expected) do
    if name == "expiry" then
      assert.equal(value, found.expiration)
    else
      assert.equal(value, found[name], name)
    end
  end
  assert.equal(expected.session_token, found.session_token)
end

local function check(case, provider, context)
  local found, err, reason = provider:resolve()
  local expected = json(case .. "/test-case.json").result
  if expected.ErrorContains then
    assert.is_nil(found)
    local message = err and err.message or reason
    assert.truthy(matches(message, expected.ErrorContains), message)
  else
    assert.is_nil(err)
    check_credentials(expected.Ok, found)
  end
  assert.equal(0, context.host.left())
end

local function suite(name, count, provider_of)
  describe("AWS's suite " .. name, function()
    if not vectors.available() then
      pending(name .. " is not here")
      return
    end
    local cases = vectors.directories(ROOT .. name)
    for _, case in ipairs(cases) do
      it(case:match "[^/]+$", function()
        local context = context_of(case)
        check(case, provider_of(context), context)
      end)
    end
    it("has all its cases", function() assert.equal(count, #cases) end)
  end)
end

suite("default-credential-provider-chain", 29, chain.new)
suite("profile-provider", 18, from_profile.new)

describe("AWS's suite default-token-provider-chain", function()
  if not vectors.available() then
    pending "default-token-provider-chain is not here"
    return
  end
  local cases = vectors.directories(ROOT .. "default-token-provider-chain")
  it("has all its cases", function() assert.equal(3, #cases) end)
  for _, case in ipairs(cases) do
    it(case:match "[^/]+$", function()
      local token, expires = assert(bearer.sso_provider(context_of(case)))
        :resolve()
      local expected = json(case .. "/test-case.json").result.Ok
      assert.equal(expected.token, token)
      assert.equal(timestamp.parse(expected.expiration), expires)
    end)
  end
end)

describe("without asking anybody", function()
  local KEYS = "aws_access_key_id = id\naws_secret_access_key = secret\n"

  local function at_once(env, config, options)
    local context = support.context { env = env, options = options,
      files = { ["/h/.aws/config"] = config } }
    local asked = chain.new(context)
    local found = asked:resolve_at_once()
    return found and found.source, asked.answers
  end

  it("there are keys of the environment and of a profile", function()
    local env = { AWS_ACCESS_KEY_ID = "id", AWS_SECRET_ACCESS_KEY = "secret" }
    assert.equal("environment", (at_once(env)))
    assert.equal("environment", (at_once(env, "[default]\n" .. KEYS)))
    assert.equal("profile", (at_once(env, "[profile a]\n" .. KEYS,
      { profile = "a" })))
    local source, answers = at_once({}, "[default]\n" .. KEYS)
    assert.equal("profile", source)
    assert.same({ { provider = "environment",
      reason = "AWS_ACCESS_KEY_ID is not set" },
      { provider = "profile", found = true } }, answers)
  end)

  it("there is nothing behind a mistake, or who has to be asked", function()
    assert.is_nil((at_once({ AWS_ACCESS_KEY_ID = "id" },
      "[default]\n" .. KEYS)))
    assert.is_nil((at_once({}, "[default]\naws_access_key_id = id")))
    assert.is_nil((at_once({}, "[default]\nrole_arn = r\n"
      .. "source_profile = a\n[profile a]\n" .. KEYS)))
    assert.is_nil((at_once({}, "[default]\ncredential_process = x")))
    assert.is_nil((at_once {}))
  end)
end)
