--- A conversation: keeps `messages`, runs tools, can be saved.
--
--     local chat = client:conversation {
--       modelId = "...", system = "Be brief.",
--       tools = { { name = "time", run = function() return os.date() end } },
--     }
--     for piece in chat:send("What time is it?"):text() do io.write(piece) end
--     local text = chat:save()
--
-- Names in camelCase are members of the ConverseStream request and go out
-- with each one; they are `chat.params` and may be changed between turns.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local json = require "bedrock.json"
local nearest = require "bedrock.nearest"
local tools = require "bedrock.tools"
local turn = require "bedrock.turn"

local conversation = {}

local Conversation = { __name = "bedrock.conversation" }
Conversation.__index = Conversation

-- A model that calls tools in circles ends somewhere.
local MAX_ROUNDS = 16

-- Our own options, and their types; "any" is not looked at.
local OPTIONS = {
  tools = "table", messages = "table", max_rounds = "number",
  approve = "function", context = "any", output_schema = "table or string",
  usage = "table",
}

local function meant(name)
  local names = {}
  for known in pairs(OPTIONS) do names[#names + 1] = known end
  local near = nearest.find(tostring(name), names)
  return near and (", did you mean %q?"):format(near) or ""
end

local function check_options(options)
  if type(options) ~= "table" then
    error("options: expected a table, got " .. type(options), 3)
  end
  for name, value in pairs(options) do
    local wanted = OPTIONS[name]
    if not wanted and (type(name) ~= "string" or name:find("_", 1, true)) then
      error(("unknown option %q%s"):format(tostring(name), meant(name)), 3)
    elseif wanted and wanted ~= "any"
        and not wanted:find(type(value), 1, true) then
      error(("option %s: expected a %s, got %s"):format(name, wanted,
        type(value)), 3)
    end
  end
end

-- The request's outputConfig for a schema.
local function output_config(given, schema)
  local text = schema
  if type(schema) == "table" then
    local message
    text, message = json.encode(schema)
    if not text then error("output_schema is no JSON: " .. message, 3) end
  end
  local config = {}
  for key, value in pairs(given or {}) do config[key] = value end
  config.textFormat = { type = "json_schema", structure = {
    jsonSchema = { schema = text, name = "answer" } } }
  return config
end

--- A new conversation.  Nothing is sent.  Raises for a wrong option.
-- @param client anything with `converse_stream(params)` that returns a
--   stream
-- @param options table:
--   any member of the ConverseStream request (modelId, inferenceConfig, ...);
--   system         a string, or the request's list of blocks
--   messages       where to begin; taken over, not copied
--   tools          list of tools (see tools.lua)
--   approve        function(call, context) -> true | false, reason: asked
--                  before each tool call; what is refused is told the model
--   context        anything; tools find it as `context.user`
--   max_rounds     requests that one turn may take (16)
--   output_schema  JSON Schema (table or text) the answer has to follow;
--                  `turn:result()` decodes it
function conversation.new(client, options)
  check_options(options)
  local self = setmetatable({
    client = client, messages = options.messages or {}, params = {},
    approve = options.approve, context = options.context,
    max_rounds = options.max_rounds or MAX_ROUNDS,
    usage = options.usage or {},
  }, Conversation)
  local made, list = pcall(tools.new, options.tools)
  if not made then error(list, 2) end
  self.tools = list
  for name, value in pairs(options) do
    if not OPTIONS[name] then self.params[name] = value end
  end
  if type(self.params.system) == "string" then
    self.params.system = { { text = self.params.system } }
  end
  if options.output_schema then
    self.params.outputConfig = output_config(self.params.outputConfig,
      options.output_schema)
  end
  return self
end

-- The message that a user's content makes: text, one block, blocks, or a
-- message already.
local function message_of(content)
  if type(content) == "string" then
    return { role = "user", content = { { text = content } } }
  elseif type(content) ~= "table" then
    error("expected text, content blocks or a message, got "
      .. type(content), 3)
  elseif content.content ~= nil then
    if content.role ~= nil and content.role ~= "user" then
      error(("only messages of role user can be sent, got %q"):format(
        tostring(content.role)), 3)
    end
    if type(content.content) == "string" then
      return message_of(content.content)
    end
    return { role = "user", content = content.content }
  elseif content[1] == nil and next(content) ~= nil then
    return { role = "user", content = { content } }
  end
  return { role = "user", content = content }
end

-- Tool calls that the last answer left to the caller, or that a saved
-- conversation ends with, need results before anything else may be said.
local function answer_calls(last, content)
  local given, missing = {}, {}
  for _, block in ipairs(content) do
    if block.toolResult then given[block.toolResult.toolUseId] = true end
  end
  for _, call in ipairs(tools.calls(last)) do
    if not given[call.toolUseId] then
      missing[#missing + 1] = tools.result(call, nil,
        "this call was not carried out")
    end
  end
  for _, block in ipairs(content) do missing[#missing + 1] = block end
  return missing
end

--- Say something; the request goes out at once.
--
-- A turn that was not read to its end is closed first.  Where the last
-- message is the user's already (the model had no answer), the new content
-- joins it, since roles must alternate.
-- @param content text, a content block, a list of them, or a message
-- @return turn, nil, nil, turn: serves `for`, and all that a stream has
--   (see turn.lua)
function Conversation:send(content)
  local message = message_of(content)
  if self.turn then self.turn:close() end
  local last, replaced = self.messages[#self.messages], nil
  if last and last.role == "user" then
    local joined = {}
    for _, block in ipairs(last.content) do joined[#joined + 1] = block end
    for _, block in ipairs(message.content) do joined[#joined + 1] = block end
    message.content, replaced = joined, last
  elseif last then
    message.content = answer_calls(last, message.content)
  end
  local started = turn.new(self, message, replaced)
  return started, nil, nil, started
end

--- The schema that answers have to follow, or nil.
function Conversation:output_schema()
  local at = self.params.outputConfig
  for _, name in ipairs { "textFormat", "structure", "jsonSchema",
                          "schema" } do
    at = type(at) == "table" and at[name]
  end
  return type(at) == "string" and json.decode(at) or nil
end

-- Documents of the user's, in which names mean nothing to us.
local DOCUMENTS = { input = true, json = true }
local BLOBS = { bytes = true, redactedContent = true }

-- A copy in which each blob went through `convert`; nil, message if one did
-- not.  Blobs are raw strings to users and base64 in JSON.
local function convert_blobs(value, convert)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, member in pairs(value) do
    local message
    if BLOBS[key] and type(member) == "string" then
      member, message = convert(member)
    elseif not DOCUMENTS[key] then
      member, message = convert_blobs(member, convert)
    end
    if message then return nil, message end
    made[key] = member
  end
  return setmetatable(made, getmetatable(value))
end

local FORMAT = "bedrock-conversation-1"

--- The conversation as JSON text: messages, request members, usage.  Tools
-- and hooks are functions and not in it; give them to `load` again.
-- @return text | nil, err when something in it is no JSON
function Conversation:save()
  local messages = convert_blobs(self.messages, core.bytes.base64_encode)
  local params = convert_blobs(self.params, core.bytes.base64_encode)
  local text, message, code = json.encode({
    format = FORMAT, messages = json.array(messages),
    params = json.object(params), usage = json.object(self.usage),
  }, { sorted = true })
  if not text then
    return errors.failure("validation", message, code)
  end
  return text
end

local function unreadable(message)
  return errors.failure("validation", "no saved conversation: " .. message,
                        "InvalidConversation")
end

--- The conversation that `save` wrote.
-- @param client as for `new`
-- @param text what `save` returned
-- @param options as for `new`; request members given here replace saved ones
-- @return conversation | nil, err when the text is no saved conversation
function conversation.load(client, text, options)
  check_options(options or {})
  local saved, message = json.decode(text)
  if saved == nil then return unreadable(message) end
  if type(saved) ~= "table" or saved.format ~= FORMAT
      or type(saved.messages) ~= "table" or type(saved.params) ~= "table" then
    return unreadable("it is other JSON")
  end
  local messages, params
  messages, message = convert_blobs(saved.messages, core.bytes.base64_decode)
  if not messages then return unreadable(message) end
  params, message = convert_blobs(saved.params, core.bytes.base64_decode)
  if not params then return unreadable(message) end
  local all = { messages = messages, usage = saved.usage }
  for name, value in pairs(params) do all[name] = value end
  for name, value in pairs(options or {}) do all[name] = value end
  return conversation.new(client, all)
end

return conversation
