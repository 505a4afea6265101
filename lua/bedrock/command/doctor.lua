--- `bedrock doctor`: what the client would do, and why.

local bedrock = require "bedrock"
local session = require "bedrock.command.session"

local doctor = {}

-- As in init.lua: a wrong configuration.
local PROBLEMS = 3

--- @return exit status | nil, err
function doctor.run(parsed)
  local options, err = session.options(parsed)
  if not options then return nil, err end
  local report = bedrock.doctor(options)
  io.write(tostring(report), "\n")
  return #report.problems == 0 and 0 or PROBLEMS
end

return doctor
