--- `bedrock count`: how many tokens a question takes, without asking it.

local question = require "bedrock.command.question"
local session = require "bedrock.command.session"
local tools = require "bedrock.tools"

local count = {}

local function converse_input(parsed)
  local content, err = question.content(parsed)
  if not content then return nil, err end
  local list
  list, err = question.tools(parsed)
  if err then return nil, err end
  return { converse = {
    messages = { { role = "user", content = content } },
    system = parsed.system and { { text = parsed.system } } or nil,
    toolConfig = list and { tools = tools.new(list).specs } or nil } }
end

local function body_input(parsed)
  local body, err = session.given(parsed.body)
  if not body then return nil, err end
  return { invokeModel = { body = body } }
end

--- @return true | nil, err
function count.run(parsed)
  local model, input, client, response, err
  model, err = session.model(parsed)
  if not model then return nil, err end
  input, err = (parsed.body and body_input or converse_input)(parsed)
  if not input then return nil, err end
  client, err = session.client(parsed)
  if not client then return nil, err end
  response, err = client:count_tokens { modelId = model, input = input }
  if not response then return nil, err end
  io.write(("%d\n"):format(response.inputTokens))
  return true
end

return count
