-- When does the emulator call a tool, and with what input?  The rule:
--
--   * A tool is called when the last user text holds its name as a word.
--   * name{...}: the braces are the input, verbatim, and every such mention
--     is a call of its own, so that one text can ask for several at once.
--   * A bare name: one call whose input is made from the tool's schema.  A
--     property takes its value from `property=value` in the text, else its
--     default, its first enum value, or a sample of its type.
--   * toolChoice "any" calls the first tool, "tool" the named one, if the
--     text asked for none.
--   * What follows `next: ` in a tool's result is read like a user's text,
--     so that one turn can take several rounds.
local json = require "bedrock.emulator.json"

local tools = {}

local SAMPLES = {
  string = "example", number = 1.5, integer = 1, boolean = true,
  array = json.list(), object = {}, null = json.null,
}

-- `city=Paris` or `city="New York"` in the text, typed as the schema says.
local function from_text(text, name, kind)
  local after = name:gsub("%p", "%%%0") .. "%s*=%s*"
  local value = text:match(after .. '"([^"]*)"')
    or text:match(after .. "([%w%-._]+)")
  if not value then return nil end
  if kind == "number" or kind == "integer" then return tonumber(value) end
  if kind == "boolean" then return value == "true" end
  return value
end

local function sample(text, name, schema)
  local kind = json.get(schema, "type", "string") or "string"
  local value = from_text(text, name, kind)
  if value ~= nil then return value end
  if type(schema) == "table" and schema.default ~= nil then
    return schema.default
  end
  local enum = json.get(schema, "enum", "table")
  if enum and enum[1] ~= nil then return enum[1] end
  return SAMPLES[kind]
end

-- JSON text of an input that fits the tool's schema.
local function made_input(text, tool)
  local input = {}
  local properties = json.get(tool.schema, "properties", "table") or {}
  for name, schema in pairs(properties) do
    if type(name) == "string" then input[name] = sample(text, name, schema) end
  end
  if next(input) == nil then return "" end
  return json.encode(input)
end

-- Mentions of `name` as a word: iterates over the input in braces, or false.
local function mentions(text, name)
  local lower, at = text:lower(), 1
  name = name:lower()
  return function()
    while name ~= "" do
      local first, last = lower:find(name, at, true)
      if not first then return nil end
      at = last + 1
      if not lower:sub(first - 1, first - 1):find("[%w_-]")
          and not lower:sub(at, at):find("[%w_-]") then
        return text:match("^%s*(%b{})", at) or false
      end
    end
  end
end

local function calls_of(tool, text, out)
  local bare = false
  for input in mentions(text, tool.name) do
    if input and json.decode(input) then
      out[#out + 1] = { name = tool.name, input = input }
    else
      bare = true
    end
  end
  if bare then
    out[#out + 1] = { name = tool.name, input = made_input(text, tool) }
  end
end

-- A forced call, where the text asked for none.
local function forced(prompt)
  for _, tool in ipairs(prompt.tools) do
    if prompt.force == "any" or prompt.force == tool.name then
      return { { name = tool.name, input = made_input(prompt.text, tool) } }
    end
  end
  return {}
end

--- Calls that a prompt asks for: list of { name, input = JSON text }.
-- An input of "" stands for a tool without parameters: Bedrock streams no
-- fragment for it, which means {}.
-- prompt.tools: list of { name, schema }; prompt.text; prompt.force.
function tools.calls(prompt)
  local out = {}
  for _, tool in ipairs(prompt.tools) do
    calls_of(tool, prompt.text, out)
  end
  if #out == 0 and prompt.force then return forced(prompt) end
  return out
end

return tools
