-- Reading Converse requests into prompts (see answer.lua), with the checks
-- and the words of refusal that Bedrock is known for.
local base64 = require "bedrock.emulator.base64"
local json = require "bedrock.emulator.json"

local prompt = {}

local get = json.get

local function invalid(message, ...)
  return nil, "ValidationException", message:format(...)
end

local MEDIA = { "image", "document", "video", "audio" }

-- "png image of 68 bytes" of a block's media member, nil if it has none.
local function media(block, where)
  for _, kind in ipairs(MEDIA) do
    local part = get(block, kind, "table")
    if part then
      local source = get(part, "source", "table")
      local bytes = source and get(source, "bytes", "string")
      local format = get(part, "format", "string") or "?"
      if not bytes then return format .. " " .. kind end
      local raw = base64.decode(bytes)
      if not raw then
        return nil, where .. "." .. kind .. ".source.bytes is not base64"
      end
      return ("%s %s of %d bytes"):format(format, kind, #raw)
    end
  end
end

local function result_text(content)
  local out = {}
  for _, part in ipairs(content or {}) do
    if get(part, "text", "string") then
      out[#out + 1] = part.text
    elseif type(part) == "table" and part.json ~= nil then
      out[#out + 1] = json.encode(part.json)
    end
  end
  return table.concat(out, " ")
end

local function read_block(self, block, where)
  local text = get(block, "text", "string")
  local result = get(block, "toolResult", "table")
  if text then
    if not text:find("%S") then
      return invalid("The text field in the ContentBlock object at %s is "
        .. "blank. Add text to the text field, and try again.", where)
    end
    self.texts[#self.texts + 1] = text
  elseif result then
    if not get(result, "toolUseId", "string") then
      return invalid("The toolUseId field at %s.toolResult is missing.", where)
    end
    self.results[#self.results + 1] = { id = result.toolUseId,
      text = result_text(get(result, "content", "table")) }
  else
    local seen, problem = media(block, where)
    if problem then return invalid("%s", problem) end
    self.sees[#self.sees + 1] = seen
  end
  return true
end

-- Texts, results and media of one message; the last message's remain.
local function read_message(self, message, i)
  self.texts, self.results, self.sees = {}, {}, {}
  local content = get(message, "content", "table")
  if not content then
    return invalid("The content field at messages.%d is empty. Add content "
      .. "and try again.", i - 1)
  end
  for k, block in ipairs(content) do
    local where = ("messages.%d.content.%d"):format(i - 1, k - 1)
    if type(block) ~= "table" or next(block) == nil then
      return invalid("The ContentBlock object at %s must set one member.",
        where)
    end
    local ok, name, problem = read_block(self, block, where)
    if not ok then return nil, name, problem end
  end
  return true
end

local ROLES = { user = true, assistant = true, system = true }

local function read_messages(self, messages)
  if not messages or not messages[1] then
    return invalid("The messages field is required. Add a message and try "
      .. "again.")
  elseif get(messages[1], "role", "string") ~= "user" then
    return invalid("A conversation must start with a user message. Try again "
      .. "with a conversation that starts with a user message.")
  end
  for i, message in ipairs(messages) do
    if not ROLES[get(message, "role", "string") or ""] then
      return invalid("Value at messages.%d.role failed to satisfy enum value "
        .. "set: [user, assistant, system]", i - 1)
    end
    local ok, name, problem = read_message(self, message, i)
    if not ok then return nil, name, problem end
  end
  if messages[#messages].role ~= "user" then
    return invalid("A conversation must end with a user message. Try again "
      .. "with a conversation that ends with a user message.")
  end
  return true
end

local function read_tools(self, config)
  for i, tool in ipairs(get(config, "tools", "table") or {}) do
    local spec = get(tool, "toolSpec", "table")
    if spec then
      local schema = get(get(spec, "inputSchema", "table"), "json", "table")
      if not get(spec, "name", "string") or not schema then
        return invalid("toolConfig.tools.%d.member.toolSpec must have a name "
          .. "and an inputSchema", i - 1)
      elseif not spec.name:find("^[%w_-]+$") then
        return invalid("1 validation error detected: Value '%s' at "
          .. "'toolConfig.tools.%d.member.toolSpec.name' failed to satisfy "
          .. "constraint: Member must satisfy regular expression pattern: "
          .. "[a-zA-Z0-9_-]+", spec.name, i)
      end
      self.tools[#self.tools + 1] = { name = spec.name, schema = schema }
    end
  end
  local choice = get(config, "toolChoice", "table")
  if choice then
    self.force = choice.any and "any"
      or get(get(choice, "tool", "table"), "name", "string")
  end
  return true
end

-- A tool's input must be a JSON object; lua-cjson cannot tell [] from {}, so
-- the text is searched.  Inside a JSON string the quotes would be escaped.
local function input_is_array(text)
  return text:find('"toolUse"', 1, true)
    and text:find('[{,]%s*"input"%s*:%s*%[')
end

local function read_limits(self, config)
  self.max_tokens = get(config, "maxTokens", "number")
  self.stops = get(config, "stopSequences", "table")
  if self.max_tokens and self.max_tokens < 1 then
    return invalid("1 validation error detected: Value '%g' at "
      .. "'inferenceConfig.maxTokens' failed to satisfy constraint: Member "
      .. "must have value greater than or equal to 1", self.max_tokens)
  end
  for _, name in ipairs { "temperature", "topP" } do
    local value = get(config, name, "number")
    if value and (value < 0 or value > 1) then
      return invalid("1 validation error detected: Value '%g' at "
        .. "'inferenceConfig.%s' failed to satisfy constraint: Member must "
        .. "have value less than or equal to 1", value, name)
    end
  end
  return true
end

--- Prompt of a Converse request (a decoded table) and its JSON text.
-- @return prompt | nil, exception name, message
function prompt.read(request, text)
  local self = { tools = {}, size = #text }
  local ok, name, problem = read_messages(self,
    get(request, "messages", "table"))
  if ok then
    ok, name, problem = read_tools(self, get(request, "toolConfig", "table"))
  end
  if ok then
    ok, name, problem = read_limits(self,
      get(request, "inferenceConfig", "table"))
  end
  if not ok then return nil, name, problem end
  if input_is_array(text) then
    return invalid("The format of the value at messages.content.toolUse."
      .. "input is invalid. Provide a json object for the field and try "
      .. "again.")
  end
  self.text = table.concat(self.texts, "\n")
  local extra = get(request, "additionalModelRequestFields", "table")
  local thinking = get(extra, "thinking", "table")
  self.thinking = thinking ~= nil and thinking.type ~= "disabled"
  self.cached = text:find('"cachePoint"', 1, true) ~= nil
  return self
end

return prompt
