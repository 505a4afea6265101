--- Programs as a user runs them: arguments, input, environment; what they
-- wrote to both outputs and how they ended.

local shell = {}

function shell.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- The Lua that runs this spec.
shell.lua = os.getenv "INTERPRETER" or (arg and arg[-1]) or "lua5.4"

function shell.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

function shell.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The environment of a client of the emulator, and of nobody else's files.
function shell.environment(emulator)
  local keys = emulator.options.credentials
  return { AWS_ENDPOINT_URL_BEDROCK_RUNTIME = emulator.url,
    AWS_ACCESS_KEY_ID = keys.access_key_id, AWS_REGION = "us-east-1",
    AWS_SECRET_ACCESS_KEY = keys.secret_access_key,
    AWS_CONFIG_FILE = "/nonexistent", AWS_PROFILE = "",
    AWS_SHARED_CREDENTIALS_FILE = "/nonexistent",
    AWS_SESSION_TOKEN = "", AWS_BEARER_TOKEN_BEDROCK = "",
    AWS_EC2_METADATA_DISABLED = "true", BEDROCK_MODEL = "" }
end

--- Words and variables as one line of shell.
function shell.line(words, variables)
  local parts = { "env" }
  for name, value in pairs(variables or {}) do
    parts[#parts + 1] = name .. "=" .. shell.quote(value)
  end
  for _, word in ipairs(words) do parts[#parts + 1] = shell.quote(word) end
  return table.concat(parts, " ")
end

--- Run a program to its end.
-- @return { out, err, status }
function shell.run(words, variables, input)
  local files = { os.tmpname(), os.tmpname(), os.tmpname() }
  shell.write(files[1], input or "")
  local ok, how, code = os.execute(("%s <%s >%s 2>%s"):format(
    shell.line(words, variables), files[1], files[2], files[3]))
  if type(ok) == "number" then code = math.floor(ok / 256) end -- Lua 5.1
  local result = { out = shell.read(files[2]), err = shell.read(files[3]),
    status = how == "signal" and 128 + code or code }
  for _, file in ipairs(files) do os.remove(file) end
  return result
end

return shell
