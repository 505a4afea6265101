-- bedrock.auth.plan: from a profile to a chain of providers.
local cjson = require "cjson"
local plan = require "bedrock.auth.plan"
local profile = require "bedrock.auth.profile"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-config/test-data/"
  .. "assume-role-tests.json"

-- A plan in the suite's words.
local WORDS = {
  static = { "AccessKey", "access_key_id", "secret_access_key",
    "session_token", "account_id" },
  named = { "NamedSource" },
  web_identity = { "WebIdentityToken", "role_arn", "web_identity_token_file",
    "role_session_name" },
  sso = { "Sso", sso_account_id = "account_id", sso_region = "region",
    sso_role_name = "role_name", sso_start_url = "start_url",
    sso_session = "session" },
}

local function translate(words, part)
  local result = {}
  for key, name in pairs(words) do
    if key ~= 1 then
      result[type(key) == "string" and key or name] = part[name]
    end
  end
  return { [words[1]] = result }
end

local function chain_of(found)
  local base = found.base
  local chain = { base.kind == "named" and { NamedSource = base.source }
    or translate(WORDS[base.kind], base) }
  for _, role in ipairs(found.roles) do
    chain[#chain + 1] = translate({ "AssumeRole", "role_arn",
      "role_session_name", "external_id" }, role)
  end
  return chain
end

describe("AWS's assume role suite", function()
  if not vectors.available() then
    pending "assume-role-tests.json is not here"
    return
  end
  local cases = cjson.decode(vectors.read(SUITE))
  for number, case in ipairs(cases) do
    it(("%d: %s"):format(number, case.docs), function()
      local found, err, reason = plan.of(case.input,
        case.input.selected_profile)
      local expected = case.output.Error
      if expected then
        assert.is_nil(found)
        local message = err and err.message or reason
        assert.truthy(message:find(expected, 1, true), message)
      else
        assert.is_nil(err)
        assert.same(case.output.ProfileChain, chain_of(found))
      end
    end)
  end
  it("has all its cases", function() assert.equal(28, #cases) end)
end)

describe("a plan", function()
  local function of(profiles, sso_sessions)
    return plan.of({ profiles = profiles, sso_sessions = sso_sessions }, "a")
  end

  it("shows the loop", function()
    local _, err = of { a = { role_arn = "x", source_profile = "b" },
      b = { role_arn = "x", source_profile = "c" },
      c = { role_arn = "x", source_profile = "b" } }
    assert.equal("profile formed an infinite loop: a -> b -> c -> b",
      err.message)
  end)

  it("takes static keys before everything else in a profile", function()
    local found = of { a = { aws_access_key_id = "i",
      aws_secret_access_key = "s", aws_session_token = "t",
      credential_process = "p", sso_session = "none" } }
    assert.same({ kind = "static", profile = "a", access_key_id = "i",
      secret_access_key = "s", session_token = "t" }, found.base)
  end)

  it("says where the line is that leads nowhere", function()
    local text = "[profile a]\nrole_arn = A\nsource_profile = %s\n"
      .. "credential_source = %s\nsso_role_name = r\n[profile b]\n"
    for words, given in pairs {
      ["CONFIG, line 3"] = { "nobody", "" },
      ["CONFIG, line 4"] = { "", "Moon" },
      ["both source_profile and credential_source: a (CONFIG, line 4)"] = {
        "b", "Environment" },
      ["CONFIG, line 2"] = { "", "" } } do
      local set = assert(profile.merge { path = "CONFIG",
        text = text:format(given[1], given[2]) })
      local none, err = plan.of(set, "a")
      assert.is_nil(none)
      assert.truthy(err.message:find(words .. (words:find "%)$" and "" or ")"),
        1, true), err.message)
    end
  end)

  it("knows the old name of a session token", function()
    assert.equal("t", of { a = { aws_access_key_id = "i",
      aws_secret_access_key = "s", aws_security_token = "t" }
    }.base.session_token)
  end)

  it("takes SSO before a process, a login before a process", function()
    assert.equal("sso", of { a = { sso_account_id = "1", sso_role_name = "r",
      sso_region = "e", sso_start_url = "u", credential_process = "p" }
    }.base.kind)
    assert.equal("login", of { a = { login_session = "arn",
      credential_process = "p" } }.base.kind)
  end)

  it("bears the same value in profile and session", function()
    local session = { sso_region = "e", sso_start_url = "u" }
    local found = of({ a = { sso_session = "s", sso_region = "e",
      sso_start_url = "u", sso_account_id = "1", sso_role_name = "r" } },
      { s = session })
    assert.equal("u", found.base.start_url)
    local none, err = of({ a = { sso_session = "s", sso_start_url = "v" } },
      { s = session })
    assert.is_nil(none)
    assert.truthy(err.message:find("sso_start_url", 1, true))
  end)

  it("says which profiles there are where a source is none", function()
    local none, err = of { a = { role_arn = "x", source_profile = "bb" },
      b = { aws_access_key_id = "i" } }
    assert.is_nil(none)
    assert.equal("could not find source profile bb referenced from a: there "
      .. "are a, b", err.message)
  end)

  it("knows the named sources", function()
    local none, err = of { a = { role_arn = "x",
      credential_source = "Ec2" } }
    assert.is_nil(none)
    assert.truthy(err.message:find("Ec2InstanceMetadata", 1, true))
  end)

  it("takes empty values for absent ones", function()
    local none, err, reason = of { a = { aws_access_key_id = "",
      role_arn = "" } }
    assert.is_nil(none)
    assert.is_nil(err)
    assert.equal("profile `a` did not contain credential information", reason)
  end)
end)
