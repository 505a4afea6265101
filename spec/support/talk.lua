--- Words for specs about conversations.

local assert = require "luassert"

local talk = {}

--- What `script.answer` makes a tool call of.
function talk.call(name, input, id)
  return { toolUseId = id or name, name = name, input = input }
end

--- A user's message; strings are text blocks.
function talk.user(...)
  local content = { ... }
  for i, item in ipairs(content) do
    if type(item) == "string" then content[i] = { text = item } end
  end
  return { role = "user", content = content }
end

--- The same of the model.
function talk.assistant(...)
  local message = talk.user(...)
  message.role = "assistant"
  return message
end

--- A toolUse block.
function talk.use(name, input, id)
  return { toolUse = { toolUseId = id or name, name = name,
                       input = input or {} } }
end

--- A toolResult block.
function talk.result(id, content, status)
  if type(content) == "string" then content = { { text = content } } end
  return { toolResult = { toolUseId = id, content = content,
                          status = status } }
end

--- All events of a turn; and the error it ended with.
function talk.drain(turn)
  local events = {}
  while true do
    local event, err = turn:next()
    if not event then return events, err end
    events[#events + 1] = event
  end
end

--- The law of every conversation: roles alternate, and each tool call is
-- answered by the message after it.
function talk.consistent(messages)
  for i, message in ipairs(messages) do
    assert.equal(i % 2 == 1 and "user" or "assistant", message.role)
    assert.is_true(#message.content > 0)
    local answered = {}
    for _, block in ipairs(messages[i + 1] and messages[i + 1].content
        or {}) do
      if block.toolResult then answered[block.toolResult.toolUseId] = true end
    end
    for _, block in ipairs(message.content) do
      if block.toolUse then
        assert.is_true(answered[block.toolUse.toolUseId])
      end
    end
  end
end

return talk
