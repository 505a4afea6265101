--- A command on a host of libcurl's: waiting for it leaves the task.

local curl = require "bedrock.object" "bedrock.curl"
local errors = require "bedrock.errors"
local task = require "bedrock.task"

-- Longest pause between two looks at a process, in seconds.
local PROCESS_LOOK = 0.02

-- See `execute` of bedrock.host.curl.
local function execute(host, command, timeout)
  local process, message, code = curl.process(command)
  if not process then return errors.failure("transport", message, code) end
  task.hold(process)
  local deadline, pause = host:clock() + timeout, 0.001
  while true do
    local ended
    ended, message, code = process:wait(0)
    if ended == nil then return errors.failure("protocol", message, code) end
    if ended then break end
    if host:clock() >= deadline then
      process:close()
      return nil, errors.new("timeout", ("the process was ended after %g s")
        :format(timeout), { code = "ProcessTimeout" })
    end
    host:sleep(pause)
    pause = math.min(pause * 2, PROCESS_LOOK)
  end
  task.hold(nil)
  local stdout, stderr, exit = process:result()
  process:close()
  return stdout, stderr, exit
end

return execute
