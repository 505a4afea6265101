--- A question out of a command's options: text, images, documents, tools.

local json = require "bedrock.json"
local session = require "bedrock.command.session"

local question = {}

-- Lua 5.1's `load` takes no string.
local compile = rawget(_G, "loadstring") or load

local IMAGES = { png = "png", jpg = "jpeg", jpeg = "jpeg", gif = "gif",
  webp = "webp" }
local DOCUMENTS = { pdf = "pdf", csv = "csv", doc = "doc", docx = "docx",
  xls = "xls", xlsx = "xlsx", html = "html", htm = "html", txt = "txt",
  md = "md" }

local function names(formats)
  local list = {}
  for name in pairs(formats) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

-- format, bytes | nil, err
local function read_media(path, formats)
  local format = formats[(path:match "%.(%w+)$" or ""):lower()]
  if not format then
    return session.misuse("%s: its name should end in one of %s", path,
      names(formats))
  end
  local bytes, err = session.read(path)
  if not bytes then return nil, err end
  return format, bytes
end

--- @return content block | nil, err
function question.image(path)
  local format, bytes = read_media(path, IMAGES)
  if not format then return nil, bytes end
  return { image = { format = format, source = { bytes = bytes } } }
end

-- Bedrock takes letters, digits, blanks, hyphens and brackets in the name of
-- a document, and no two blanks together.
local function document_name(path)
  local name = path:match "[^/]*$":gsub("%.%w+$", "")
    :gsub("[^%w%-%(%)%[%]]+", " "):gsub("^ ", ""):gsub(" $", "")
  return name ~= "" and name or "document"
end

--- @return content block | nil, err
function question.document(path)
  local format, bytes = read_media(path, DOCUMENTS)
  if not format then return nil, bytes end
  return { document = { format = format, name = document_name(path),
    source = { bytes = bytes } } }
end

local function add_all(content, paths, make)
  for _, path in ipairs(paths or {}) do
    local block, err = make(path)
    if not block then return nil, err end
    content[#content + 1] = block
  end
  return true
end

--- The images and documents that the options name.
-- @return list of content blocks | nil, err
function question.attachments(parsed)
  local content = {}
  local ok, err = add_all(content, parsed.images, question.image)
  if ok then
    ok, err = add_all(content, parsed.documents, question.document)
  end
  if not ok then return nil, err end
  return content
end

-- The words of the prompt; standard input where they say -, or say nothing.
local function text_of(words)
  if #words == 0 then words = { "-" } end
  local texts = {}
  for i, word in ipairs(words) do
    texts[i] = word == "-" and io.read "*a":gsub("%s+$", "") or word
  end
  return table.concat(texts, " ")
end

--- The whole question.
-- @return list of content blocks | nil, err
function question.content(parsed)
  local content, err = question.attachments(parsed)
  if not content then return nil, err end
  local text = text_of(parsed.prompt)
  if text ~= "" then content[#content + 1] = { text = text } end
  if #content == 0 then return session.misuse "there is no question" end
  return content
end

-- One tool as `client:conversation` takes it: ours, AWS's toolSpec, or the
-- shape in which Anthropic's and MCP's tools are written.
local function tool_of(tool)
  if type(tool) ~= "table" or not tool.name then return tool end
  return { name = tool.name, description = tool.description,
    input_schema = tool.input_schema or tool.inputSchema, run = tool.run,
    strict = tool.strict }
end

local function read_tools(path)
  local text, err = session.read(path)
  if not text then return nil, err end
  if path:find "%.lua$" then
    local chunk, message = compile(text, "@" .. path)
    if not chunk then return session.misuse("%s", message) end
    local ran, list = pcall(chunk)
    if not ran then return session.misuse("%s", tostring(list)) end
    return list
  end
  local list, message = json.decode(text)
  if list == nil then return session.misuse("%s: %s", path, message) end
  return list
end

--- The tools of --tool-file; nil when there are none.
-- @return list | nil, err
function question.tools(parsed)
  if not parsed.tool_file then return nil end
  local list, err = read_tools(parsed.tool_file)
  if list == nil then
    return nil, err or select(2, session.misuse("%s returns nothing",
      parsed.tool_file))
  end
  if type(list) == "table" and list.tools then list = list.tools end
  if type(list) ~= "table" then
    return session.misuse("%s: a list of tools expected", parsed.tool_file)
  end
  local tools = {}
  for i, tool in ipairs(list) do tools[i] = tool_of(tool) end
  return tools
end

local function fields_of(text)
  if not text then return nil end
  local fields, message = json.decode(text)
  if type(fields) ~= "table" then
    return session.misuse("--fields: %s", message or "an object expected")
  end
  return fields
end

--- Options for `client:conversation`.
-- @param saved  the model is one that was saved, unless -m says another one
-- @return table | nil, err
function question.options(parsed, saved)
  local model, tools, fields, err
  if saved then
    model = parsed.model
  else
    model, err = session.model(parsed)
    if not model then return nil, err end
  end
  tools, err = question.tools(parsed)
  if err then return nil, err end
  fields, err = fields_of(parsed.fields)
  if err then return nil, err end
  local inference = { maxTokens = parsed.max_tokens, topP = parsed.top_p,
    temperature = parsed.temperature,
    stopSequences = parsed.stop and parsed.stop[1] and parsed.stop or nil }
  return { modelId = model, system = parsed.system, tools = tools,
    additionalModelRequestFields = fields,
    inferenceConfig = next(inference) and inference or nil }
end

return question
