-- A world for the specs of bedrock.auth: an environment, a file system, a
-- clock and a network that are tables and functions.
local errors = require "bedrock.errors"
local settings = require "bedrock.auth.settings"
local task = require "bedrock.task"

local support = {}

--- An environment from a table.
function support.env(values)
  return function(name) return values[name] end
end

--- A file system from a table path -> text (false: unreadable).  `written`
-- keeps what was written, `reads` the paths that were asked for.
function support.files(texts)
  local files = { texts = texts, written = {}, reads = {} }
  function files.read(path)
    files.reads[#files.reads + 1] = path
    local text = texts[path]
    if text == nil then return nil, "No such file or directory", "missing" end
    if text == false then return nil, "Permission denied", "unreadable" end
    return text
  end
  return files
end

--- A log that remembers: function, list of { level, message, fields }.
function support.log()
  local lines = {}
  return function(level, message, fields)
    lines[#lines + 1] = { level, message, fields }
  end, lines
end

local function reply(status, body, headers)
  local rest = body
  return { status = status, headers = headers or {},
    read = function()
      local piece = rest
      rest = nil
      return piece ~= "" and piece or nil
    end,
    close = function() end }
end

--- A host that `respond(request)` speaks for: it returns status, body and
-- headers, or nil and an error (a string: a transport error).
-- host.requests: what was asked; host.time: the clock; host.slept: seconds
-- of sleep; host.delay: how often a send waits before it is answered.
function support.host(respond)
  local host = { requests = {}, time = 1000000, slept = 0, delay = 0 }
  function host:send(request)
    self.requests[#self.requests + 1] = request
    for _ = 1, self.delay do task.pause(self, nil) end
    local status, body, headers = respond(request, #self.requests)
    if status then return reply(status, body, headers) end
    if errors.is(body) then return nil, body end
    return nil, errors.new("transport", body)
  end
  function host:sleep(seconds) self.slept = self.slept + seconds end
  function host:wait() end -- luacheck: ignore 212
  function host:clock() return self.time end
  function host:now() return self.time end
  return host
end

--- What a provider lives in.
-- @param world env, files (tables), options, respond
function support.context(world)
  local env = { HOME = "/h" }
  for name, value in pairs(world.env or {}) do env[name] = value end
  local host = support.host(world.respond or function()
    error "no request was expected"
  end)
  local files = support.files(world.files or {})
  function host:write_private(path, text) -- luacheck: ignore 212
    if files.full then return nil, "No space left on device" end
    files.written[path] = text
    files.texts[path] = text
    return true
  end
  local log, lines = support.log()
  return { host = host, files = files, log = log, lines = lines,
    settings = settings.new { options = world.options, files = files,
      env = support.env(env), windows = false },
    now = function() return host:now() end,
    random = function() return 0.5 end }
end

return support
