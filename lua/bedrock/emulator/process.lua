--- A child process that says in its first line of output where it listens,
-- and ends when its standard input does: it cannot outlive its parent.

local process = {}

local Process = {}
Process.__index = Process

local function first_line(path)
  local file = io.open(path)
  local line = file and file:read()
  if file then file:close() end
  return line
end

--- Start a shell command and wait for its first line, for ten seconds.
-- @return an object: `.line` (nil: none came) and `:stop()`
function process.start(command)
  local output = os.tmpname()
  local pipe = assert(io.popen(("exec %s > '%s' 2>&1"):format(command,
    output), "w"))
  local line
  for _ = 1, 500 do
    line = first_line(output)
    if line then break end
    os.execute "sleep 0.02"
  end
  os.remove(output)
  return setmetatable({ pipe = pipe, line = line }, Process)
end

--- End it; again and again is fine.
function Process:stop()
  local pipe = self.pipe
  self.pipe = nil
  if pipe then pipe:close() end
end

Process.__gc = Process.stop
Process.__close = Process.stop

return process
