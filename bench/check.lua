--- Does each client still do each trial, and give the figures that the table
-- reads?  Nothing is timed.  The last line is `N passed, N failed`.
package.path = "./?.lua;" .. package.path

local clients = require "bench.clients"
local rows = require "bench.rows"
local svg = require "bench.svg"

local passed, failed = 0, 0

local function check(good, what)
  if good then passed = passed + 1 else failed = failed + 1 end
  if not good then print("FAILED " .. what) end
end

local round = {}
for _, named in ipairs(rows.trials) do
  round[named.name] = {}
  for _, client in ipairs(clients.names) do
    local skip = rows.skip(named.trial, client, 1)
    local figures = skip and {} or clients.run(client, named.trial)
    round[named.name][client] = figures
    if not skip and clients.command(client, named.trial) then
      check(next(figures), ("%s: %s"):format(client, named.name))
    end
  end
end
for _, row in ipairs(rows.rows) do
  if next(round[row.trial].ours) then
    check(row.value(round[row.trial].ours), row[1])
  end
  if row.floor then check(row.floor(round), row[1] .. ", floor") end
end

local points = { { x = 1, y = 0.5 }, { x = 100, y = 40 }, { x = 2e6, y = 9e5 } }
local picture = svg.picture { { title = "t", note = "n", unit = "u",
  points = points } }
check(picture:find "<polyline points=\"[%d., ]+\"/>" and picture:find "</svg>",
  "the picture of curves")

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
