--- `bedrock chat`: a conversation in the terminal.
--
-- Ctrl-C stops the answer that is coming (what was heard of it is kept), and
-- at the prompt drops the line; Ctrl-D ends.  When standard input or output is
-- no terminal, each line is a turn, and only the answers are written.

local answer = require "bedrock.answer"
local curl = require "bedrock.curl"
local commands = require "bedrock.command.slash"
local json = require "bedrock.json"
local question = require "bedrock.command.question"
local session = require "bedrock.command.session"

local chat = {}

-- Longest pause between two looks whether Ctrl-C was pressed: a signal cuts
-- the wait short unless it comes in the instant before.
local LOOK = 0.2

-- Bytes of a line that Linux's terminals hand over at most; they drop the
-- rest without a word.
local LONGEST = 4095

-- A remark on a line of its own, for people.
local function note(self, format, ...)
  if not self.terminal then return end
  if self.at_margin == false then io.write "\n" end
  self.at_margin = true
  io.flush()
  io.stderr:write("[", format:format(...), "]\n")
end

-- The user sees which tools are run.
local function announce(self, event)
  local start = event.contentBlockStart
  local use = start and start.start and start.start.toolUse
  if use then note(self, "calls %s", use.name) end
end

local function show(self, event)
  local text = answer.text(event)
  if text then
    io.write(text)
    io.flush()
    self.at_margin = text:find "\n$" ~= nil
  elseif event.messageStart and not self.at_margin then
    io.write "\n" -- the next answer of this turn
    self.at_margin = true
  else
    announce(self, event)
  end
end

-- The events of a turn to its end: nil | err.
local function follow(self, turn)
  local host = self.client.host
  while true do
    local event, err = turn:poll()
    if event then
      show(self, event)
    elseif event == nil then
      return err
    else
      host:wait(LOOK)
    end
    if curl.interrupt "taken" then
      turn:close()
      self.interrupted = true
      return nil
    end
  end
end

--- Say something and show what comes back.
-- @param turn of the conversation
function chat:hear(turn)
  self.at_margin, self.interrupted = true, false
  local err = follow(self, turn)
  if not self.at_margin then io.write "\n" end
  self.at_margin = true
  self.failed = err and turn or nil
  if err then
    io.stderr:write("bedrock: ", tostring(err), "\n")
    if err.retryable then note(self, "/retry asks again") end
    self.status = 1
  elseif self.interrupted then
    note(self, "stopped")
  else
    session.remark(self.parsed, "%s", session.usage(turn.usage))
  end
end

-- One line of input: text | nil (the end) | false (Ctrl-C, or too long).
local function read_line(self)
  if self.terminal then
    io.write "> "
    io.flush()
  end
  local line = io.read()
  -- A Ctrl-C that came before the line was read is over with it.
  local interrupted = curl.interrupt "taken"
  if line and self.terminal and #line == LONGEST then
    io.stderr:write(("bedrock: not sent: the terminal cuts lines at %d bytes; "
      .. "end shorter ones with \\, or /read FILE\n"):format(#line))
    return false
  end
  if line then return line end
  if not interrupted then return nil end
  io.write "\n"
  return false
end

-- Lines that end with a backslash go on in the next one.
local function read_text(self)
  local line = read_line(self)
  while line and line:find "\\$" do
    local more = read_line(self)
    if not more then return more end
    line = line:sub(1, -2) .. "\n" .. more
  end
  return line
end

--- Say this, and what was attached.
function chat:say(text)
  local content = self.attached
  content[#content + 1] = { text = text }
  self.attached = {}
  self:hear((self.talk:send(content)))
end

local function converse(self)
  while not self.over do
    local text = read_text(self)
    if text == nil then break end
    if text and text:sub(1, 1) == "/" then
      commands.run(self, text)
    elseif text and text:find "%S" then
      self:say(text)
    end
  end
  if self.terminal and not self.over then io.write "\n" end
  return self.terminal and 0 or self.status
end

-- The conversation that the options ask for: new, or one that was saved.
local function begin(self, parsed)
  local options, err = question.options(parsed, parsed.load)
  if not options then return nil, err end
  self.tools = options.tools
  if not parsed.load then
    self.talk = self.client:conversation(options)
    return true
  end
  return commands.load(self, parsed.load, options)
end

--- @return exit status | nil, err
function chat.run(parsed)
  local terminal = session.is_terminal(0) and session.is_terminal(1)
  local self = setmetatable({ parsed = parsed, status = 0,
    terminal = terminal }, { __index = chat })
  local err, ok
  self.client, err = session.client(parsed)
  if not self.client then return nil, err end
  self.attached, err = question.attachments(parsed)
  if not self.attached then return nil, err end
  ok, err = begin(self, parsed)
  if not ok then return nil, err end
  note(self, "%s; /help for help, Ctrl-D ends", self.talk.params.modelId)
  assert(curl.interrupt "watch")
  local ran, status = pcall(converse, self)
  curl.interrupt "leave"
  if not ran then error(status, 0) end
  return status
end

--- Tools in words, for /help and the curious.
function chat:tool_names()
  local list = {}
  for i, tool in ipairs(self.tools or {}) do
    list[i] = tool.name or json.encode(tool)
  end
  return table.concat(list, ", ")
end

return chat
