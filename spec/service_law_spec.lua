-- Laws of service/: whatever it is given, a request or an answer is made of
-- it or an error, and nothing is raised.

local errors = require "bedrock.errors"
local forms = require "bedrock.service.forms"
local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"
local shapes = require "bedrock.service.shapes"
local unmarshal = require "bedrock.service.unmarshal"
local walk = require "bedrock.service.walk"

local schema = shapes.bedrock()

-- A generator of our own: the same numbers on every Lua, without touching
-- math.random's state.
local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

local inside = {}
inside.self = inside

local ODD = {
  nil, true, false, 0, -1, 1.5, 2 ^ 53, 1e300, 0 / 0, 1 / 0, "", "text",
  "\0\255\r\n", ("x"):rep(300), json.null, {}, { 1 }, { a = 1 },
  { 1, nil, 3 }, { [1.5] = 1 }, { [true] = 1 }, json.array {}, json.object {},
  json.base64 "raw", inside, print, io.stdout, coroutine.create(function() end),
  setmetatable({}, { __newindex = error, __pairs = error, __len = error }),
}
-- The last has metamethods, which nothing that was decoded has.
local odd_count = 29

-- Something that fits a type, most of the time.
local function value_of(text, random, depth)
  if random(12) == 1 then return ODD[random(odd_count)] end
  local kind, detail = schema:type(text)
  if depth > 8 then return nil end
  if kind == "list" then
    local list = {}
    for i = 1, random(3) - 1 do
      list[i] = value_of(detail, random, depth + 1)
    end
    return list
  elseif kind == "map" then
    return { name = value_of(detail, random, depth + 1) }
  elseif type(detail) == "table" and detail.kind ~= "enum" then
    local out = {}
    local only = detail.kind == "union" and random(#detail.order)
    for i, name in ipairs(detail.order) do
      if not only or i == only then
        out[name] = value_of(detail.members[name].type, random, depth + 1)
      end
    end
    if random(20) == 1 then out["member" .. random(9)] = ODD[random(9)] end
    return out
  end
  local plain = { boolean = true, integer = 7, long = 7, float = 0.5,
    double = 0.5, timestamp = 1735787045, document = { a = { 1 } } }
  return plain[kind] == nil and "text" or plain[kind]
end

local function params_of(shape, random)
  local given = value_of(shape.name, random, 0)
  local params = given
  if type(given) == "table" and random(10) > 1 then
    params = {}
    for name, item in next, given do params[name] = item end
    for _, name in ipairs(shape.order) do
      if shape.members[name].where == "uri" then params[name] = "label" end
    end
  end
  return params
end

local function check_request(operation, params, validate)
  local request, err = marshal.request(operation, params,
    { validate = validate })
  if request then
    assert.is_string(request.path)
    assert.is_nil((request.path .. request.query):find("[^%w%%/._~=&-]"))
    for name, value in pairs(request.headers) do
      assert.is_nil(name:find("[^%w-]"))
      assert.is_nil(value:find("[%z\1-\8\10-\31\127]"))
    end
    return 1
  end
  assert.is_true(errors.is(err))
  assert.equal("validation", err.kind)
  assert.is_nil(tostring(err):find("[%c]"))
  return 0
end

describe("service", function()
  before_each(function() odd_count = 28 end)

  it("makes a request or a validation error of anything", function()
    local random = generator(7)
    odd_count = 29
    local made, tried = 0, 0
    for _ = 1, 60 do
      for _, name in ipairs(schema:operation_names()) do
        local operation = schema:operation(name)
        local params = params_of(operation.input, random)
        for _, validate in ipairs { true, false } do
          tried = tried + 1
          made = made + check_request(operation, params, validate)
        end
      end
    end
    -- The generator would prove nothing if it never hit, or never missed.
    assert.is_true(made > tried / 20, made)
    assert.is_true(made < tried * 19 / 20, made)
  end)

  it("finds nothing to do in what has its form", function()
    local random = generator(17)
    odd_count = 29
    local fits, had, tried = forms.fits, 0, 0
    forms.fits = function() return false end -- the walk may not ask, too
    finally(function() forms.fits = fits end)
    for _ = 1, 20 do
      for _, name in ipairs(schema:shape_names()) do
        local value = value_of(name, random, 0)
        local convert = schema:type(name) ~= "events"
          and walk.converter(schema, name)
        tried = tried + 1
        if fits(value, forms.of(schema, name)) then
          had = had + 1
          local state = { depth = 0, validate = true, schema = schema }
          assert.is_nil(convert and convert(value, state), name)
          assert.is_nil(state.problems, name)
        end
      end
    end
    assert.is_true(had > tried / 10, had / tried)
    assert.is_true(had < tried * 9 / 10, had / tried)
  end)

  it("makes an answer or an error of any body", function()
    local random = generator(11)
    for round = 1, 60 do
      for _, name in ipairs(schema:operation_names()) do
        local operation = schema:operation(name)
        local value = value_of(operation.output.name, random, 0)
        local body = json.encode(value) or "\255{"
        if round % 7 == 0 then body = body:sub(1, random(#body)) end
        for _, status in ipairs { 200, 400, 503 } do
          local got, err = unmarshal.response(operation, status,
            { ["content-type"] = "text/x" }, body)
          assert.is_true(type(got) == "table" or errors.is(err))
        end
      end
    end
  end)

  it("makes an event of any payload", function()
    local random = generator(13)
    for _, name in ipairs { "ConverseStream", "InvokeModelWithResponseStream",
      "InvokeModelWithBidirectionalStream" } do
      local operation = schema:operation(name)
      local events = shapes.events(operation, operation.output)
      for _ = 1, 60 do
        for _, member in ipairs(events.order) do
          local payload = value_of(events.members[member].type, random, 0)
          for _, is_odd in ipairs { true, false } do
            local read = unmarshal.event(operation)
            local event = read(member, payload, is_odd)
            assert.is_true(event[member] == payload or payload ~= payload)
            assert.is_true(errors.is(unmarshal.exception(operation, member,
              payload)))
          end
        end
      end
    end
  end)
end)
