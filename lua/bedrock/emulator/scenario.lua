-- Misbehaviour on request: a model id `emulator.NAME` makes the emulator play
-- scenario NAME, whatever the operation.
--
-- `emulator.NAME:REST` is the same with a state of its own (for scenarios
-- that count tries) and, if REST holds a number, with that number: tries,
-- seconds, bytes, as the scenario's sentence says.  What makes no sense for
-- an operation (a bad frame in a unary reply) is left out: it succeeds.
--
-- A scenario is one entry in a table of scenario/*.lua:
--   NAME = { "sentence", run }         run(x) plays the reply itself
--   NAME = { "sentence", nil, answer } answer(self, x) changes what is said
-- with x an exchange whose reply is prepared (exchange.lua).
local scenario = {}

local known, names = {}, {}

for _, file in ipairs { "http", "stream", "frame", "wire", "content" } do
  local entries = require("bedrock.emulator.scenario." .. file)
  for name, entry in pairs(entries) do
    assert(not known[name], name)
    known[name] = { name = name, sentence = entry[1], run = entry[2],
      answer = entry[3], clock_offset = entry.clock_offset }
    names[#names + 1] = name
  end
end
table.sort(names)

-- States are forgotten all at once when there are more; each is tiny.
local MOST_STATES = 10000

--- Is there a scenario of this name?
function scenario.known(name)
  return known[name] ~= nil
end

--- All scenarios, sorted: list of { name, description }.
function scenario.list()
  local out = {}
  for i, name in ipairs(names) do
    out[i] = { name = name, description = known[name].sentence }
  end
  return out
end

local function state_of(server, model)
  local states = server.scenario_states
  if not states[model] then
    server.scenario_state_count = (server.scenario_state_count or 0) + 1
    if server.scenario_state_count > MOST_STATES then
      states = {}
      server.scenario_states, server.scenario_state_count = states, 1
    end
    states[model] = { tries = 0 }
  end
  return states[model]
end

-- What the server was told to do with its next requests.
local function ordered(server)
  if server.next_count > 0 then
    server.next_count = server.next_count - 1
    return server.next_scenario
  end
  return server.always_scenario
end

--- Scenario of an exchange, which gets x.state and x.number | nil if it has
-- none | nil, exception name, message if there is none of that name.
function scenario.of(x)
  local name, rest = x.model:match("^emulator%.([%w-]+)(.*)$")
  name = name or ordered(x.server)
  if not name then return nil end
  if not known[name] then
    return nil, "ResourceNotFoundException", "The emulator has no scenario "
      .. name .. "; GET /scenarios lists them."
  end
  x.number = tonumber((rest or ""):match("%d+%.?%d*"))
  x.state = state_of(x.server, name .. (rest or ""))
  return known[name]
end

return scenario
