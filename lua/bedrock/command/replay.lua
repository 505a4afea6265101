--- `bedrock replay`: what a recording holds, read aloud.

local answer = require "bedrock.answer"
local core = require "bedrock.core"
local curl_host = require "bedrock.host.curl"
local recording = require "bedrock.host.recording"
local session = require "bedrock.command.session"
local shapes = require "bedrock.service.shapes"
local unmarshal = require "bedrock.service.unmarshal"

local replay = {}

-- "/model/{modelId}/converse" -> a pattern of it.
local function pattern_of(uri)
  local escaped = uri:gsub("[%-%.%+]", "%%%0")
  return "^" .. escaped:gsub("{%w+}", "[^/]+") .. "$"
end

-- The operation of Bedrock's that an exchange asks for, or nil.
local function operation_of(exchange)
  local path = exchange.url:gsub("^%a[%w+.-]*://[^/?#]*", "")
    :gsub("[?#].*$", "")
  local schema = shapes.bedrock()
  for _, name in ipairs(schema:operation_names()) do
    local operation = schema:operation(name)
    if operation.method == exchange.method
        and path:find(pattern_of(operation.uri)) then
      return operation
    end
  end
end

local function show_event(parsed, event)
  if parsed.json then return session.print_json(event) end
  local text = answer.text(event)
  if text then
    io.write(text)
    io.flush()
  end
end

local function show_failure(err)
  io.write("\n! ", tostring(err), "\n")
end

-- The events of a decoder: event | nil | nil, err
local function take(operation, decoder, read)
  local name, payload, detail = decoder:event()
  if name then return read(name, payload, detail) end
  if name == false then
    return nil, unmarshal.exception(operation,
      detail[":exception-type"] or detail[":error-code"], payload,
      detail[":error-message"])
  end
  return nil, payload
end

local function show_stream(parsed, exchange, operation, wait)
  local decoder = core.eventstream.decoder()
  local read = unmarshal.event(operation)
  for _, piece in ipairs(exchange.pieces) do
    wait(piece.at)
    decoder:feed(piece.bytes)
    local event, err = take(operation, decoder, read)
    while event do
      show_event(parsed, event)
      event, err = take(operation, decoder, read)
    end
    if err then return show_failure(err) end
  end
end

local function show_body(exchange, operation)
  local pieces = {}
  for i, piece in ipairs(exchange.pieces) do pieces[i] = piece.bytes end
  local body = table.concat(pieces)
  if operation and operation.name == "Converse" and exchange.status == 200 then
    local response = unmarshal.response(operation, exchange.status,
      exchange.reply_headers, body)
    local message = response and response.output and response.output.message
    for _, block in ipairs(message and message.content or {}) do
      if block.text then io.write(block.text) else session.print_json(block) end
    end
    if message then return end
  end
  io.write(body)
end

local EVENTS = "^application/vnd%.amazon%.eventstream"

local function show(parsed, number, exchange, wait)
  local operation = operation_of(exchange)
  local how = type(exchange.over) == "string" and exchange.over or "failed"
  if not parsed.json then
    io.write(("%d. %s %s %s\n   %s, %s after %.3f s\n\n"):format(number,
      operation and operation.name or "-", exchange.method, exchange.url,
      exchange.status and ("HTTP %d"):format(exchange.status) or "no reply",
      how, exchange.over_at or 0))
  end
  local kind = (exchange.reply_headers or {})["content-type"] or ""
  if operation and kind:find(EVENTS) then
    show_stream(parsed, exchange, operation, wait)
  elseif not parsed.json then
    show_body(exchange, operation)
  end
  if type(exchange.over) == "table" then show_failure(exchange.over) end
  if not parsed.json then io.write "\n\n" end
end

-- Until a time of an exchange has come, from now on; at once without timing.
local function waiter(parsed)
  local host = parsed.timing and curl_host.new()
  local start = host and host:clock()
  return function(at)
    if host then host:sleep(math.max(0, start + at - host:clock())) end
  end
end

--- @return true | nil, err
function replay.run(parsed)
  local text, err = session.read(parsed.file)
  if not text then return nil, err end
  local exchanges
  exchanges, err = recording.read(text)
  if not exchanges then return nil, err end
  for number, exchange in ipairs(exchanges) do
    show(parsed, number, exchange, waiter(parsed))
  end
  return true
end

return replay
