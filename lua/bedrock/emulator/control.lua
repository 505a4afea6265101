-- The emulator's own end points, for specs and curious people: no signature.
--
--   GET  /            what is here          GET  /stats      what happened
--   GET  /scenarios   misbehaviours         POST /reset      forget it
--   POST /next?scenario=NAME&count=N        the next N requests misbehave so
--   POST /clock?offset=SECONDS              set the emulator's clock wrong
local json = require "bedrock.emulator.json"
local scenario = require "bedrock.emulator.scenario"

local control = {}

local TEXT = "text/plain; charset=utf-8"
local JSON = "application/json"

local HELP = [[
This is bedrock.emulator, a local stand-in for Amazon Bedrock Runtime.

  GET  /stats                       what happened so far
  GET  /scenarios                   how it can misbehave (by model id)
  POST /reset                       forget counts, jobs and scenario states
  POST /next?scenario=NAME&count=N  the next N requests misbehave so
  POST /clock?offset=SECONDS        set its clock wrong
]]

local function parameter(x, name)
  return x.query:match("%f[%w]" .. name .. "=([^&]*)")
end

local ENDPOINTS = {
  ["GET /"] = function(x) return x:send(200, TEXT, HELP) end,
  ["GET /stats"] = function(x)
    return x:send(200, JSON, x.server.stats:encode())
  end,
  ["GET /scenarios"] = function(x)
    local list = json.list(scenario.list())
    return x:send(200, JSON, json.encode { scenarios = list })
  end,
  ["POST /reset"] = function(x)
    x.server:reset()
    return x:send(200, JSON, "{}")
  end,
  ["POST /next"] = function(x)
    local name = parameter(x, "scenario") or ""
    if not scenario.known(name) then
      return x:send(404, JSON, json.encode { message = "no such scenario" })
    end
    x.server.next_scenario = name
    x.server.next_count = tonumber(parameter(x, "count") or 1) or 1
    return x:send(200, JSON, "{}")
  end,
  ["POST /clock"] = function(x)
    x.server.clock_offset = tonumber(parameter(x, "offset") or 0) or 0
    return x:send(200, JSON, "{}")
  end,
}

--- Answers a request to one of the end points above: true if it was one.
function control.serve(x)
  local serve = ENDPOINTS[x.method .. " " .. x.path]
  if not serve then return false end
  x.server.stats:hide(x.record)
  serve(x)
  return true
end

return control
