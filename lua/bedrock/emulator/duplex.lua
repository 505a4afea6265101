-- luacheck: std lua54
-- InvokeModelWithBidirectionalStream: signed events in, events out, at once.
--
-- Each event of the client is an event-stream message whose payload is the
-- real event, itself a message; the outer one carries its date and a
-- signature that is chained to the one before, the first to the request's.
-- An empty payload is the end.  (aws-spec: event signing.)
local base64 = require "bedrock.emulator.base64"
local converse = require "bedrock.emulator.converse"
local frame = require "bedrock.emulator.frame"
local json = require "bedrock.emulator.json"
local verify = require "bedrock.emulator.verify"

local duplex = {}

-- A conversation may be silent for long; the service itself ends it after
-- eight minutes.
local PATIENCE = 480
-- Bedrock's limit of a part is 1,000,000 bytes; base64 and headers around it.
local LARGEST_EVENT = 2000000

local function hex(raw)
  return (raw:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- What the client should have signed, given the previous signature.
local function expected(who, prior, milliseconds, inner)
  local date = os.date("!%Y%m%dT%H%M%SZ", milliseconds // 1000)
  local scope = date:sub(1, 8) .. who.scope:sub(9)
  local dated = frame.headers { { ":date", milliseconds, 8 } }
  local text = table.concat({ "AWS4-HMAC-SHA256-PAYLOAD", date, scope, prior,
    verify.sha256(dated), verify.sha256(inner) }, "\n")
  return verify.sign(verify.key(who.secret, scope), text)
end

-- Next whole message of the client: headers, payload | nil at the end of the
-- body | nil, message.
local function next_message(x, state)
  while true do
    local headers, payload, at = frame.decode(state.buffer, 1)
    if headers then
      state.buffer = state.buffer:sub(at)
      return headers, payload
    elseif payload then
      return nil, payload
    elseif #state.buffer > LARGEST_EVENT then
      return nil, "the event is too large"
    end
    local chunk = x:read_chunk(PATIENCE)
    if not chunk then return nil end
    state.buffer = state.buffer .. chunk
    x.record.body_bytes = x.record.body_bytes + #chunk
  end
end

-- Next event as the client meant it: JSON text | nil at the end |
-- nil, message.
local function next_event(x, state)
  local headers, inner = next_message(x, state)
  if not headers then
    return nil, inner or "the stream of events has no signed end"
  end
  local date, signature = headers[":date"], headers[":chunk-signature"]
  if type(date) ~= "number" or type(signature) ~= "string" then
    return nil, "an event must have :date and :chunk-signature"
  end
  local wanted = expected(x.who, state.prior, date, inner)
  if wanted ~= hex(signature) then
    return nil, "the signature of an event does not match"
  end
  state.prior = wanted
  if inner == "" then return nil end
  local _, payload = frame.decode(inner, 1)
  local bytes = json.get(json.decode(payload or ""), "bytes", "string")
  local text = bytes and base64.decode(bytes)
  if not text then return nil, "an event must hold bytes in base64" end
  return text
end

-- The emulated model speaks like Nova Sonic: it answers a text in text, and
-- says of everything else that it came.
local function reply_to(text)
  local event = json.get(json.decode(text), "event", "table") or {}
  local said = json.get(event.textInput, "content", "string")
  if said then
    return { event = { textOutput = { role = "ASSISTANT",
      content = "You said: " .. said } } }
  end
  return { event = { received = { name = next(event) or "nothing",
    size = #text } } }
end

local function chunk(value)
  return "chunk", '{"bytes":"' .. base64.encode(json.encode(value))
    .. '","p":"' .. converse.padding() .. '"}'
end

--- Iterator over the events of the reply; it waits for the client's.
-- A client's mistake ends it: x.mistake says which.
function duplex.events(x)
  local state = { buffer = "", prior = x.who.signature }
  return function()
    if state.ended then return nil end
    local text, mistake = next_event(x, state)
    if text then return chunk(reply_to(text)) end
    state.ended, x.mistake = true, mistake
    if mistake then return nil end
    return chunk { event = { completionEnd = { stopReason = "END_TURN" } } }
  end
end

--- Plays the reply; a mistake of the client is said in a last frame.
function duplex.play(x)
  if not (x:begin() and x:deliver()) then return false end
  if x.mistake then
    x:write(frame.error("InvalidSignatureException", x.mistake))
  end
  return x.wire:finish()
end

return duplex
