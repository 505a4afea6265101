--- `bedrock converse`: one question, its answer as it comes.

local answer = require "bedrock.answer"
local question = require "bedrock.command.question"
local session = require "bedrock.command.session"

local converse = {}

local function end_line(state)
  if state.last and not state.last:find "\n$" then io.write "\n" end
  state.last = nil
end

-- Writes an event as text; keeps how the line stands and when it began.
local function show_text(state, event)
  local text = answer.text(event)
  if event.messageStart then end_line(state) end -- another answer of the turn
  if not text then return end
  state.first = state.first or state.clock()
  state.last = text
  io.write(text)
  io.flush()
end

-- Calls of tools that are the caller's to answer.
local function show_calls(response)
  for _, block in ipairs(response.output.message.content) do
    if block.toolUse then session.print_json(block) end
  end
end

local function tell(parsed, turn, state)
  local response = turn:partial()
  local took = state.clock() - state.start
  session.remark(parsed, "%s, first word after %.2f s, end after %.2f s, "
    .. "stop reason %s, request id %s", session.usage(turn.usage),
    (state.first or state.clock()) - state.start, took,
    tostring(response.stopReason), tostring(turn.stream.request_id))
  local cut = response.stopReason == "max_tokens"
  if cut and (parsed.verbose > 0 or session.is_terminal(2)) then
    io.stderr:write "bedrock: the answer was cut off by the token limit\n"
  end
end

-- All of a turn; nil, err when it fails.
local function show(parsed, turn, state)
  while true do
    local event, err = turn:next()
    if err then return nil, err end
    if not event then return true end
    if parsed.json then
      session.print_json(event)
    else
      show_text(state, event)
    end
  end
end

--- @return true | nil, err
function converse.run(parsed)
  local options, content, client, err
  options, err = question.options(parsed)
  if not options then return nil, err end
  content, err = question.content(parsed)
  if not content then return nil, err end
  client, err = session.client(parsed)
  if not client then return nil, err end
  local state = { start = client.host:clock(),
    clock = function() return client.host:clock() end }
  local turn = client:conversation(options):send(content)
  local done
  done, err = show(parsed, turn, state)
  end_line(state)
  if not done then return nil, err end
  if not parsed.json then show_calls(turn:partial()) end
  tell(parsed, turn, state)
  return true
end

return converse
