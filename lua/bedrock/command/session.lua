--- What the subcommands share: a client from the options, input, output.

local bedrock = require "bedrock"
local errors = require "bedrock.errors"
local json = require "bedrock.json"

local session = {}

local function misuse(message, ...)
  return nil, errors.new("validation", message:format(...))
end
session.misuse = misuse

-- A line of the client's log, for -vv.
local function log(level, message, fields)
  local words = {}
  for name, value in pairs(fields or {}) do
    words[#words + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(words)
  io.stderr:write(("[%s] %s %s\n"):format(level, message,
    table.concat(words, " ")))
end

-- Signatures of a replay go nowhere.
local NOBODY = { access_key_id = "REPLAY", secret_access_key = "REPLAY" }

--- Options for `bedrock.new` from the command's.
-- @return table | nil, err
function session.options(parsed)
  local options = { region = parsed.region, profile = parsed.profile,
    endpoint_url = parsed.endpoint_url, total_timeout = parsed.timeout,
    log = parsed.verbose > 1 and log or nil }
  local err
  if parsed.replay then
    options.host, err = bedrock.host.replay(parsed.replay, { match = "loose" })
    if not options.host then return nil, err end
    options.credentials = NOBODY
    options.region = options.region or "us-east-1"
  elseif parsed.record then
    options.host, err = bedrock.host.record(nil, parsed.record)
    if not options.host then return nil, err end
  end
  return options
end

--- @return client | nil, err
function session.client(parsed)
  local options, err = session.options(parsed)
  if not options then return nil, err end
  return bedrock.new(options)
end

--- @return model id | nil, err
function session.model(parsed)
  local id = parsed.model or os.getenv "BEDROCK_MODEL"
  if id and id ~= "" then return id end
  return misuse "which model? Give one with -m, or set BEDROCK_MODEL"
end

--- Is this descriptor a terminal?
function session.is_terminal(descriptor)
  local ok = os.execute(("test -t %d"):format(descriptor))
  return ok == true or ok == 0
end

--- @return a file's bytes | nil, err
function session.read(path)
  local file, message = io.open(path, "rb")
  if not file then return misuse("%s", message) end
  local text
  text, message = file:read "*a"
  file:close()
  if not text then return misuse("%s: %s", path, message) end
  return text
end

--- @return true | nil, err
function session.write(path, text)
  local file, message = io.open(path, "wb")
  if not file then return misuse("%s", message) end
  local ok
  ok, message = file:write(text)
  file:close()
  if not ok then return misuse("%s: %s", path, message) end
  return true
end

--- Bytes given as themselves, as @FILE or as - (standard input).
function session.given(text)
  if text == "-" then return io.read "*a" end
  if text:sub(1, 1) == "@" then return session.read(text:sub(2)) end
  return text
end

-- Raw bytes are base64 in JSON.
local BLOBS = { bytes = true, redactedContent = true }

local function printable(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for name, item in pairs(value) do
    if BLOBS[name] and type(item) == "string" then
      made[name] = json.base64(item)
    else
      made[name] = printable(item)
    end
  end
  return setmetatable(made, getmetatable(value))
end

--- Writes a value as a line of JSON.
function session.print_json(value)
  io.write(assert(json.encode(printable(value), { sorted = true })), "\n")
  io.flush()
end

--- The end of an answer, in words.
function session.usage(usage)
  local cached, written = usage.cacheReadInputTokens or 0,
    usage.cacheWriteInputTokens or 0
  local text = ("%d tokens in"):format(usage.inputTokens or 0)
  if cached + written > 0 then
    text = ("%s, %d read from the cache, %d written to it"):format(text,
      cached, written)
  end
  return ("%s, %d out"):format(text, usage.outputTokens or 0)
end

--- Writes a remark, when the user asked for them.
function session.remark(parsed, format, ...)
  if parsed.verbose > 0 then
    io.stderr:write("[", format:format(...), "]\n")
  end
end

return session
