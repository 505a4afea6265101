--- The `bedrock` command: arguments in, an exit status out.
--
--     0    done
--     1    the call failed: the service, the network, the answer itself
--     2    the command or its parameters make no sense
--     3    no credentials, or a configuration that is wrong
--     130  Ctrl-C
--
-- What was asked for goes to standard output, everything else to standard
-- error, and nothing that nobody asked for when they are no terminal.

local errors = require "bedrock.errors"

local command = {}

local CALL_FAILED, MISUSED, MISCONFIGURED, INTERRUPTED = 1, 2, 3, 130

local STATUS = { validation = MISUSED, credentials = MISCONFIGURED,
  config = MISCONFIGURED }

local function complain(text)
  io.stderr:write("bedrock: ", text, "\n")
end

-- Lua's own handler of Ctrl-C raises this.
local function interrupted(raised)
  return type(raised) == "string" and raised:find("interrupted!", 1, true)
end

-- The emulator reads its options itself, and shares nothing with us.
local function emulate(arguments)
  local rest = {}
  for i = 2, #arguments do rest[i - 1] = arguments[i] end
  if _VERSION ~= "Lua 5.4" then
    complain "the emulator runs under Lua 5.4: lua5.4 .../bin/bedrock emulate"
    return MISCONFIGURED
  end
  local found, emulator = pcall(require, "bedrock.emulator")
  if not found or not pcall(require, "cqueues") then
    complain "the emulator needs lua-http (Debian: lua-http, LuaRocks: http)"
    return MISCONFIGURED
  end
  return emulator.main(rest)
end

-- Status of a subcommand that returned `done` or nil, err, or raised.
local function status_of(ok, done, err)
  if ok and done then return type(done) == "number" and done or 0 end
  if ok then
    complain(tostring(err))
    return STATUS[err.kind] or CALL_FAILED
  elseif errors.is(done) then
    complain(tostring(done))
    return STATUS[done.kind] or CALL_FAILED
  elseif interrupted(done) then
    io.stderr:write "\n"
    return INTERRUPTED
  end
  complain(tostring(done))
  return CALL_FAILED
end

--- Runs the program with a list of arguments; returns its exit status.
function command.main(arguments)
  if arguments[1] == "emulate" then return emulate(arguments) end
  if not pcall(require, "argparse") then
    complain "needs argparse (Debian: lua-argparse, LuaRocks: argparse)"
    return MISCONFIGURED
  end
  local parser = require "bedrock.command.parser".new()
  local ok, parsed = parser:pparse(arguments)
  if not ok then
    complain(parsed .. "\ntry: bedrock --help, bedrock COMMAND --help")
    return MISUSED
  end
  local subcommand = require("bedrock.command." .. parsed.command)
  return status_of(pcall(subcommand.run, parsed))
end

return command
