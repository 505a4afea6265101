-- core.ini and bedrock.auth.profile: the shared files.
local cjson = require "cjson"
local core = require "bedrock.core"
local profile = require "bedrock.auth.profile"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-runtime/test-data/"
  .. "profile-parser-tests.json"

local function file(text, path)
  return text and { text = text, path = path }
end

local function merge(config, credentials)
  return profile.merge(file(config, "CONFIG"), file(credentials, "CREDS"))
end

describe("AWS's profile parser suite", function()
  if not vectors.available() then
    pending "profile-parser-tests.json is not here"
    return
  end
  local suite = cjson.decode(vectors.read(SUITE))
  for number, case in ipairs(suite.tests) do
    it(("%d: %s"):format(number, case.name), function()
      local set, err = merge(case.input.configFile,
        case.input.credentialsFile)
      local expected = case.output.errorContaining
      if expected then
        assert.is_nil(set)
        assert.equal("config", err.kind)
        assert.truthy(err.message:find(expected, 1, true), err.message)
      else
        assert.is_nil(err)
        assert.same(case.output.config.profiles, set.profiles)
        assert.same(case.output.config.sso_sessions or {}, set.sso_sessions)
      end
    end)
  end
  it("has all its cases", function() assert.equal(65, #suite.tests) end)
end)

describe("shared files", function()
  it("skip an indented line that is only a comment", function()
    local set = assert(merge("[default]\nregion = a\n  # b\n\t; c\n"
      .. "s3 =\n  # d\n  x = y\n"))
    assert.same({ region = "a", s3 = "\nx = y" }, set.profiles.default)
  end)

  it("may begin with a byte order mark and lack a last newline", function()
    local set = assert(merge("\239\187\191[default]\r\nregion = a"))
    assert.same({ region = "a" }, set.profiles.default)
  end)

  it("are parsed to the same whatever ends their lines", function()
    local text = "[profile a]\nb = c\n d\n\n[sso-session e]\nf = g ; h\n"
    local crlf = text:gsub("\n", "\r\n")
    assert.same(merge(text).profiles, merge(crlf).profiles)
    assert.same(merge(text).sso_sessions, merge(crlf).sso_sessions)
  end)

  it("name file and line of what breaks the format", function()
    local _, err = merge("[default]\nregion = a\n\nregion\n")
    assert.equal(4, err.line)
    assert.equal("CONFIG", err.path)
    assert.equal("could not parse profile file CONFIG, line 4: "
      .. "Expected an '=' sign defining a property", err.message)
  end)

  it("survive any cut and any byte without a crash", function()
    local text = "[profile a]\nb =\n c = d\n[services e]\nf = g\n h # i\n"
    for n = 0, #text do
      core.ini.parse(text:sub(1, n))
      for _, byte in ipairs { 0, 9, 10, 13, 35, 61, 91, 93, 255 } do
        core.ini.parse(text:sub(1, n) .. string.char(byte) .. text:sub(n + 2))
      end
    end
  end)

  it("remember where each property came from", function()
    local set = assert(merge("[profile a]\nb = 1\nc = 2", "[a]\nb = 3"))
    assert.equal("CREDS, line 2", set:origin("profiles", "a", "b"))
    assert.equal("CONFIG, line 3", set:origin("profiles", "a", "c"))
    assert.is_nil(set:origin("profiles", "a", "d"))
  end)

  it("say which profiles there are when one is unknown", function()
    local set = assert(merge("[profile a]\n[profile b]\n[c]\n"))
    assert.equal('no profile "c" in the shared files: there are a, b; '
      .. "CONFIG, line 3 has [c], but must say [profile c]",
      set:unknown("c").message)
  end)

  it("say which bracket is meant in the credentials file", function()
    local set = assert(merge("[profile a]\n", "[profile c]\nd = e\n"))
    assert.equal('no profile "c" in the shared files: there are a; '
      .. "CREDS, line 1 has [profile c], but must say [c]",
      set:unknown("c").message)
  end)

  it("may have a section's name in quotes", function()
    local set = assert(merge("[profile 'my name']\na = b\n"
      .. '[sso-session\t"s" ] # c\nd = e\n[profile ""]\nf = g\n'
      .. "[profile 'h\"]\n['i']\n", "['j']\nk = l\n"))
    assert.same({ ["my name"] = { a = "b" } }, set.profiles)
    assert.same({ s = { d = "e" } }, set.sso_sessions)
  end)

  it("say which names are none", function()
    local set = assert(merge("[profile a b]\n", "[c&d]\n"))
    assert.truthy(set:unknown("a b").message:find("CONFIG, line 1 has "
      .. "[profile a b], but a name consists of letters, digits and any of "
      .. "-/.%@_:+", 1, true))
    assert.truthy(set:unknown("c&d").message:find("CREDS, line 1 has [c&d], "
      .. "but a name", 1, true))
  end)

  it("give nested properties of services", function()
    local set = assert(merge("[profile a]\nservices = s\n[services s]\n"
      .. "STS =\n  Endpoint_URL = http://x # y\nsso =\n  other = z\n"))
    local value, source = set:service_property("a", "sts", "endpoint_url")
    assert.equal("http://x", value)
    assert.equal("services s in CONFIG, line 4", source)
    assert.is_nil(set:service_property("a", "sso", "endpoint_url"))
    assert.is_nil(set:service_property("a", "signin", "endpoint_url"))
  end)

  it("complain about a services section that is not there", function()
    local set = assert(merge("[profile a]\nservices = s\n"))
    local value, err = set:service_property("a", "sts", "endpoint_url")
    assert.is_nil(value)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find("(CONFIG, line 2)", 1, true))
  end)

  it("may be missing, but not unreadable", function()
    local set = assert(profile.load(support.files {}, "/c", "/d"))
    assert.same({}, set.profiles)
    assert.same({}, profile.load(support.files {}).profiles)
    local none, err = profile.load(support.files { ["/d"] = false }, "/c",
      "/d")
    assert.is_nil(none)
    assert.equal("cannot read /d: Permission denied", err.message)
  end)
end)
