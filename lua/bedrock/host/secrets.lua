--- What must not be written down: who may sign, and what proves it.
--
-- Secrets are known by the names they go under (headers, query parameters,
-- members of JSON, XML and forms) and, once seen, by their value wherever it
-- turns up again: a service may echo a token inside a sentence.

local secrets = {}

--- What stands where a secret was.
secrets.REMOVED = "REMOVED"

-- Parts of names, in lower case: of headers and query parameters, and of
-- members of a body.  A body's "signature" is a model's, not a secret.
local HEADERS = { "authorization", "cookie", "secret", "password",
  "api%-?key", "access_?key", "signature", "credential$", "token$", "jwt",
  "assertion", "oidc", "^dpop$" }
local MEMBERS = { "secret", "password", "token$", "token_?code",
  "access_?key_?id", "private_?key", "assertion", "device_?code",
  "code_?verifier", "external_?id" }

-- Where the next page begins is no secret, and a replay needs it.
local HARMLESS = { nexttoken = true }

local function named(name, parts)
  name = name:lower()
  if HARMLESS[name] then return false end
  for _, part in ipairs(parts) do
    if name:find(part) then return true end
  end
  return false
end

local Remover = {}
Remover.__index = Remover

--- Something that removes secrets and remembers the ones it saw.
-- @param also list of further header names, or nil
function secrets.remover(also)
  local names = {}
  for _, name in ipairs(also or {}) do names[name:lower()] = true end
  return setmetatable({ names = names, seen = {} }, Remover)
end

-- A short value is no secret, and would be found everywhere.
local SHORTEST = 12

local function remember(self, value)
  value = value:gsub("^%a+ ", "") -- "Bearer ..."
  -- A signature is another one each time and proves nothing afterwards.
  if #value >= SHORTEST and value ~= secrets.REMOVED
      and not value:find "^AWS4%-HMAC" then
    self.seen[value] = true
  end
end

local function remove_seen(self, text)
  for value in pairs(self.seen) do
    local from, to = text:find(value, 1, true)
    while from do
      text = text:sub(1, from - 1) .. secrets.REMOVED .. text:sub(to + 1)
      from, to = text:find(value, from + #secrets.REMOVED, true)
    end
  end
  return text
end

--- A copy of headers (lower-case name -> value) without secrets.
function Remover:headers(headers)
  local made = {}
  for name, value in pairs(headers or {}) do
    value = tostring(value)
    if self.names[name:lower()] or named(name, HEADERS) then
      remember(self, value)
      value = secrets.REMOVED
    end
    made[name] = value
  end
  return made
end

--- A URL without its user, and without secrets in its query.  Whoever knows
-- the path of a container's credentials may have them.
function Remover:url(url)
  url = url:gsub("^(%a[%w+.-]*://)[^/?#@]*@", "%1" .. secrets.REMOVED .. "@")
    :gsub("^(http://169%.254%.170%.%d+/v%d/credentials/)[^?#]+",
      "%1" .. secrets.REMOVED)
  url = url:gsub("([?&])([^=&#]+)=([^&#]*)", function(mark, name, value)
    if not named(name, HEADERS) then return nil end
    remember(self, value)
    return mark .. name .. "=" .. secrets.REMOVED
  end)
  return remove_seen(self, url)
end

-- Is this the path whose whole answer is a secret (EC2's metadata)?
local function is_token(url)
  return url:find("/latest/api/token", 1, true) ~= nil
end

-- The canonical request that a refused signature is answered with.
local ECHO = "([xX]%-[aA][mM][zZ]%-[sS][eE][cC][uU][rR][iI][tT][yY]%-"
  .. "[tT][oO][kK][eE][nN]:)[^%s\\\"'<]+"

-- The end of the JSON string that begins after byte `at`.
local function string_end(text, at)
  while true do
    local stop = text:find('["\\]', at)
    if not stop or text:sub(stop, stop) == '"' then return stop end
    at = stop + 2
  end
end

-- Strings that belong to secret names in JSON text.
local function json_members(self, text, wanted)
  local pieces, from, at = {}, 1, 1
  while true do
    local _, open, name = text:find('"([%w_.-]+)"%s*:%s*"', at)
    if not open then break end
    at = open + 1
    local stop = wanted(name) and string_end(text, at)
    if stop then
      remember(self, text:sub(at, stop - 1))
      pieces[#pieces + 1] = text:sub(from, open) .. secrets.REMOVED
      from, at = stop, stop + 1
    end
  end
  if from == 1 then return text end
  return table.concat(pieces) .. text:sub(from)
end

-- The members that StartAsyncInvoke marks a request with, another one each
-- time: no secret, but a replay could not match it.
local function is_mark(name)
  return name == "clientRequestToken"
end

local function is_secret(name)
  return named(name, MEMBERS)
end

-- In a request a code is what a log-in gave, in a reply what went wrong.
local function is_secret_of_request(name)
  return name:lower() == "code" or named(name, MEMBERS)
end

-- Is this a call of the model's service?  Its bodies are the user's and the
-- model's words, in which names mean nothing.
local function is_model(url)
  local path = url:gsub("^%a[%w+.-]*://[^/?#]*", ""):gsub("[?#].*$", "")
  return path:find("/model/", 1, true) or path:find("/guardrail/", 1, true)
    or path:find("/async-invoke", 1, true)
end

--- The text of a body without secrets.
-- @param text the whole body
-- @param url of the request it belongs to
-- @param content_type of the body, or nil
-- @param answered is it the body of a reply?
function Remover:body(text, url, content_type, answered)
  if answered and is_token(url) and text ~= "" then
    remember(self, text)
    return secrets.REMOVED
  end
  if is_model(url) then
    return self:text(json_members(self, text, is_mark))
  end
  local hidden = answered and is_secret or is_secret_of_request
  text = json_members(self, text, hidden)
  text = text:gsub("<([%w:]+)([^>]*)>([^<]*)</%1>", function(name, more, value)
    if not hidden(name) then return nil end
    remember(self, value)
    return ("<%s%s>%s</%s>"):format(name, more, secrets.REMOVED, name)
  end)
  if (content_type or ""):find("form-urlencoded", 1, true) then
    text = text:gsub("([^=&]+)=([^&]*)", function(name, value)
      if not hidden(name) then return nil end
      remember(self, value)
      return name .. "=" .. secrets.REMOVED
    end)
  end
  return self:text(text)
end

--- Any other text without the secrets seen so far.
function Remover:text(text)
  return remove_seen(self, (text:gsub(ECHO, "%1" .. secrets.REMOVED)))
end

return secrets
