-- The generated model: complete, current, small, and read only when asked.

package.path = "tools/?.lua;" .. package.path

local marshal = require "bedrock.service.marshal"
local shapes = require "bedrock.service.shapes"
local vectors = require "spec.support.vectors"
local dkjson = require "dkjson"

local schema = shapes.bedrock()

-- A reading of the model apart from the generator's.
local function service_model()
  return dkjson.decode(vectors.read("model/botocore-service-2.json"), 1, nil)
end

local function with_model(name, test)
  it(name, function()
    if not vectors.available() then return pending "no service model here" end
    test(service_model())
  end)
end

local function sorted(list)
  local copy = {}
  for i, item in ipairs(list) do copy[i] = item end
  table.sort(copy)
  return copy
end

local SCALARS = {
  string = "string", boolean = "boolean", integer = "integer", long = "long",
  float = "float", double = "double", blob = "blob", timestamp = "timestamp",
}

-- Is the type that a row says the one that the model says?
local function same_type(model, text, name)
  local shape = model.shapes[name]
  local kind, detail = schema:type(text)
  if shape.document then return kind == "document" end
  if shape.type == "list" then
    return kind == "list" and same_type(model, detail, shape.member.shape)
  elseif shape.type == "map" then
    return kind == "map" and same_type(model, detail, shape.value.shape)
  elseif shape.enum then
    return kind == "enum" and table.concat(detail.order, " ")
      == table.concat(shape.enum, " ")
  elseif shape.type == "structure" then
    return type(detail) == "table" and detail.name == name
  end
  return kind == SCALARS[shape.type]
end

local function generated(module, ...)
  return require("generate." .. module).text(...)
end

local function decoded(name)
  return require("generate.json").decode(vectors.read("model/" .. name))
end

local function file(path)
  local handle = assert(io.open(path, "rb"))
  local text = handle:read("*a")
  handle:close()
  return text
end

describe("the model", function()
  with_model("has every operation, its binding and its exceptions",
    function(model)
      local count = 0
      for name, given in pairs(model.operations) do
        count = count + 1
        local operation = assert(schema:operation(name), name)
        assert.equal(given.http.method, operation.method)
        assert.equal(given.http.requestUri, operation.uri)
        assert.equal(given.input.shape, operation.input.name)
        assert.equal(given.output.shape, operation.output.name)
        local errors = {}
        for i, failure in ipairs(given.errors) do errors[i] = failure.shape end
        assert.same(errors, operation.errors)
        assert.equal(given.readonly or false, operation.readonly or false)
        assert.equal(given.idempotent or false, operation.idempotent or false)
      end
      assert.equal(count, #schema:operation_names())
    end)

  with_model("has every shape, member, type and mark", function(model)
    for name, given in pairs(model.shapes) do
      if given.type == "structure" and not given.document then
        local shape = assert(schema:shape(name), name)
        assert.same(sorted(given.required or {}), sorted(shape.required))
        assert.equal(given.sensitive or false, shape.sensitive or false)
        assert.equal(given.union or false,
          shape.kind == "union" or shape.kind == "events" and given.union
          or false)
        assert.equal(given.eventstream or false, shape.kind == "events")
        if given.exception then
          assert.equal(given.error.httpStatusCode, shape.status)
        end
        local members = 0
        for member_name, member in pairs(given.members) do
          members = members + 1
          local row = assert(shape.members[member_name], member_name)
          assert.is_true(same_type(model, row.type, member.shape),
            name .. "." .. member_name .. ": " .. row.type)
          assert.equal(member.idempotencyToken or false, row.token)
          if member.location then
            assert.equal((member.location:gsub("querystring", "query")),
              row.where)
            assert.equal(member.locationName, row.wire)
          else
            assert.equal(given.payload == member_name and "payload" or "body",
              row.where)
          end
        end
        assert.equal(members, #shape.order)
      end
    end
  end)

  with_model("is what the generator makes of it, byte for byte", function()
    assert.equal(file("lua/bedrock/service/model.lua"), generated("model",
      decoded "botocore-service-2.json", decoded "botocore-paginators-1.json"))
    assert.equal(file("lua/bedrock/service/guardrails.lua"),
      require "generate.model".guardrails(decoded "botocore-service-2.json"))
    assert.equal(file("lua/bedrock/service/partitions.lua"),
      generated("partitions", decoded "botocore-partitions.json"))
  end)

  it("is what the reference says", function()
    assert.equal(file("doc/reference.md"), generated("reference", schema,
      require("bedrock.service.model").service))
  end)

  with_model("holds names, and none of the model's sentences", function(model)
    local text = file("lua/bedrock/service/model.lua")
      .. file("lua/bedrock/service/guardrails.lua")
      .. file("doc/reference.md")
    local function look(value)
      if type(value) ~= "table" then return end
      local sentence = value.documentation
      if type(sentence) == "string" then
        local plain = sentence:gsub("<[^>]*>", "")
        -- A few sentences are no longer than a name.
        if #plain > 30 then
          assert.is_nil(text:find(plain:sub(1, 30), 1, true), plain)
        end
      end
      for _, item in pairs(value) do look(item) end
    end
    look(model)
  end)

  it("tells what kind of answer an operation gives", function()
    local replies = {}
    for _, name in ipairs(schema:operation_names()) do
      replies[name] = schema:operation(name).reply
    end
    assert.same({
      ApplyGuardrail = "json", Converse = "json", CountTokens = "json",
      ConverseStream = "events", GetAsyncInvoke = "json",
      InvokeGuardrailChecks = "json", InvokeModel = "blob",
      InvokeModelWithBidirectionalStream = "duplex",
      InvokeModelWithResponseStream = "events", ListAsyncInvokes = "json",
      StartAsyncInvoke = "json",
    }, replies)
  end)

  it("knows how ListAsyncInvokes is paged", function()
    assert.same({ token = "nextToken", next_token = "nextToken",
      limit = "maxResults", items = "asyncInvokeSummaries" },
      schema:operation("ListAsyncInvokes").pages)
  end)

  it("gives each operation a method name of its own", function()
    local names = {}
    for _, name in ipairs(schema:operation_names()) do
      local method = shapes.method_name(name)
      assert.is_nil(names[method])
      assert.truthy(method:find("^[a-z][a-z_]*$"))
      assert.equal(name, shapes.operation_of(method, schema))
      names[method] = name
    end
    assert.equal("ConverseStream", names.converse_stream)
    assert.equal("InvokeModelWithResponseStream",
      names.invoke_model_with_response_stream)
    assert.equal("InvokeModelWithResponseStream",
      shapes.operation_of "invoke")
    assert.equal("InvokeModelWithBidirectionalStream",
      shapes.operation_of "invoke_bidirectional")
    assert.is_nil(shapes.operation_of "converse_steam")
  end)

  it("reads no row before it is asked for", function()
    local fresh = shapes.new(require "bedrock.service.model")
    assert.is_nil(next(fresh.known))
    fresh:shape("Message")
    assert.is_nil(fresh.known.ContentBlock)
    assert.is_nil(fresh:shape("NoSuchShape"))
    assert.is_nil(fresh:operation("NoSuchOperation"))
  end)

  it("serves an operation that nobody wrote code for", function()
    local rows = require "generate.rows"
    local operations, shape_rows = rows.from {
      operations = { PutThing = {
        http = { method = "PUT", requestUri = "/thing/{id}" },
        input = { shape = "PutThingRequest" },
      } },
      shapes = require("generate.json").decode [[{
        "Id": { "type": "string" },
        "Counts": { "type": "list", "member": { "shape": "Count" } },
        "Count": { "type": "integer" },
        "PutThingRequest": { "type": "structure", "required": ["id"],
          "members": {
            "id": { "shape": "Id", "location": "uri", "locationName": "id" },
            "counts": { "shape": "Counts" } } } }]],
    }
    local new = shapes.new { operations = operations, shapes = shape_rows }
    local request = assert(marshal.request(new:operation("PutThing"),
      { id = "a/b", counts = { 1, 2.0 } }))
    assert.equal("PUT", request.method)
    assert.equal("/thing/a%2Fb", request.path)
    assert.equal('{"counts":[1,2]}', request.body)
  end)
end)
