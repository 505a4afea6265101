--- The life of credentials: found at the first use, renewed before they end.
--
--     get --> fresh? --yes--> them
--               no  --> the first time: there without asking? --yes--> those
--                          no, or later --> a search (renewal.lua)
--
-- One object may serve several clients.  What is kept need not be keys: a
-- token has the same life (bedrock.auth.bearer).
--
-- A provider has `resolve() -> found | nil, err | nil, nil, reason`, which
-- may wait; and perhaps `resolve_at_once()`, which does not: where it would
-- have to, or fails, it gives nil alone.

local errors = require "bedrock.errors"
local lazy = require "bedrock.lazy"
local static = require "bedrock.auth.static"

local chain = lazy "bedrock.auth.chain"
local renewal = lazy "bedrock.auth.renewal"

local credentials = {}

-- Seconds before their end that credentials are renewed (JavaScript: 300);
-- those that live shorter than twice that, in the middle of their life.
local MARGIN = 300

local Credentials = { __name = "bedrock.credentials" }
Credentials.__index = Credentials

local function nothing() end

-- A function of the user's as a provider.
local function from_function(give)
  local provider = { name = "function" }
  function provider:resolve() -- luacheck: ignore 212
    local found, err = give()
    if found then return found end
    return nil, errors.from(err or "the credentials function gave nothing",
      "credentials")
  end
  return provider
end

local function provider_of(context, given)
  if given == nil then return chain.new(context) end
  if type(given) == "function" then return from_function(given) end
  if type(given.resolve) == "function" then return given end
  return static.new(context, given, "option")
end

--- @param given table:
--   host        a host object
--   settings    bedrock.auth.settings; the object makes its own fork
--   credentials  nil: the default chain; a table of keys; a function that
--     returns such a table or nil, err (called again when they end); a
--     provider
--   files       table with read (the settings' own)
--   now         function -> epoch seconds (host:now)
--   random      function -> number in [0, 1)
--   log         function(level, message, fields)
--   mfa_code    function(serial) -> code, for roles with mfa_serial
--   check       function(found) -> a checked copy, or nil, err (static.check)
function credentials.new(given)
  local host = given.host
  local context = { host = host, settings = given.settings:fork(),
    files = given.files or given.settings.files,
    now = given.now or function() return host:now() end,
    random = given.random, log = given.log or nothing,
    mfa_code = given.mfa_code }
  return setmetatable({ context = context, given = given.credentials,
    check = given.check or static.check, resolved = 0 }, Credentials)
end

--- The credentials of a client: the object it was given, or a new one.
-- @param client  host, settings, options.credentials, log, random and
--   clock_offset (seconds that the service's clock is ahead of ours)
function credentials.from_options(client)
  local given = client.options.credentials
  if getmetatable(given) == Credentials then return given end
  return credentials.new { host = client.host, settings = client.settings,
    credentials = given, log = client.log, random = client.random,
    mfa_code = client.options.mfa_code, now = function()
      return client.host:now() + (client.clock_offset or 0)
    end }
end

--- The provider that is asked; made at the first call.
function Credentials:provider()
  if not self.asked then
    self.asked = provider_of(self.context, self.given)
  end
  return self.asked
end

local function left(held, now)
  return held.expiration and held.expiration - now or math.huge
end

-- Need they not be renewed yet?
local function fresh(self, now)
  local held = self.held
  if not held or self.rejected then return false end
  return left(held, now) > self.margin
end

--- Can those that are held be used, though they should be renewed?
function Credentials:usable(now)
  return self.held ~= nil and not self.rejected
    and (left(self.held, now) > 0 or self.expired_at_once)
end

--- Take over what a provider gave, once it is checked.
-- @return what is held now; or nil, err
function Credentials:keep(given)
  local found, err = self.check(given)
  if not found then return nil, err end
  local now = self.context.now()
  local life = left(found, now)
  self.held, self.rejected = found, false
  self.margin = math.max(0, math.min(MARGIN, life / 2))
  self.expired_at_once = life <= 0
  if life <= 0 then renewal.put_off(self, now) end
  return found
end

-- What is there without asking anybody is nothing to wait for together.
-- Later the files have to be read again: that is a search.
local function at_once(self)
  local provider = self:provider()
  if self.resolved > 0 or not provider.resolve_at_once then return nil end
  local found = provider:resolve_at_once()
  found = found and self:keep(found)
  if found then self.resolved = 1 end
  return found
end

--- Those that `get` would give without waiting, or nil.
function Credentials:at_hand()
  local now = self.context.now()
  if fresh(self, now) or self.retry_at and now < self.retry_at
      and self:usable(now) then
    return self.held
  end
  return at_once(self)
end

--- The credentials, found or renewed if need be.  May wait; call it inside a
-- task where the host is not to block.
-- @param deadlines as for host:send, of which `total` and `total_seconds`
--   count; nil: none
-- @return { access_key_id, secret_access_key, session_token, expiration,
--   account_id, source }; or nil, err
function Credentials:get(deadlines)
  local found = self:at_hand()
  if found then return found end
  return renewal.renew(self, deadlines or {})
end

--- The service refused `used`, which a `get` gave, as expired: the next one
-- looks for others, unless that was done since for somebody else.
function Credentials:invalidate(used)
  if used and used == self.held then self.rejected = true end
end

return credentials
