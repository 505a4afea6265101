--- Sign-in caches of the AWS CLI: JSON files in folders below ~/.aws, which
-- we read, refresh, and write back.
--
-- Where that cannot be done (a folder mounted read-only, nginx) what should
-- have been written is remembered instead: a refresh token may serve only
-- once.  It counts until the file changes, for then somebody has signed in.

local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local timestamp = require "bedrock.service.timestamp"

local cache = {}

--- What the user may do: "run: aws sso login --profile 'my name'".
function cache.advice(command, profile)
  local quote = profile:find "%s" and "'" or ""
  return ("run: %s --profile %s%s%s"):format(command, quote, profile, quote)
end

-- What is known of a file: its text when it was read, and what should stand
-- there since.
local function known_of(context, path)
  context.caches = context.caches or {}
  context.caches[path] = context.caches[path] or {}
  return context.caches[path]
end

local function current_text(context, path, text)
  local known = known_of(context, path)
  if known.text ~= text then known.text, known.unwritten = text, nil end
  return known.unwritten or text
end

--- Read a cache file.
-- @param context  files
-- @param path   its path; nil: there is no home folder
-- @param advice what the user may do, ends the error's message
-- @return the object; or nil, err
function cache.read(context, path, advice)
  if not path then
    return nil, errors.new("credentials",
      "there is no home folder (HOME) to look for a sign-in cache in")
  end
  local text, reason = context.files.read(path)
  if not text then
    return nil, errors.new("credentials", ("failed to read `%s`: %s; %s")
      :format(path, reason, advice))
  end
  local object = answers.object(current_text(context, path, text))
  if object then return object end
  return nil, errors.new("credentials", ("`%s` holds no JSON object; %s")
    :format(path, advice))
end

--- Check that members are texts which are not empty.
-- @return true; or nil, err
function cache.require(object, names, path, advice)
  for _, name in ipairs(names) do
    if not answers.text(object, name) then
      return nil, errors.new("credentials", ("`%s` lacks %s; %s"):format(path,
        name, advice))
    end
  end
  return true
end

--- Write it back, through the host (host:write_private); a failure is only
-- logged, since what we hold is good, and is remembered.
function cache.write(context, path, object)
  local host, ok = context.host, nil
  local text, reason = answers.encode(object, { sorted = true })
  if text and host.write_private then
    ok, reason = host:write_private(path, text)
  elseif text then
    reason = "this host cannot write private files"
  end
  if not ok then
    known_of(context, path).unwritten = text
    context.log("warn", "cannot write the sign-in cache back", { path = path,
      reason = reason })
  end
end

--- A time as the caches write it, to whole seconds.
function cache.time(seconds)
  return timestamp.iso8601(math.floor(seconds))
end

return cache
