--- Where AWS's shared files are, and reading small files.
--
-- A `files` object is a table with `read` as here; specs and embedders pass
-- their own.  The environment is always the caller's.

local errors = require "bedrock.errors"

local files = {}

-- Nothing this library reads is larger; a device or a log file given by
-- mistake must not fill the memory.
local MAX_BYTES = 16 * 1024 * 1024

-- errno of "no such file", "permission denied" and "a part of the path is no
-- folder" (POSIX).
local ENOENT, EACCES, ENOTDIR = 2, 13, 20

local function failed(path, message, kind)
  message = tostring(message)
  -- io.open puts the path in front of the reason.
  if message:sub(1, #path + 2) == path .. ": " then
    message = message:sub(#path + 3)
  end
  return nil, message, kind
end

local function read_all(file, path)
  local pieces, size = {}, 0
  while true do
    local piece, message, code = file:read(65536)
    if code then return failed(path, message, "unreadable") end
    if not piece then return table.concat(pieces) end
    size = size + #piece
    if size > MAX_BYTES then
      return nil, "larger than 16 MiB", "unreadable"
    end
    pieces[#pieces + 1] = piece
  end
end

-- Is this the folder of somebody else, into which we may not even look?  A
-- service often runs with the HOME of root: its files are not meant for us,
-- and are there for us as little as for boto3.
local function is_closed(folder)
  local file, _, code = io.open(folder, "rb")
  if file then file:close() end
  return code == EACCES
end

--- The text of a file.
-- @return text, or nil, reason, and "missing" or "unreadable"
function files.read(path)
  local file, message, code = io.open(path, "rb")
  if not file then
    local missing = code == ENOENT or code == ENOTDIR or code == EACCES
      and is_closed(path:match "^(.+)[/\\]" or ".")
    return failed(path, message, missing and "missing" or "unreadable")
  end
  local text, reason, kind = read_all(file, path)
  file:close()
  return text, reason, kind
end

local function present(value)
  if value and value ~= "" then return value end
end

--- The home folder according to the environment, or nil.
-- @param env function(name) -> string or nil
-- @param windows true where paths are Windows's
function files.home(env, windows)
  local home = present(env("HOME"))
  if home or not windows then return home end
  home = present(env("USERPROFILE"))
  if home then return home end
  local drive, path = present(env("HOMEDRIVE")), present(env("HOMEPATH"))
  return drive and path and drive .. path
end

--- Does this Lua run on Windows?
function files.on_windows()
  return package.config:sub(1, 1) == "\\"
end

--- A path below the home folder, its parts given one by one; nil where
-- there is no home.
function files.below_home(env, windows, ...)
  local home = files.home(env, windows)
  if not home then return nil end
  local separator = windows and "\\" or "/"
  return home .. separator .. table.concat({ ... }, separator)
end

local function expand(path, env, windows)
  local home = path:find("^~[/\\]") and files.home(env, windows)
  return home and home .. path:sub(2) or path
end

--- Paths of the config and of the credentials file; nil where they cannot
-- be told (no variable, no home).
function files.locations(env, windows)
  local config = present(env("AWS_CONFIG_FILE"))
  local credentials = present(env("AWS_SHARED_CREDENTIALS_FILE"))
  config = config and expand(config, env, windows)
    or files.below_home(env, windows, ".aws", "config")
  credentials = credentials and expand(credentials, env, windows)
    or files.below_home(env, windows, ".aws", "credentials")
  return config, credentials
end

-- One of them: { text, path }; nil where it is missing; nil, err.
local function shared_file(world, path)
  if not path then return nil end
  local text, reason, kind = world.read(path)
  if text then return { text = text, path = path } end
  if kind == "missing" then return nil end
  return nil, errors.new("config", ("cannot read %s: %s"):format(path, reason),
    { path = path })
end

--- Read the config and the credentials file.
-- @param world   table with read(path)
-- @param config, credentials  their paths; nil where they cannot be told
-- @return { config = { text =, path = } or nil, credentials = the same,
--   paths = both paths, none = true where neither is there }; or nil, err
function files.shared(world, config, credentials)
  local first, second, err
  first, err = shared_file(world, config)
  if err then return nil, err end
  second, err = shared_file(world, credentials)
  if err then return nil, err end
  return { config = first, credentials = second, none = not (first or second),
    paths = { config = config, credentials = credentials } }
end

return files
