-- The program: options, the line that says where it listens, signals.
local cqueues = require "cqueues"
local signal = require "cqueues.signal"
local socket = require "cqueues.socket"

local command = {}

-- Option -> name in the options of bedrock.emulator, kind of its value.
local OPTIONS = {
  ["--host"] = { "host", "text", "address to listen on (127.0.0.1)" },
  ["--port"] = { "port", "number", "port, 0 for any free one (0)" },
  ["--access-key"] = { "access_key", "text", "access key id accepted" },
  ["--secret-key"] = { "secret_key", "text", "its secret" },
  ["--session-token"] = { "session_token", "text", "token demanded" },
  ["--bearer-token"] = { "bearer_token", "text", "API key accepted" },
  ["--region"] = { "region", "text", "only region accepted (any)" },
  ["--base-path"] = { "base_path", "text", "path before all operations" },
  ["--delay"] = { "delay", "number", "milliseconds before each word (0)" },
  ["--clock-offset"] = { "clock_offset", "number", "seconds ahead (0)" },
  ["--polls"] = { "polls", "number", "polls before a job completes (2)" },
  ["--scenario"] = { "scenario", "text", "play it for every request" },
  ["--tls"] = { "tls", "flag", "HTTPS, certificate of its own making" },
  ["--tls-cert"] = { "tls_cert", "text", "HTTPS with this PEM certificate" },
  ["--tls-key"] = { "tls_key", "text", "its private key" },
  ["--tls-name"] = { "tls_name", "text", "HTTPS, certificate for this name" },
  ["--tls-expired"] = { "tls_expired", "flag", "HTTPS, expired certificate" },
  ["--no-http2"] = { "no_http2", "flag", "HTTP/1.1 only over TLS" },
  ["--ca-file"] = { "ca_file", "text", "where to write the authority's PEM" },
  ["--log"] = { "log", "flag", "a line per request to standard error" },
  ["--quiet"] = { "quiet", "flag", "do not say where it listens" },
  ["--with-stdin"] = { "with_stdin", "flag", "end when standard input ends" },
  ["--list-scenarios"] = { "list", "flag", "list them, and end" },
  ["--help"] = { "help", "flag", "this text" },
}

local function usage()
  local lines = { "usage: bedrock-emulator [options]", "" }
  local names = {}
  for name in pairs(OPTIONS) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local shown = OPTIONS[name][2] == "flag" and name or name .. " X"
    lines[#lines + 1] = ("  %-20s %s"):format(shown, OPTIONS[name][3])
  end
  return table.concat(lines, "\n") .. "\n"
end

-- `--name value`, `--name=value`, `--flag`.
local function parse(arguments)
  local options, i = {}, 1
  while arguments[i] do
    local name, value = arguments[i]:match("^(%-%-[%w-]+)=?(.*)$")
    local known = name and OPTIONS[name]
    if not known then return nil, "unknown option " .. arguments[i] end
    if known[2] == "flag" then
      value = true
    elseif not arguments[i]:find("=", 1, true) then
      i = i + 1
      value = arguments[i]
    end
    if known[2] == "number" then value = tonumber(value) end
    if value == nil then return nil, name .. " needs a value" end
    options[known[1]], i = value, i + 1
  end
  return options
end

local function list_scenarios()
  for _, entry in ipairs(require("bedrock.emulator.scenario").list()) do
    io.stdout:write(("emulator.%-42s %s\n"):format(entry.name,
      entry.description))
  end
  return 0
end

-- Both ends of a socket pair are ours, so its peer's process is this one.
local function process_id()
  local one, other = socket.pair()
  local id = one:peerpid()
  one:close()
  other:close()
  return id
end

local function announce(server)
  local line = "listening on " .. server.url
    .. (" pid=%d"):format(process_id() or 0)
  if server.ca then line = line .. " ca=" .. server.ca end
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

-- SIGTERM and SIGINT end the loop; the signals are blocked so that the loop,
-- not a handler, meets them.
local function watch_signals(server)
  signal.ignore(signal.SIGPIPE)
  signal.block(signal.SIGTERM, signal.SIGINT)
  local listener = signal.listen(signal.SIGTERM, signal.SIGINT)
  server.cq:wrap(function()
    listener:wait()
    server:stop()
  end)
end

-- Whoever holds the other end of our standard input has ended, or wants us
-- to: then nobody is left who would.
local function watch_stdin(server)
  io.stdin:setvbuf "no"
  server.cq:wrap(function()
    repeat
      cqueues.poll { pollfd = 0, events = "r" }
    until not io.stdin:read(1)
    server:stop()
  end)
end

local function start(options)
  options.http2 = not options.no_http2
  if options.log then
    options.log = function(line) io.stderr:write(line, "\n") end
  end
  local ok, server = pcall(require("bedrock.emulator.server").new, options)
  if not ok then
    io.stderr:write("bedrock-emulator: ", tostring(server), "\n")
    return 1
  end
  watch_signals(server)
  if options.with_stdin then watch_stdin(server) end
  if not options.quiet then announce(server) end
  server:run()
  server:close()
  return 0
end

--- Runs the program with a list of arguments; returns its exit status.
function command.main(arguments)
  local options, why = parse(arguments)
  if not options then
    io.stderr:write("bedrock-emulator: ", why, "\n", usage())
    return 2
  end
  if options.help then
    io.stdout:write(usage())
    return 0
  end
  if options.list then return list_scenarios() end
  return start(options)
end

return command
