-- bedrock.auth.text and .excerpt, and what answers of any size cost: a
-- quadratic pattern would need hours for these.
local container = require "bedrock.auth.container"
local process = require "bedrock.auth.process"
local excerpt = require "bedrock.auth.excerpt"
local sts = require "bedrock.auth.sts"
local support = require "spec.auth.support"
local text = require "bedrock.auth.text"
local web_identity = require "bedrock.auth.web_identity"

local BLANKS = (" "):rep(2 ^ 20 - 100)

describe("a text from outside", function()
  it("is trimmed", function()
    for given, wanted in pairs { [""] = "", [" \t\r\n"] = "", a = "a",
      [" a b\n"] = "a b", ["a "] = "a", ["\na\0b "] = "a\0b" } do
      assert.equal(wanted, text.trim(given))
    end
    assert.equal("", text.trim(BLANKS))
    assert.equal("a" .. BLANKS .. "b", text.trim("a" .. BLANKS .. "b "))
  end)

  it("is repeated on one line, and in part", function()
    assert.equal("a b c", excerpt.head " a\r\nb\0\0 c\n")
    assert.equal(("x"):rep(500) .. "...", excerpt.head(("x"):rep(501)))
    assert.equal("a **** b ****", excerpt.head("a %z+\0$ b %z+\0$",
      { "", "%z+\0$", "none" }))
    assert.equal(503, #excerpt.head(("x"):rep(2 ^ 20), { "x" }))
    assert.equal("..." .. ("x"):rep(499) .. "y",
      excerpt.tail(("x"):rep(5000) .. "y\n"))
  end)
end)

describe("hostile answers cost no more than others", function()
  it("of STS", function()
    for _, body in ipairs { ("<AccessKeyId "):rep(80000),
      ("<AccessKeyId>a"):rep(70000), "<Message>a" .. BLANKS .. "b</Message>",
      ("<Code>"):rep(100000), ("&a"):rep(500000) } do
      local c = support.context { env = { AWS_REGION = "eu-west-1" },
        respond = function() return 403, body end }
      local found, err = sts.assume_role(c, { role_arn = "r" },
        { access_key_id = "a", secret_access_key = "b" })
      assert.is_nil(found)
      assert.truthy(#tostring(err) < 1000)
    end
  end)

  it("of a process, a container, an identity token's file", function()
    local c = support.context { files = { ["/token"] = "a" .. BLANKS .. "b" },
      env = { AWS_WEB_IDENTITY_TOKEN_FILE = "/token", AWS_ROLE_ARN = "r",
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/x",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/token",
        AWS_REGION = "eu-west-1" },
      respond = function()
        return 400, '{"message":"' .. ("x"):rep(100000) .. '"}'
      end }
    function c.host.execute() return "", "x" .. BLANKS .. "x", 1 end
    for _, provider in ipairs { container.new(c), web_identity.new(c),
      process.new(c, { command = "x", profile = "p" }) } do
      local found, err = provider:resolve()
      assert.is_nil(found)
      assert.truthy(#tostring(err) < 1000)
    end
  end)
end)
