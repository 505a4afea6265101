--- What a line of `bedrock chat` that begins with a slash does.

local nearest = require "bedrock.nearest"
local question = require "bedrock.command.question"
local session = require "bedrock.command.session"

local slash = {}

local function say(...)
  io.write(...)
  io.write "\n"
end

local function refuse(err)
  io.stderr:write("bedrock: ", tostring(err.message or err), "\n")
end

-- name -> { arguments, what it does, function(chat, argument) }
local COMMANDS = {}
local ORDER = {}
local function command(name, arguments, words, run)
  COMMANDS[name] = { arguments, words, run }
  ORDER[#ORDER + 1] = name
end

command("help", "", "this list", function(chat)
  for _, name in ipairs(ORDER) do
    local entry = COMMANDS[name]
    say(("%-18s %s"):format("/" .. name .. entry[1], entry[2]))
  end
  say "A line that begins with a blank is no command."
  say "A line that ends with \\ goes on in the next one."
  say "Ctrl-C stops an answer."
  if chat.tools then say("Tools: ", chat:tool_names()) end
end)

command("model", " [ID]", "ask another model; say which one it is",
  function(chat, id)
    if id ~= "" then chat.talk.params.modelId = id end
    say(chat.talk.params.modelId)
  end)

command("system", " [TEXT]", "other instructions; none: say which there are",
  function(chat, text)
    local params = chat.talk.params
    if text ~= "" then params.system = { { text = text } } end
    say(params.system and params.system[1].text or "no instructions")
  end)

local function attach(make)
  return function(chat, path)
    local block, err = make(path)
    if not block then return refuse(err) end
    chat.attached[#chat.attached + 1] = block
    say "It goes with what you say next."
  end
end
command("image", " FILE", "show an image with the next question",
  attach(question.image))
command("document", " FILE", "hand over a document with the next question",
  attach(question.document))

command("read", " FILE", "say what is in a file", function(chat, path)
  local text, err = session.read(path)
  if not text then return refuse(err) end
  if not text:find "%S" then return refuse "there is nothing in it" end
  chat:say((text:gsub("%s+$", "")))
end)

command("save", " [FILE]", "write the conversation to a file",
  function(chat, path)
    path = path ~= "" and path or chat.file
    if not path then return refuse "save it where? /save FILE" end
    local text, err = chat.talk:save()
    local ok = text
    if text then ok, err = session.write(path, text) end
    if not ok then return refuse(err) end
    chat.file = path
    say(("%d messages in %s"):format(#chat.talk.messages, path))
  end)

--- Go on with the conversation in a file.
-- @param options for the conversation, beside what was saved
-- @return true | nil, err
function slash.load(chat, path, options)
  local text, err = session.read(path)
  if not text then return nil, err end
  local talk
  talk, err = chat.client:load_conversation(text, options)
  if not talk then return nil, err end
  chat.talk, chat.file = talk, path
  return true
end

command("load", " FILE", "go on with a conversation that was saved",
  function(chat, path)
    local ok, err = slash.load(chat, path, { tools = chat.tools })
    if not ok then return refuse(err) end
    say(("%d messages, %s"):format(#chat.talk.messages,
      chat.talk.params.modelId))
  end)

local function line_of(block)
  if type(block.text) == "string" then return block.text end
  local kind, value = next(block)
  local name = type(value) == "table" and value.name
  return name and ("(%s %s)"):format(kind, name) or ("(%s)"):format(kind)
end

command("history", "", "what was said", function(chat)
  for _, message in ipairs(chat.talk.messages) do
    for _, block in ipairs(message.content) do
      say(message.role == "user" and "> " or "  ",
        (line_of(block):gsub("\n", "\n  ")))
    end
  end
end)

command("clear", "", "begin anew", function(chat)
  local messages = chat.talk.messages
  for i = #messages, 1, -1 do messages[i] = nil end
  say "All is forgotten."
end)

command("usage", "", "tokens so far", function(chat)
  say(session.usage(chat.talk.usage))
end)

command("retry", "", "ask again what failed", function(chat)
  if not chat.failed then return refuse "nothing has failed" end
  chat:hear((chat.failed:resume()))
end)

command("quit", "", "end, as Ctrl-D does", function(chat)
  chat.over = true
end)

--- Do what a line says.
function slash.run(chat, line)
  local name, argument = line:match "^/(%S*)%s*(.-)%s*$"
  local entry = COMMANDS[name]
  if entry then return entry[3](chat, argument) end
  local meant = nearest.find(name, ORDER)
  refuse(("there is no /%s%s"):format(name,
    meant and (", did you mean /%s?"):format(meant) or "; see /help"))
end

return slash
