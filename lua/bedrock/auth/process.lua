--- A profile's `credential_process`: a command that prints credentials.
--
-- It runs through the shell (JavaScript and Rust do; botocore splits the
-- words itself), without a terminal, under a time limit (Go's: 1 minute).
-- What it writes to its standard output may hold secrets and is never
-- shown; its standard error is.
--
-- Credentials that have already expired are an error, as in botocore and
-- the JavaScript SDK; the Rust SDK would use them.

local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local last_words = require "bedrock.auth.excerpt".tail

local process = {}

local TIME_LIMIT = 60

local Process = { name = "process" }
Process.__index = Process

--- @param context  host, now()
-- @param base     command, account_id (where the command prints none),
--   profile
function process.new(context, base)
  return setmetatable({ context = context, base = base }, Process)
end

-- The end of what it said, on one line.
local function said(stderr)
  local words = last_words(stderr or "")
  if words == "" then return "it wrote nothing to its standard error" end
  return "it said: " .. words
end

function Process:fail(format, ...)
  return nil, errors.new("credentials", ("credential_process of profile %s: ")
    :format(self.base.profile) .. format:format(...))
end

local function run(self)
  local host = self.context.host
  if not host.execute then
    return self:fail("a process is not available in this host (it would "
      .. "block everything else); use keys, a role, a web identity, a "
      .. "container's endpoint or a credentials function here")
  end
  local stdout, stderr, code = host:execute(self.base.command, TIME_LIMIT)
  if not stdout then
    return self:fail("Error retrieving credentials: %s",
      errors.from(stderr, "credentials").message)
  elseif code ~= 0 then
    return self:fail("Error retrieving credentials: external process exited "
      .. "with code exit status: %s; %s", tostring(code), said(stderr))
  end
  return stdout, stderr
end

local function check(self, stdout, stderr)
  local object = answers.object(stdout)
  if not object then
    return self:fail("Error retrieving credentials from external process, "
      .. "could not parse response: invalid JSON in response; %s",
      said(stderr))
  elseif object.Version ~= 1 then
    return self:fail("the response must have \"Version\": 1")
  end
  local found, err = answers.credentials(stdout, "process", "SessionToken")
  if not found then return self:fail("%s", err.message) end
  found.account_id = found.account_id or self.base.account_id
  if found.expiration and found.expiration <= self.context.now() then
    return self:fail("the credentials expired %d s ago; is the clock of this "
      .. "machine right?", math.floor(self.context.now() - found.expiration))
  end
  return found
end

--- @return credentials, or nil, err
function Process:resolve()
  local stdout, stderr = run(self)
  if not stdout then return nil, stderr end
  return check(self, stdout, stderr)
end

return process
