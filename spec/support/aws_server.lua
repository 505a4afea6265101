-- The services that give credentials, on loopback, in a process of their own
-- (Lua 5.4, cqueues): IMDS, a container's endpoint, STS, SSO.
--
--   lua5.4 spec/support/aws_server.lua
--
-- prints its port, and ends when its standard input does.  The first segment
-- of a path says how it behaves: /good/..., /slow/..., /dead/..., and so on.

local cqueues = require "cqueues"
local socket = require "cqueues.socket"
local verify = require "bedrock.emulator.verify"

local KEYS = { access_key_id = "AKIDROLE", secret_access_key = "base-secret" }
local JSON = [[{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"b",
  "Token":"c","Expiration":"2099-01-01T00:00:00Z"}]]
local XML = [[<R><AssumedRoleUser>
  <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>
  </AssumedRoleUser><Credentials><AccessKeyId>a</AccessKeyId>
  <SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken>
  <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>]]
local SSO = [[{"roleCredentials":{"accessKeyId":"a","secretAccessKey":"b",
  "sessionToken":"c","expiration":4070908800000}}]]

local TOKEN = [[{"accessToken":"fresh","expiresIn":3600,
  "refreshToken":"next"}]]

local function read_request(connection)
  local line = connection:read "*l"
  local method, target = (line or ""):match "^(%u+) (%S+)"
  if not method then return nil end
  local request = { method = method, path = target:match "^[^?]*",
    query = target:match "%?(.*)$" or "", headers = {}, body = "" }
  while true do
    line = connection:read "*l"
    if not line or line == "\r" or line == "" then break end
    local name, value = line:match "^([^:]+): *(.-)\r?$"
    table.insert(request.headers, { name:lower(), value })
  end
  local length = tonumber(verify.header(request, "content-length") or 0)
  if length > 0 then request.body = connection:read(length) or "" end
  return request
end

-- Is the request signed with the base keys, for STS?  Computed by the
-- emulator's examiner, which shares nothing with the client.
local function signed(request)
  local header = verify.header(request, "authorization") or ""
  local scope, names, signature = header:match(
    "Credential=AKIDROLE/(%S+/sts/aws4_request), SignedHeaders=(%S+), "
    .. "Signature=(%x+)")
  if not scope then return false end
  local list = {}
  for name in names:gmatch "[^;]+" do list[#list + 1] = name end
  local canonical = verify.canonical_request(request, list,
    verify.sha256(request.body))
  local text = verify.string_to_sign(verify.header(request, "x-amz-date"),
    scope, canonical)
  local key = verify.key(KEYS.secret_access_key, scope)
  return verify.sign(key, text) == signature
end

local function sts(request)
  if request.body:find "Action=AssumeRoleWithWebIdentity" then
    return 200, XML
  elseif signed(request) then
    return 200, XML
  end
  return 403, "<Error><Code>SignatureDoesNotMatch</Code>"
    .. "<Message>no</Message></Error>"
end

local function imds(request, path)
  if path == "/latest/api/token" then
    local fine = request.method == "PUT" and verify.header(request,
      "x-aws-ec2-metadata-token-ttl-seconds") == "21600"
    return fine and 200 or 400, "metadata-token"
  elseif verify.header(request, "x-aws-ec2-metadata-token")
    ~= "metadata-token" then
    return 401, ""
  end
  return 200, path:find "/$" and "role" or JSON
end

-- What a well-behaved service answers: status, body.
local function answer_to(request, path)
  if path:find "^/latest/" then return imds(request, path) end
  if path == "/creds" then return 200, JSON end
  if path == "/federation/credentials" then
    local token = verify.header(request, "x-amz-sso_bearer_token")
    return token == "stale" and 401 or 200, SSO
  end
  if path:find "^/container/" then return 200, JSON end
  if path == "/token" then return 200, TOKEN end
  if request.method == "POST" and path == "/" then return sts(request) end
  return 404, ""
end

local function write(connection, status, body, length)
  connection:write(("HTTP/1.1 %d X\r\nDate: Mon, 12 Jan 2026 14:46:40 GMT\r\n"
    .. "Content-Length: %d\r\n\r\n"):format(status, length or #body), body)
  connection:flush()
end

local seen = {}
local MODES = {}

function MODES.good(connection, status, body)
  write(connection, status, body)
  return true
end

function MODES.slow(connection, status, body)
  cqueues.sleep(30)
  write(connection, status, body)
end

function MODES.dead() cqueues.sleep(30) end

function MODES.hangup() end -- closes without a word

function MODES.half(connection) -- closes its own direction only
  connection:shutdown "w"
  cqueues.sleep(30)
end

function MODES.cut(connection, status, body)
  write(connection, status, body, #body + 10)
end

function MODES.head(connection) -- stops within the head
  connection:write "HTTP/1.1 200 OK\r\nContent-Le"
  connection:flush()
end

function MODES.stall(connection, status, body) -- stops within the body
  write(connection, status, body:sub(1, 5), #body)
  cqueues.sleep(30)
end

function MODES.forbidden(connection)
  write(connection, 403, '{"message":"forbidden"}')
  return true
end

function MODES.garbage(connection)
  connection:write(("\0\255\r\n secret-garbage \n"):rep(50))
  connection:flush()
end

function MODES.junk(connection)
  write(connection, 200, "<html>secret-junk</html>")
  return true
end

function MODES.huge(connection)
  write(connection, 200, ("secret"):rep(500000))
end

function MODES.endless(connection) -- headers without end
  connection:write "HTTP/1.1 200 OK\r\n"
  repeat
    local ok = connection:write(("X-Y: %s\r\n"):format(("a"):rep(1000)))
  until not ok
end

-- "continue": go on, go on, ...
MODES["continue"] = function(connection)
  repeat
    local ok = connection:write(("HTTP/1.1 100 Continue\r\n\r\n"):rep(100))
  until not ok
end

function MODES.redirect(connection)
  connection:write("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
    .. "Content-Length: 0\r\n\r\n")
  connection:flush()
  return true
end

function MODES.trickle(connection) -- a header now and then
  connection:write "HTTP/1.1 200 OK\r\n"
  for _ = 1, 200 do
    connection:write "X-Y: z\r\n"
    connection:flush()
    cqueues.sleep(0.005)
  end
end

function MODES.drip(connection, _, body)
  connection:write(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n")
    :format(#body))
  for at = 1, #body do
    connection:write(body:sub(at, at))
    connection:flush()
    cqueues.sleep(0.1)
  end
end

-- Other credentials each time, numbered by path; slow enough that many ask.
local renewals = {}
function MODES.renewing(connection, status, body, path)
  cqueues.sleep(0.1)
  renewals[path] = (renewals[path] or 0) + 1
  body = body:gsub('"a"', ('"key%d"'):format(renewals[path]))
  write(connection, status, body)
  return true
end

-- Every other request of a path is refused for a moment.
function MODES.flaky(connection, status, body, path)
  seen[path] = not seen[path]
  if seen[path] then status, body = 503, "" end
  write(connection, status, body)
  return true
end

local function serve(connection)
  connection:setmode("b", "bf")
  connection:settimeout(40)
  repeat
    local request = read_request(connection)
    if not request then break end
    local mode, path = request.path:match "^/(%l+)(/.*)$"
    local status, body = answer_to(request, path or "")
    local go_on = (MODES[mode] or MODES.hangup)(connection, status, body, path)
  until not go_on
  connection:close()
end

local loop = cqueues.new()
local listener = assert(socket.listen("127.0.0.1", 0))
listener:listen()
print((select(3, listener:localname())))
io.stdout:flush()

loop:wrap(function()
  for connection in listener:clients() do
    loop:wrap(function() pcall(serve, connection) end)
  end
end)
loop:wrap(function()
  socket.fdopen(0):read "*a" -- ends with our parent
  os.exit(0)
end)
assert(loop:loop())
