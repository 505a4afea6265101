--- Tools that a model may call: what they are called in a request, running
-- them, and telling the model how it went.
--
--     { name = "weather", description = "...",
--       input_schema = { type = "object", properties = { ... } },
--       run = function(input, context) return "sunny" end }
--
-- What `run` returns becomes the tool's result:
--
--     string                        text
--     table                         JSON; a list is sent as JSON text, since
--                                   the service takes only objects
--     { text = } { image = } ...    that content block, or a list of them
--     number, boolean               as JSON text
--     nothing                       text saying that there is no output
--     nil, err    or an error       status "error", with err as its text

local json = require "bedrock.json"
local task = require "bedrock.task"

local tools = {}

local Tools = {}
Tools.__index = Tools

local function bad(i, message)
  error(("tools[%d]: %s"):format(i, message), 0)
end

local function schema_of(i, schema)
  if schema == nil then
    return { type = "object", properties = json.object {} }
  elseif type(schema) == "string" then
    local value, message = json.decode(schema)
    if type(value) ~= "table" then
      bad(i, "input_schema is no JSON: " .. tostring(message))
    end
    return value
  elseif type(schema) ~= "table" then
    bad(i, "input_schema: expected a table, got " .. type(schema))
  end
  return schema
end

local KNOWN = { name = true, description = true, input_schema = true,
                run = true, strict = true }

local function specification(i, tool)
  for key in pairs(tool) do
    if not KNOWN[key] then
      bad(i, ("unknown member %q; known are name, description, "
        .. "input_schema, run, strict"):format(tostring(key)))
    end
  end
  if tool.run ~= nil and type(tool.run) ~= "function"
      and not (getmetatable(tool.run) or {}).__call then
    bad(i, "run: expected a function, got " .. type(tool.run))
  end
  return { toolSpec = {
    name = tool.name, description = tool.description, strict = tool.strict,
    inputSchema = { json = schema_of(i, tool.input_schema) },
  } }
end

--- Tools out of the user's list.  Entries in AWS's own shape (`toolSpec`,
-- `systemTool`, `cachePoint`) go out as they are.  Raises for what is no
-- tool.
-- @param list list of tools, or nil
-- @return an object with `specs` (for toolConfig.tools) and `run`
function tools.new(list)
  local self = setmetatable({ specs = {}, by_name = {}, names = {} }, Tools)
  if list ~= nil and type(list) ~= "table" then
    error("tools: expected a list, got " .. type(list), 0)
  end
  for i, tool in ipairs(list or {}) do
    if type(tool) ~= "table" then
      bad(i, "expected a table, got " .. type(tool))
    end
    local spec = tool
    if not (tool.toolSpec or tool.systemTool or tool.cachePoint) then
      if type(tool.name) ~= "string" then bad(i, "name: expected a string") end
      if self.by_name[tool.name] then
        bad(i, ("there are two tools named %q"):format(tool.name))
      end
      spec = specification(i, tool)
      self.by_name[tool.name] = tool
      self.names[#self.names + 1] = tool.name
    end
    self.specs[i] = spec
  end
  return self
end

-- What makes a table a content block of a tool result rather than JSON.
local BLOCKS = {
  text = function(v) return type(v) == "string" end,
  json = function(v) return v ~= nil end,
  image = function(v) return type(v) == "table" and v.source ~= nil end,
  document = function(v) return type(v) == "table" and v.source ~= nil end,
  video = function(v) return type(v) == "table" and v.source ~= nil end,
  searchResult = function(v)
    return type(v) == "table" and v.content ~= nil
  end,
}

local function is_block(t)
  if type(t) ~= "table" then return false end
  local kind, value = next(t)
  return BLOCKS[kind] ~= nil and next(t, kind) == nil and BLOCKS[kind](value)
end

local function are_blocks(t)
  if #t == 0 then return false end
  for _, item in ipairs(t) do
    if not is_block(item) then return false end
  end
  return true
end

local function is_list(t)
  return #t > 0 or json.is_array(t)
end

-- Content blocks for one value; an error when it is nothing JSON can hold.
local function content_of(value)
  if type(value) == "table" then
    if is_block(value) then return { value } end
    if are_blocks(value) then return value end
    local text, message = json.encode(value)
    if not text then return nil, "the result is no JSON: " .. message end
    if is_list(value) then return { { text = text } } end
    return { { json = next(value) == nil and json.object {} or value } }
  elseif value == nil or type(value) == "string" then
    local text = value or ""
    -- Bedrock refuses blank text.
    if not text:find("%S") then return { { text = "(no output)" } } end
    local fine, message = json.encode(text)
    if not fine then return nil, "the result is no text: " .. message end
    return { { text = text } }
  end
  local text, message = json.encode(value)
  if not text then return nil, "the result is no JSON: " .. message end
  return { { text = text } }
end

-- An error in a sentence; where in which file it was raised is nothing for
-- the model.
local function sentence(err)
  local text = tostring(err)
  if type(err) == "table" and not (getmetatable(err) or {}).__tostring then
    text = json.encode(err, { sorted = true }) or ""
  end
  if type(err) == "string" then text = text:gsub("^[^\n]-:%d+: ", "") end
  if not text:find("%S") or not json.encode(text) then
    return "the tool failed"
  end
  return text
end

--- A toolResult block.
-- @param call the toolUse it answers
-- @param value what the tool gave
-- @param err what went wrong, or nil
function tools.result(call, value, err)
  local result = { toolUseId = call.toolUseId }
  if err == nil then
    result.content, err = content_of(value)
  end
  -- Not every model takes a status, so one is sent only where it matters.
  if not result.content then
    result.content = { { text = sentence(err) } }
    result.status = "error"
  end
  return { toolResult = result }
end

-- May a coroutine be left through pcall?  Everywhere but in PUC Lua 5.1.
local yields = (function()
  local co = coroutine.create(function() pcall(coroutine.yield) end)
  coroutine.resume(co)
  return coroutine.status(co) == "suspended"
end)()

-- pcall that a tool may wait in: where pcall cannot be left, the tool is a
-- task of its own whose waits are passed on.
local function protected(run, ...)
  if yields or not task.inside() then return pcall(run, ...) end
  local inner = task.new(run, ...)
  task.hold(inner)
  while not inner:step() do task.wait(inner.deadline) end
  task.hold(nil)
  if not inner.results then return false, inner.raised end
  return true, inner:result()
end

local function finish(call, ok, value, err)
  if not ok then return tools.result(call, nil, value or "the tool failed") end
  if value == nil and err ~= nil then return tools.result(call, nil, err) end
  return tools.result(call, value)
end

--- Run the tool that a model asked for.  What goes wrong in it is told to
-- the model and never raised.
-- @param call the toolUse: `name`, `toolUseId`, `input`
-- @param context second argument of the tool's `run`
-- @return a toolResult block
function Tools:run(call, context)
  local tool = self.by_name[call.name]
  if not tool then
    return tools.result(call, nil, ("there is no tool named %q; there are: %s")
      :format(tostring(call.name), table.concat(self.names, ", ")))
  end
  return finish(call, protected(tool.run, call.input, context))
end

--- Can this call be answered here?  Not when its tool was declared without
-- `run`: then the caller answers it.
function Tools:runs(call)
  local tool = self.by_name[call.name]
  if tool then return tool.run ~= nil end
  for _, spec in ipairs(self.specs) do
    local own = spec.toolSpec or spec.systemTool
    if own and own.name == call.name then return false end
  end
  return true
end

--- The calls in a message that are the client's to answer: all but those of
-- server tools and those the message already answers.
-- @return list of toolUse blocks
function tools.calls(message)
  local answered, calls = {}, {}
  for _, block in ipairs(message.content) do
    local result = type(block) == "table" and block.toolResult
    if result then answered[result.toolUseId] = true end
  end
  for _, block in ipairs(message.content) do
    local use = type(block) == "table" and block.toolUse
    if use and use.type ~= "server_tool_use"
        and not answered[use.toolUseId] then
      calls[#calls + 1] = use
    end
  end
  return calls
end

return tools
