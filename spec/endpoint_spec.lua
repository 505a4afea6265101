-- Where requests go: AWS's own endpoint tests, and what a URL may be.

local endpoint = require "bedrock.service.endpoint"
local json = require "bedrock.json"
local regions = require "bedrock.service.regions"
local vectors = require "spec.support.vectors"

local SERVICES = {
  ["bedrock-runtime"] = "bedrock-runtime", sts = "sts", sso = "portal.sso",
  ["sso-oidc"] = "oidc", signin = "signin",
}

local function resolve(service, params)
  return endpoint.resolve {
    service = service, region = params.Region, use_fips = params.UseFIPS,
    use_dualstack = params.UseDualStack, endpoint_url = params.Endpoint,
    use_global = params.UseGlobalEndpoint, oauth = params.IsOAuthEndpoint,
    control_plane = params.IsControlPlane,
  }
end

local function check(service, case)
  local about = json.encode(case)
  local at, err = resolve(service, case.params or {})
  if case.expect.error then
    assert.is_nil(at, about)
    assert.equal("config", err.kind)
    return assert.truthy(err.message:find(case.expect.error, 1, true), about)
  end
  local wanted = case.expect.endpoint
  assert.equal(wanted.url, at and at.url, about)
  local scheme = ((wanted.properties or {}).authSchemes or {})[1]
  if scheme then
    assert.equal(scheme.signingRegion, at.signing_region)
    assert.equal(scheme.signingName, at.signing_service)
  end
end

local function cases(path)
  return assert(json.decode(vectors.read(path))).testCases
end

local function refused(options, fragment)
  options.service = options.service or "bedrock-runtime"
  local at, err = endpoint.resolve(options)
  assert.is_nil(at)
  assert.equal("config", err.kind)
  assert.truthy(err.message:find(fragment, 1, true), err.message)
end

describe("endpoint", function()
  it("is what AWS's endpoint tests say", function()
    if not vectors.available() then return pending "no endpoint tests here" end
    local count = 0
    for folder, service in pairs(SERVICES) do
      for _, case in ipairs(cases("botocore/tests/functional/endpoint-rules/"
        .. folder .. "/endpoint-tests-1.json")) do
        check(service, case)
        count = count + 1
      end
    end
    assert.equal(192, count)
    for _, case in ipairs(cases "model/botocore-endpoint-tests-1.json") do
      check("bedrock-runtime", case)
    end
  end)

  it("has every region of the partitions, by name or by form", function()
    if not vectors.available() then return pending "no partitions here" end
    local data = json.decode(vectors.read "model/botocore-partitions.json")
    for _, partition in ipairs(data.partitions) do
      for region in pairs(partition.regions) do
        assert.equal(partition.id, regions.partition(region).name, region)
      end
      local outputs = partition.outputs
      local known = regions.partition(outputs.implicitGlobalRegion)
      assert.equal(outputs.dnsSuffix, known.domain)
      assert.equal(outputs.dualStackDnsSuffix, known.dualstack_domain)
      assert.equal(outputs.supportsFIPS, known.fips)
      assert.equal(outputs.supportsDualStack, known.dualstack)
    end
    for region, name in pairs { ["us-north-7"] = "aws", ["mx-west-2"] = "aws",
      ["us-gov-north-3"] = "aws-us-gov", ["cn-east-1"] = "aws-cn",
      ["eusc-de-west-9"] = "aws-eusc", ["xx-new-9"] = "aws", mars = "aws" } do
      assert.equal(name, regions.partition(region).name, region)
    end
  end)

  it("takes FIPS out of a region's name", function()
    for _, region in ipairs { "fips-us-east-1", "us-east-1-fips" } do
      local at = assert(endpoint.resolve {
        service = "bedrock-runtime", region = region })
      assert.equal("https://bedrock-runtime-fips.us-east-1.amazonaws.com",
        at.url)
      assert.equal("us-east-1", at.signing_region)
      assert.equal("bedrock", at.signing_service)
    end
    refused({ region = "fips-us-east-1", endpoint_url = "https://h" },
      "FIPS and custom endpoint are not supported")
  end)

  it("lets only a host label be a region", function()
    for _, region in ipairs { "", "-us", "us-", "us.east", "us/east", "a@b",
      "us east", "us-east-1\r\nx", ("x"):rep(64), "é" } do
      refused({ region = region }, "is no region")
      refused({ region = region, endpoint_url = "https://h" }, "is no region")
    end
    refused({}, "Missing Region")
  end)

  it("takes a custom endpoint with its base path", function()
    for url, wanted in pairs {
      ["http://localhost:8080/base/path"] = "http://localhost:8080/base/path",
      ["https://h.example/"] = "https://h.example",
      ["https://h.example:443/a//?x=1#y"] = "https://h.example/a",
      ["http://h.example:80"] = "http://h.example",
      ["http://h.example:443"] = "http://h.example:443",
      ["HTTP://H.Example/A"] = "http://h.example/A",
      ["http://[::1]:8080/x/"] = "http://[::1]:8080/x",
      ["http://my_container:9"] = "http://my_container:9",
      ["http://127.0.0.1?x"] = "http://127.0.0.1",
    } do
      local at = assert(endpoint.resolve { service = "bedrock-runtime",
        region = "eu-west-1", endpoint_url = url })
      assert.equal(wanted, at.url)
      assert.equal(wanted, at.scheme .. "://" .. at.authority .. at.path)
      assert.equal("eu-west-1", at.signing_region)
    end
    local at = assert(endpoint.parse "https://[fe80::1]:8443/x")
    assert.equal("[fe80::1]", at.host)
    assert.equal(8443, at.port)
    assert.equal("[fe80::1]:8443", at.authority)
    assert.equal("/x", at.path)
  end)

  it("knows this machine, without asking anybody", function()
    for _, host in ipairs { "localhost", "LOCALHOST", "127.0.0.1",
      "127.255.0.9", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]" } do
      assert.is_true(endpoint.is_loopback(host), host)
    end
    for _, host in ipairs { "", "localhost.", "127.0.0.256", "127.0.0.1234",
      "127.1", "128.0.0.1", "127.0.0.1.x", "[::2]", "[1::1]", "[::1", "::1",
      "[::ffff:1]", "a127.0.0.1" } do
      assert.is_false(endpoint.is_loopback(host), host)
    end
  end)

  it("says what is wrong with a URL, and where it comes from", function()
    for url, words in pairs {
      ["localhost:8080"] = 'http:// or https://, unlike "localhost:8080" '
        .. "(endpoint_url comes from AWS_ENDPOINT_URL)",
      ["h/?key=hunter2"] = 'https://, unlike "h/" (endpoint_url',
      ["http://h:0"] = "a port from 1 to 65535, and not 0 (",
      ["http://a,b"] = 'has a valid host, unlike "http://a,b" (',
    } do
      refused({ region = "us-east-1", endpoint_url = url,
        endpoint_source = "AWS_ENDPOINT_URL" }, words)
    end
    refused({ region = "us-east-1", endpoint_url = "http://h",
      use_fips = true, endpoint_source = "AWS_ENDPOINT_URL" },
      "not supported (endpoint_url comes from AWS_ENDPOINT_URL)")
  end)

  it("refuses what is no plain http(s) URL, and repeats no secret", function()
    for _, url in ipairs { "", "h.example", "ftp://h.example", "file:///etc",
      "https://", "https:///x", "http://h:0", "http://h:65536", "http://h:1x",
      "http://user:hunter2@h.example", "user:hunter2@h",
      "ftp://u:hunter2@h", "h?hunter2", "x://h#hunter2", "http://h.example@evil",
      "http://h ello", "http://h\r\nx: y", "http://h/\0", "http://hé",
      "http://[::1", "http://h]/", "http://a,b", "javascript:alert(1)" } do
      local at, err = endpoint.resolve { service = "bedrock-runtime",
        region = "us-east-1", endpoint_url = url }
      assert.is_nil(at, url)
      assert.equal("config", err.kind)
      assert.is_nil(tostring(err):find("hunter2", 1, true))
    end
  end)
end)
