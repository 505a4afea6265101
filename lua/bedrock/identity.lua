--- Who asks: a bearer token, or credentials.

local bearer = require "bedrock.auth.bearer"
local credentials = require "bedrock.auth.credentials"

local identity = {}

local Identity = {}
Identity.__index = Identity

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

--- May wait (inside a task).
-- @param url where it will be sent: a token does not go out in the clear
-- @return { token = } or { access_key_id =, ... }; or nil, err
function Identity:get(url)
  local scheme, token, source = bearer.choose(self.client.settings)
  if scheme == "sigv4" then return credentials_of(self):get() end
  if scheme == nil then return nil, token end
  local ok, err = bearer.allowed(url)
  if not ok then return nil, err end
  token, err = bearer.token(token, source, credentials_of(self).context)
  if not token then return nil, err end
  return { token = token }
end

--- The service says that what was sent has expired.
-- @return true if the next `get` may give something else
function Identity:invalidate()
  if not self.credentials then return false end
  self.credentials:invalidate()
  return true
end

return identity
