--- `bedrock invoke`: the model's own format, in and out.

local bedrock = require "bedrock"
local session = require "bedrock.command.session"

local invoke = {}

local function params_of(parsed)
  local model, body, err
  model, err = session.model(parsed)
  if not model then return nil, err end
  body, err = session.given(parsed.body)
  if not body then return nil, err end
  return { modelId = model, body = body, accept = parsed.accept,
    contentType = parsed.content_type }
end

-- The chunk of an event as it came, whatever it is.
local function show_chunk(event)
  local bytes = event.chunk and event.chunk.bytes
  if bytes then
    io.write(bytes, "\n")
    io.flush()
  else
    session.print_json(event)
  end
end

-- Text for people, chunks for programs.
local function show_stream(parsed, stream)
  if parsed.json then
    for event in stream do show_chunk(event) end
  else
    for text in stream:text() do
      io.write(text)
      io.flush()
    end
    io.write "\n"
  end
  session.remark(parsed, "request id %s", tostring(stream.request_id))
  return true
end

-- Counts come as headers, for models that have them.
local function tell(parsed, response)
  local about = bedrock.metadata(response)
  local function header(name)
    return about.headers["x-amzn-bedrock-" .. name] or "?"
  end
  session.remark(parsed, "%s tokens in, %s out, %s ms in the model, request "
    .. "id %s", header "input-token-count", header "output-token-count",
    header "invocation-latency", tostring(about.request_id))
end

local function put(parsed, body)
  if parsed.output then return session.write(parsed.output, body) end
  io.write(body)
  if body:find "^%s*[{%[]" and not body:find "\n$" then io.write "\n" end
  return true
end

--- @return true | nil, err
function invoke.run(parsed)
  local params, client, response, err
  params, err = params_of(parsed)
  if not params then return nil, err end
  client, err = session.client(parsed)
  if not client then return nil, err end
  if parsed.stream or parsed.json then
    return show_stream(parsed, (client:invoke(params)))
  end
  response, err = client:invoke_model(params)
  if not response then return nil, err end
  tell(parsed, response)
  return put(parsed, response.body)
end

return invoke
