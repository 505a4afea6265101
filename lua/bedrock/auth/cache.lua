--- Sign-in caches of the AWS CLI: JSON files in folders below ~/.aws, which
-- we read, refresh, and write back.

local errors = require "bedrock.errors"
local answers = require "bedrock.auth.json"
local timestamp = require "bedrock.service.timestamp"

local cache = {}

--- Read a cache file.
-- @param files  table with read(path)
-- @param path   its path; nil: there is no home folder
-- @param advice what the user may do, ends the error's message
-- @return the object; or nil, err
function cache.read(files, path, advice)
  if not path then
    return nil, errors.new("credentials",
      "there is no home folder (HOME) to look for a sign-in cache in")
  end
  local text, reason = files.read(path)
  if not text then
    return nil, errors.new("credentials", ("failed to read `%s`: %s; %s")
      :format(path, reason, advice))
  end
  local object = answers.object(text)
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
-- logged, since what we hold is good.
function cache.write(context, path, object)
  local host, ok = context.host, nil
  local text, reason = answers.encode(object, { sorted = true })
  if text and host.write_private then
    ok, reason = host:write_private(path, text)
  elseif text then
    reason = "this host cannot write private files"
  end
  if not ok then
    context.log("warn", "cannot write the sign-in cache back", { path = path,
      reason = reason })
  end
end

--- A time as the caches write it, to whole seconds.
function cache.time(seconds)
  return timestamp.iso8601(math.floor(seconds))
end

return cache
