--- Who asks: a bearer token, or credentials.

local lazy = require "bedrock.lazy"
local schemes = require "bedrock.auth.schemes"

local bearer = lazy "bedrock.auth.bearer"
local credentials = lazy "bedrock.auth.credentials"

local identity = {}

local Identity = {}
Identity.__index = Identity

-- Who asks on a replay where nobody is found: nothing of it goes anywhere.
local NOBODY = { access_key_id = "REPLAY", secret_access_key = "REPLAY" }

--- @param client see client.lua: its options, settings, host and log
function identity.new(client)
  return setmetatable({ client = client }, Identity)
end

-- Made when they are first needed.  Only their `get` starts the chain, and a
-- token never gets that far.
local function credentials_of(self)
  if not self.credentials then
    self.credentials = credentials.from_options(self.client)
  end
  return self.credentials
end

-- A token for `url`, as `get` gives it.
local function bearer_for(self, url, token, source, deadlines)
  local ok, err = bearer.allowed(url)
  if not ok then return nil, err end
  local fixed = type(token) == "string"
  local context = not fixed and credentials_of(self).context or nil
  token, err = bearer.token(token, source, context, deadlines)
  if not token then return nil, err end
  return { token = token, fixed = fixed }
end

--- May wait (inside a task).
-- @param url where it will be sent: a token does not go out in the clear
-- @param deadlines as for host:send; nil: none
-- @return { token =, fixed = true where it is always the same } or
--   { access_key_id =, ... }; or nil, err
function Identity:get(url, deadlines)
  local scheme, token, source = schemes.choose(self.client.settings)
  if scheme == nil then return nil, token end
  if scheme == "bearer" then
    return bearer_for(self, url, token, source, deadlines)
  end
  local found, err = credentials_of(self):get(deadlines)
  if not found and self.client.host.replays then return NOBODY end
  return found, err
end

--- What `get` would give without waiting, or nil: where it would have to, or
-- fails.
function Identity:at_hand(url)
  local scheme, token, source = schemes.choose(self.client.settings)
  if scheme == "sigv4" then return credentials_of(self):at_hand() end
  if type(token) ~= "string" then return nil end
  return (bearer_for(self, url, token, source))
end

--- The service says that `used`, which a `get` gave, has expired.
-- @return true if the next `get` may give something else
function Identity:invalidate(used)
  if not used or used.fixed then return false end
  if used.token then
    bearer.invalidate(self.credentials.context)
  else
    self.credentials:invalidate(used)
  end
  return true
end

return identity
