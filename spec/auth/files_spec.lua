-- bedrock.auth.files: locations and reading.
local cjson = require "cjson"
local files = require "bedrock.auth.files"
local settings = require "bedrock.auth.settings"
local support = require "spec.auth.support"
local vectors = require "spec.support.vectors"

local SUITE = "smithy-rs/aws/rust-runtime/aws-runtime/test-data/"
  .. "file-location-tests.json"

describe("AWS's file location suite", function()
  if not vectors.available() then
    pending "file-location-tests.json is not here"
    return
  end
  local cases = cjson.decode(vectors.read(SUITE)).tests
  it("has all its cases", function() assert.equal(9, #cases) end)
  for number, case in ipairs(cases) do
    it(("%d: %s"):format(number, case.name), function()
      local s = settings.new { env = support.env(case.environment),
        files = support.files {}, windows = case.platform == "windows" }
      local config, credentials = s:locations()
      assert.equal(case.configLocation, config)
      assert.equal(case.credentialsLocation, credentials)
      if case.profile then
        assert.equal(case.profile, (s:get "profile"))
      end
    end)
  end
end)

describe("files", function()
  it("expand a leading ~ in the variables", function()
    local config = files.locations(support.env { HOME = "/h",
      AWS_CONFIG_FILE = "~/x/config" }, false)
    assert.equal("/h/x/config", config)
  end)

  it("have no location without a home", function()
    assert.same({}, { files.locations(support.env {}, false) })
  end)

  it("tell a missing file from a folder", function()
    local text, _, kind = files.read "/nowhere/at/all"
    assert.is_nil(text)
    assert.equal("missing", kind)
    local reason
    text, reason, kind = files.read "/"
    assert.is_nil(text)
    assert.equal("unreadable", kind)
    assert.equal("Is a directory", reason)
    text, _, kind = files.read "/dev/null/x"
    assert.is_nil(text)
    assert.equal("missing", kind)
  end)

  it("in a closed folder are not there; a closed file is unreadable",
    function()
      local open = io.open
      local function denied(path)
        return nil, path .. ": Permission denied", 13
      end
      function io.open(path, mode) -- luacheck: ignore 122
        if path:find "^/closed" or path == "/h/config" then
          return denied(path)
        end
        return open(path == "/h" and "/" or path, mode)
      end
      local closed = { files.read "/closed/.aws/config" }
      local unreadable = { files.read "/h/config" }
      io.open = open -- luacheck: ignore 122
      assert.same({ nil, "Permission denied", "missing" }, closed)
      assert.same({ nil, "Permission denied", "unreadable" }, unreadable)
    end)

  it("do not swallow a device", function()
    local text, reason, kind = files.read "/dev/zero"
    assert.is_nil(text)
    assert.equal("larger than 16 MiB", reason)
    assert.equal("unreadable", kind)
  end)
end)
