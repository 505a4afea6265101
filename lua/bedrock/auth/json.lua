--- JSON answers and cache files of the providers: objects with text in them.

local errors = require "bedrock.errors"
local json = require "bedrock.json"
local excerpt = require "bedrock.auth.excerpt".head
local timestamp = require "bedrock.service.timestamp"

local answers = {}

--- The object in a text; nil where the text is no JSON object.
function answers.object(text)
  local value = json.decode(text)
  if type(value) == "table" and not json.is_array(value) then return value end
end

--- A member that is a text which is not empty; else nil.
function answers.text(object, name)
  local value = object[name]
  if type(value) == "string" and value ~= "" then return value end
end

--- A member that is a span of time, in seconds; else nil.
function answers.seconds(object, name)
  local value = object[name]
  if type(value) == "number" and value > 0 and value < 2 ^ 31 then
    return value
  end
end

-- The names that services have for what went wrong.
local CODES = { "code", "Code", "error" }
local MESSAGES = { "message", "Message", "error_description" }

local function first(object, names, secrets)
  for _, name in ipairs(names) do
    local value = answers.text(object, name)
    if value then return excerpt(value, secrets) end
  end
end

--- An error answer in a few words: "HTTP 403, AccessDenied, No access".
function answers.refusal(answer)
  local object = answers.object(answer.body) or {}
  local words = { "HTTP " .. answer.status }
  words[#words + 1] = first(object, CODES, answer.secrets)
  words[#words + 1] = first(object, MESSAGES, answer.secrets)
  return table.concat(words, ", ")
end

local function problem(format, ...)
  return nil, errors.new("credentials", format:format(...))
end

-- Epoch seconds; nil: it is not there; false: it makes no sense, and must not
-- be taken for "never".
local function expiration_of(object)
  local given = object.Expiration
  if given == nil or given == "" or given == json.null then return nil end
  return timestamp.parse(given) or false
end

--- Credentials as processes, containers and IMDS write them.
-- @param text    the answer; never shown, it may hold secrets
-- @param source  who answered, for errors and as credentials.source
-- @param token   name of the member with the session token
-- @return credentials; or nil, err
function answers.credentials(text, source, token)
  local object = answers.object(text)
  if not object then
    return problem("%s: invalid JSON in response", source)
  end
  for _, name in ipairs { "AccessKeyId", "SecretAccessKey" } do
    if not answers.text(object, name) then
      return problem("%s: the response lacks %s", source, name)
    end
  end
  local expires = expiration_of(object)
  if expires == false then
    return problem("%s: Expiration is no time of ISO 8601", source)
  end
  return { access_key_id = object.AccessKeyId,
    secret_access_key = object.SecretAccessKey,
    session_token = answers.text(object, token), expiration = expires,
    account_id = answers.text(object, "AccountId"), source = source }
end

--- Credentials of a service that may say in their place why it has none.
-- @return as answers.credentials
function answers.service_credentials(answer, source)
  local object = answers.object(answer.body) or {}
  local code = first(object, { "Code" }, answer.secrets)
  if code and code ~= "Success" then
    return problem("%s answered %s: %s", source, code,
      first(object, MESSAGES, answer.secrets) or "no message")
  end
  return answers.credentials(answer.body, source, "Token")
end

answers.encode = json.encode

return answers
