-- Requests and their problems, for the specs of the marshaller.

local json = require "bedrock.json"
local marshal = require "bedrock.service.marshal"

local requests = {}

requests.MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"

--- The request of an operation; raises when there is none.
function requests.request(operation, params, options)
  return assert(marshal.request(operation, params, options))
end

--- Its body, decoded.
function requests.body(operation, params, options)
  return assert(json.decode(requests.request(operation, params, options).body))
end

--- The lines of the error that a request gives.
function requests.problems(operation, params, options)
  local good, err = marshal.request(operation, params, options)
  assert(good == nil and err.kind == "validation")
  assert(err.operation == operation)
  local lines = {}
  for i, problem in ipairs(err.problems) do
    lines[i] = problem.path == "" and problem.message
      or problem.path .. ": " .. problem.message
    assert(err.message:find(lines[i], 1, true))
  end
  return lines
end

--- Parameters of Converse.
function requests.converse(fields)
  local params = { modelId = requests.MODEL }
  for name, value in pairs(fields) do params[name] = value end
  return params
end

--- The same with one message of the user's.
function requests.says(blocks)
  return requests.converse { messages = { { role = "user",
    content = blocks } } }
end

return requests
