-- Real exchanges with Bedrock: what they say is what users get, and an answer
-- goes back into a conversation as it came.

local dkjson = require "dkjson"
local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local unmarshal = require "bedrock.service.unmarshal"
local vectors = require "spec.support.vectors"

-- Every recorded exchange of a folder: what was sent, what came.
local function exchanges(folder)
  local list = {}
  for _, path in ipairs(vectors.files("recorded/" .. folder, ".json")) do
    local about = assert(json.decode(vectors.read(path)))
    about.name = path:match("[^/]+$")
    about.body = vectors.read((path:gsub("json$", "bin")))
    about.headers = {}
    for name, value in pairs(about.response_headers) do
      about.headers[name:lower()] = value
    end
    list[#list + 1] = about
  end
  return list
end

local function decoded(about)
  return assert(unmarshal.response(about.operation, about.http_status,
    about.headers, about.body), about.name)
end

-- A reading apart from the library's; it marks its arrays too.
local function plain(text)
  return (dkjson.decode(text, 1, json.null))
end

-- Tables are compared by what they hold, and arrays are no objects.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if json.is_array(a) ~= json.is_array(b) then return false end
  for key, item in pairs(a) do
    if not same(item, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function with_exchanges(name, folder, count, test)
  it(name, function()
    if not vectors.available() then return pending "no recordings here" end
    local done = 0
    for _, about in ipairs(exchanges(folder)) do
      if test(about) then done = done + 1 end
    end
    assert.equal(count, done)
  end)
end

describe("recorded answers", function()
  with_exchanges("of Converse are the values of their JSON", "unary", 20,
    function(about)
      if about.operation ~= "Converse" then return false end
      assert.is_true(same(plain(about.body), decoded(about)), about.name)
      return true
    end)

  with_exchanges("of InvokeModel are their bytes", "unary", 50,
    function(about)
      if about.operation ~= "InvokeModel" then return false end
      local got = decoded(about)
      assert.equal(about.body, got.body)
      assert.equal("application/json", got.contentType)
      return true
    end)

  with_exchanges("of Converse go back as they came", "unary", 20,
    function(about)
      if about.operation ~= "Converse" then return false end
      local message = decoded(about).output.message
      local request = assert(marshal.request("Converse",
        { modelId = about.model_id, messages = { message } }))
      assert.is_true(same({ messages = { plain(about.body).output.message } },
        plain(request.body)), about.name)
      return true
    end)

  with_exchanges("were asked for as we would ask", "unary", 70,
    function(about)
      local params = { modelId = about.model_id }
      if about.operation == "Converse" then
        for name, value in pairs(about.request_body) do
          params[name] = value
        end
      else
        params.body = about.request_body
      end
      local request = assert(marshal.request(about.operation, params))
      assert.equal(about.url_path, request.path)
      assert.is_true(same(about.request_body, plain(request.body)),
        about.name)
      return true
    end)
end)

describe("recorded errors", function()
  with_exchanges("keep AWS's words", "errors", 10, function(about)
    local value, err = unmarshal.response(about.operation, about.http_status,
      about.headers, about.body)
    assert.is_nil(value)
    assert.equal("service", err.kind)
    assert.equal("ValidationException", err.code)
    assert.equal(plain(about.body).message, err.message)
    assert.equal(about.http_status, err.status)
    assert.equal(about.headers["x-amzn-requestid"], err.request_id)
    assert.equal(about.operation, err.operation)
    assert.equal("response", err.stage)
    assert.is_false(err.retryable)
    return true
  end)
end)
