-- POST /chat {"messages": [...]} (Converse's messages) is answered by
-- server-sent events, as the model says them:
--
--   event: text    data: {"text": "Hel"}
--   event: done    data: {"stopReason": "end_turn", "usage": {...}}
--   event: error   data: {"code": "ThrottlingException", "message": "..."}
local bedrock = require "bedrock"
local json = require "bedrock.json"
local nginx = require "bedrock.host.nginx"

local gateway = {}

-- One client per worker: credentials and connections are shared by requests.
local client

local function get_client()
  client = client or bedrock.new { host = nginx.new() }
  return client
end

-- true, or nil when the browser has gone.
local function send(event, data)
  return ngx.print("event: ", event, "\ndata: ", assert(json.encode(data)),
    "\n\n") and ngx.flush(true)
end

local function refuse(status, message)
  ngx.status = status
  ngx.header.content_type = "application/json"
  ngx.print(json.encode { message = message })
end

-- Whose fault it was, in HTTP's words.
local function status_of(err)
  if err.kind == "validation" then return 400 end
  if err.kind == "timeout" then return 504 end
  return err.status == 429 and 429 or 502
end

-- What the browser has to know of one event of the stream.
local function tell(event, done)
  local delta = event.contentBlockDelta
  if delta and delta.delta.text then
    return send("text", { text = delta.delta.text })
  elseif event.messageStop then
    done.stopReason = event.messageStop.stopReason
  elseif event.metadata then
    done.usage = event.metadata.usage
  end
  return true
end

--- Answers the request.
function gateway.chat()
  local question = json.decode(ngx.req.get_body_data() or "")
  if type(question) ~= "table" then
    return refuse(400, 'expected {"messages": [...]}')
  end
  local stream = get_client():converse_stream {
    modelId = os.getenv "BEDROCK_MODEL"
      or "anthropic.claude-3-5-haiku-20241022-v1:0",
    messages = question.messages,
  }
  -- The first event tells whether there is an answer at all.
  local event, err = stream:next()
  if err then
    ngx.log(ngx.ERR, tostring(err))
    return refuse(status_of(err), err.message)
  end
  ngx.header.content_type = "text/event-stream"
  ngx.header.cache_control = "no-store"
  ngx.header.x_accel_buffering = "no" -- an nginx in front shall not collect
  local done = {}
  while event do
    if not tell(event, done) then return stream:close() end
    event, err = stream:next()
  end
  if err then
    send("error", { code = err.code, message = err.message })
  else
    send("done", done)
  end
end

return gateway
