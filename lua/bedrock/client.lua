--- The client: options, and one method per operation of the model.
--
-- Nothing is read, opened or asked before the first call.

local core = require "bedrock.core"
local endpoint = require "bedrock.service.endpoint"
local exchange = require "bedrock.exchange"
local lazy = require "bedrock.lazy"
local options = require "bedrock.options"
local quota = require "bedrock.quota"
local shapes = require "bedrock.service.shapes"
local signing = require "bedrock.signing"

local nearest = lazy "bedrock.nearest"
local stream = lazy "bedrock.stream"
local unary = lazy "bedrock.unary"

local client = {}

local Client = { __name = "bedrock.client" }
local methods = {}

local function nothing() end

-- A number in [0, 1).  Not math.random: before Lua 5.4 that gives every
-- process the same sequence, and all workers would try again at once.
local function random()
  local bytes = core.bytes.random(3)
  if not bytes then return math.random() end -- no memory: better than none
  local a, b, c = bytes:byte(1, 3)
  return (a * 65536 + b * 256 + c) / 16777216
end

-- The environment: a function as given, a table, or the process's own.
local function environment(given)
  if type(given) == "function" then return given end
  if type(given) == "table" then
    return function(name) return given[name] end
  end
  return os.getenv
end

--- A client; see the README for its options.  Raises for an unknown option
-- or a wrong type.
function client.new(given)
  local chosen = options.check(given)
  local self = setmetatable({
    options = chosen, log = chosen.log or nothing, random = random,
    clock_offset = 0, planned = false, quota = quota.new(),
    signer = core.sigv4.signer(),
    host = chosen.host or require "bedrock.host.default"(),
    marshalling = { validate = chosen.validate, uuid = core.bytes.uuid4 },
  }, Client)
  self.settings = require "bedrock.auth.settings".new {
    options = chosen, env = environment(chosen.env) }
  self.identity = require "bedrock.identity".new(self)
  return self
end

-- What every call of a client shares, and where it comes from.
local SETTINGS = { "region", "use_fips", "use_dualstack", "endpoint_url",
  "max_attempts", "retry_mode", "connect_timeout", "idle_timeout",
  "total_timeout", "app_id", "proxy", "ca_bundle", "http_version" }

-- What no word of a header may hold becomes "-" in the user's own (as in
-- botocore).
local function user_agent(app_id)
  local agent = ("lua-bedrock/%s lua/%s"):format(core._VERSION,
    _VERSION:match "[%d.]+$")
  if not app_id then return agent end
  return agent .. " app/" .. app_id:gsub("[^%w!#$%%&'*+%-.^_`|~]", "-")
end

-- The operation that a method does, or that AWS calls so; or nil.  (What
-- streams both ways is described, but cannot be done.)
local function find_operation(name)
  if type(name) ~= "string" then return nil end
  local operation = shapes.bedrock():operation(
    shapes.operation_of(name) or name)
  return operation and operation.reply ~= "duplex" and operation or nil
end

-- Read all settings: a table of values, or nil, err.
local function read_settings(self)
  local values = {}
  for _, name in ipairs(SETTINGS) do
    local value, err = self.settings:get(name)
    if value == nil and err then return nil, err end
    values[name] = value
  end
  values.user_agent = user_agent(values.app_id)
  if values.retry_mode == "off" then values.max_attempts = 1 end
  return values
end

--- Where and how calls are sent; made at the first call.
-- @return { endpoint, user_agent, max_attempts, connect_timeout, ... };
--   or nil, err (kind "config")
function methods:plan()
  if self.planned then return self.planned end
  local values, err = read_settings(self)
  if not values then return nil, err end
  values.endpoint, err = endpoint.resolve {
    service = "bedrock-runtime", region = values.region,
    use_fips = values.use_fips, use_dualstack = values.use_dualstack,
    endpoint_url = values.endpoint_url,
    endpoint_source = select(2, self.settings:get "endpoint_url"),
  }
  if not values.endpoint then return nil, err end
  values.place = signing.place(values.endpoint.url)
  self.planned = values
  return values
end

-- The operation called `name`; raises where there is none, or none of ours.
local function known_operation(name)
  local schema = shapes.bedrock()
  local operation = schema:operation(name)
  if operation and operation.reply == "duplex" then
    error(name .. " streams both ways, which this version does not", 3)
  elseif operation then
    return operation
  end
  local near = nearest.find(tostring(name), schema:operation_names())
  error(("no operation %q in the model%s"):format(tostring(name),
    near and (", did you mean %q?"):format(near) or ""), 3)
end

--- Do an operation by its name in the model.
-- @param name "Converse", "ConverseStream", ...
-- @param params table of AWS's member names
-- @return as the operation's method: response, or nil, err; a stream for
--   those that stream.  An unknown name raises.
function methods:call(name, params)
  local operation = known_operation(name)
  params = params == nil and {} or params
  if self.host.enter then self.host:enter() end
  if operation.reply == "events" then
    return stream.new(self, operation, params)
  end
  local call, err = exchange.new(self, operation, params)
  if not call then return nil, err end
  return exchange.run(call, unary.receive(operation))
end

--- The pages of `list_async_invokes` one after another, each entry by itself:
-- `for entry in client:each_async_invoke { ... } do`; a failure is raised.
function methods:each_async_invoke(params)
  return require "bedrock.pages".each(self, "ListAsyncInvokes", params)
end

--- Many calls at once: `for index, response, err in client:map(list, {
-- concurrency = 16 }) do` as each finishes (see map.lua).
-- @param list the parameters of each call
-- @param given { operation = "converse", concurrency, ordered, progress,
--   patience }, or nil
function methods:map(list, given)
  given = given or {}
  local name = given.operation or "converse"
  local operation = find_operation(name)
  if not operation then
    error(("option operation: there is no operation %q"):format(
      tostring(name)), 2)
  end
  local map = require "bedrock.map".new(self, operation.name, list, given)
  return map, nil, nil, map
end

--- Is there somebody to ask as?  Looks for credentials or a token as the
-- first call would, and sends nothing to Bedrock.
-- @return true; or nil, err
function methods:check_credentials()
  local plan, err = self:plan()
  if not plan then return nil, err end
  local found
  found, err = self.identity:get(plan.endpoint.url)
  if not found then return nil, err end
  return true
end

--- A conversation: keeps the messages, runs tools, can be saved (see
-- conversation.lua).
function methods:conversation(given)
  return require "bedrock.conversation".new(self, given)
end

--- The conversation that `conversation:save()` wrote down.
function methods:load_conversation(text, given)
  return require "bedrock.conversation".load(self, text, given)
end

-- One method per operation; those that stream also serve `for`, and give
-- Lua 5.4 a value to close when the loop is left.
local function method_of(operation)
  local name = operation.name
  if operation.reply == "events" then
    return function(self, params)
      local events = self:call(name, params)
      return events, nil, nil, events
    end
  end
  return function(self, params) return self:call(name, params) end
end

-- Methods of operations are made when they are first used.
function Client.__index(_, name)
  local method = methods[name]
  if method == nil and type(name) == "string" and name:find "^%l" then
    local operation = find_operation(name)
    method = operation and method_of(operation)
    methods[name] = method
  end
  return method
end

function Client:__tostring()
  return ("bedrock.client: region %s"):format(
    self.options.region or "not given")
end

return client
