-- AWS's test data that holds no expectations of its own, or them in code:
-- the shared files of aws-sdk-go, the inputs of aws-c-auth's fuzzer, and the
-- endpoints of the JavaScript SDK through all of our settings.
local bedrock = require "bedrock"
local cjson = require "cjson"
local imds = require "bedrock.auth.imds"
local plan = require "bedrock.auth.plan"
local profile = require "bedrock.auth.profile"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

if not vectors.available() then
  pending "AWS's test data is not here"
  return
end

local GO = "aws-sdk-go-v1/aws/session/testdata/"

local function go_file(name)
  return { text = vectors.read(GO .. name), path = name }
end

-- Go takes [name] for [profile name] in both files; as two files of ours they
-- are all there.
local function go_set(name)
  return assert(profile.merge(go_file(name), go_file(name)))
end

-- "sso", "process < role R < role S", or the error.
local function summary(set, name)
  local steps, err, reason = plan.of(set, name)
  if not steps then return err and err.message or reason end
  local words = { steps.base.source or steps.base.kind }
  for _, role in ipairs(steps.roles) do
    words[#words + 1] = role.role_arn
  end
  return table.concat(words, " < ")
end

describe("aws-sdk-go's shared files", function()
  local PLANS = {
    shared_config = {
      partial_creds = "missing aws_secret_access_key",
      complete_creds = "static", complete_creds_with_token = "static",
      partial_assume_role = "must contain `source_profile`",
      assume_role = "static < assume_role_role_arn",
      assume_role_w_mfa = "static < assume_role_role_arn",
      assume_role_invalid_source_profile = "source profile profile_not_exists",
      assume_role_w_creds = "static < assume_role_w_creds_role_arn",
      assume_role_w_creds_w_duration = "static < assume_role_w_creds_role_arn",
      assume_role_wo_creds = "did not contain credential information",
      assume_role_with_credential_source = "Ec2InstanceMetadata < "
        .. "assume_role_with_credential_source_role_arn",
      multiple_assume_role = "static < assume_role_role_arn < "
        .. "multiple_assume_role_role_arn",
      multiple_assume_role_with_credential_source2 = "Ec2InstanceMetadata < "
        .. "assume_role_with_credential_source_role_arn < "
        .. "multiple_assume_role_with_credential_source_role_arn < "
        .. "multiple_assume_role_with_credential_source2_role_arn",
      sso_creds = "sso", source_sso_creds = "sso < source_sso_creds_arn",
      invalid_sso_creds = "`sso_role_name` must also be set",
      sso_and_static = "static",
      sso_and_assume = "Ec2InstanceMetadata < "
        .. "assume_role_with_credential_source_role_arn < "
        .. "multiple_assume_role_with_credential_source_role_arn < "
        .. "sso_with_assume_role_arn",
      sso_mixed_credproc = "sso", ["sso-session-success"] = "sso",
      ["sso-session-not-exist"] = "`sso-session-lost`",
    },
    credential_source_config = {
      env_var_credential_source =
        "Environment < assume_role_w_creds_role_arn_env",
      invalid_source_and_credential_source =
        "both source_profile and credential_source",
      ec2metadata = "Ec2InstanceMetadata < assume_role_w_creds_role_arn_ec2",
      ecscontainer = "EcsContainer < assume_role_w_creds_role_arn_ecs",
      chained_assume_role = "Ec2InstanceMetadata < "
        .. "assume_role_w_creds_role_arn_ec2 < "
        .. "assume_role_w_creds_role_arn_chain",
      cred_proc_no_arn_set = "process",
      -- Go takes a role's process for its source; Rust and botocore do not.
      cred_proc_arn_set = "must contain `source_profile`",
      chained_cred_proc = "process < assume_role_w_creds_proc_source_prof",
      assume_sso_and_static = "static < assume_sso_and_static_arn",
      sso_invalid = "`sso_region` is missing",
      sso_mixed_webident = "web_identity",
    },
  }
  for name, cases in pairs(PLANS) do
    it(name .. " leads to the right sources", function()
      local set = go_set(name)
      for profile_name, wanted in pairs(cases) do
        local got = summary(set, profile_name)
        assert.truthy(got == wanted or not wanted:find " < "
          and got:find(wanted, 1, true), profile_name .. ": " .. got)
      end
    end)
  end

  it("hand on what a role asks for", function()
    local set = go_set "shared_config"
    assert.equal("0123456789",
      plan.of(set, "assume_role_w_mfa").roles[1].mfa_serial)
    local role = plan.of(set, "assume_role_w_creds_w_duration").roles[1]
    assert.same({ "1800", "1234", "assume_role_w_creds_session_name" },
      { role.duration_seconds, role.external_id, role.role_session_name })
  end)

  local function settings(name, profile_name)
    return support.context { env = { AWS_PROFILE = profile_name },
      files = { ["/h/.aws/config"] = go_file(name).text } }.settings
  end

  it("configure endpoints of IMDS, and kinds of endpoint", function()
    for name, wanted in pairs {
      EC2MetadataServiceEndpoint = "http://endpoint.localhost",
      EC2MetadataServiceEndpointModeIPv6 = "http://[fd00:ec2::254]",
      EC2MetadataServiceEndpointModeIPv4 = "http://169.254.169.254",
      EC2MetadataServiceEndpointAndModeMixed = "http://endpoint.localhost",
    } do
      assert.equal(wanted, imds.endpoint(settings("shared_config", name), {}))
    end
    local none, err = imds.endpoint(settings("shared_config",
      "EC2MetadataServiceEndpointModeUnknown"), {})
    assert.is_nil(none)
    assert.truthy(err.message:find("foobar", 1, true))
    for name, key in pairs { UseDualStackEndpoint = "use_dualstack",
      UseFIPSEndpoint = "use_fips" } do
      for state, wanted in pairs { Enabled = true, Disabled = false } do
        assert.equal(wanted, (settings("shared_config", name .. state)
          :get(key)))
      end
      local value
      value, err = settings("shared_config", name .. "Invalid"):get(key)
      assert.is_nil(value)
      assert.truthy(err.message:find('must be true or false, and is "invalid"',
        1, true))
    end
  end)

  it("prefer [profile x] to [x], and say where one is broken", function()
    assert.equal("short_profile_name_first_alt",
      assert(profile.merge(go_file "shared_config"))
      .profiles.short_profile_name_first.region)
    local set, err = profile.merge(go_file "shared_config_invalid_ini")
    assert.is_nil(set)
    assert.equal(1, err.line)
    for _, name in ipairs { "shared_config_other", "csm_shared_config",
      "credential_source_config_for_windows" } do
      assert.truthy(next(go_set(name).profiles))
    end
  end)
end)

describe("aws-c-auth's fuzz corpus", function()
  local CORPUS = "aws-c-auth/tests/fuzz/corpus/parse_%s_profile"
  -- The names say what is wrong with a file.
  local function is_broken(name)
    return name:find "^illegal_" or name:find "^missing_"
      or name:find "^%x+$" or name == "early_property"
      or name == "continuation_reseton_new_profile"
  end

  for _, kind in ipairs { "config", "credentials" } do
    it("of the " .. kind .. " file", function()
      local paths = vectors.files(CORPUS:format(kind))
      for _, path in ipairs(paths) do
        local file = { text = vectors.read(path), path = "F" }
        local set, err
        if kind == "config" then set, err = profile.merge(file)
        else set, err = profile.merge(nil, file) end
        local broken = is_broken(path:match "[^/]+$")
        assert.equal(broken and "config" or nil, err and err.kind, path)
        assert.equal(not broken, set ~= nil, path)
      end
      assert.equal(40, #paths)
    end)
  end
end)

describe("the JavaScript SDK's endpoint cases", function()
  local function client(case)
    return bedrock.new { region = case.config.region, env = case.env,
      endpoint_url = case.config.endpoint, host = support.host(error),
      use_fips = case.config.useFipsEndpoint,
      use_dualstack = case.config.useDualstackEndpoint }
  end

  local count = 0
  for _, case in ipairs(cjson.decode(vectors.read
    "js-golden/requests.json")) do
    if case.name:find "^endpoint" then
      count = count + 1
      it(case.name, function()
        local found, err = client(case):plan()
        if case.error then
          assert.is_nil(found)
          local words = err.message:gsub(" %(endpoint_url.*", "")
          assert.truthy(case.error:find(words, 1, true))
          return
        end
        local wanted, at = case.request, found.endpoint
        assert.equal(wanted.protocol, at.scheme .. ":")
        assert.equal(wanted.hostname, at.host)
        assert.equal(wanted.headers.host, at.authority)
        assert.equal(1, (wanted.path:find(at.path .. "/model/", 1, true)))
        local region = wanted.headers.authorization:match "/([%w-]+)/bedrock/"
        assert.equal(region, at.signing_region)
      end)
    end
  end
  it("are all there", function() assert.equal(19, count) end)
end)
