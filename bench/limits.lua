-- How late the time limits are, in milliseconds.
--
--   lua5.4 bench/limits.lua [rounds]        (after make)
--
-- A server that takes requests and answers nothing; each limit is set to 100
-- ms and must not be late by 50 (never early is for spec/timeouts_spec.lua).
package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = "./build/5.4/?.so;" .. package.cpath

local curl = require "bedrock.curl"
local odd = require "spec.support.odd"

local ROUNDS = tonumber(arg[1]) or 50
local LIMIT = 0.1

local server = odd.start()

-- The whole of a call that ends by the limit, and a wait that does.
local calls = {
  { "idle_timeout, before the head", { idle_timeout = LIMIT }, "mute" },
  { "idle_timeout, in the stream", { idle_timeout = LIMIT }, "hold" },
  { "total_timeout", { total_timeout = LIMIT }, "tick.10.1000" },
  { "connect_timeout, in TLS", { connect_timeout = LIMIT,
    endpoint_url = server.url:gsub("^http", "https") }, "plain" },
  { "stream:next(timeout)", {}, "hold", LIMIT },
}

local function late(options, model, wait)
  local stream = server:client(options):converse_stream(odd.ask(model))
  local began = curl.monotonic()
  local event, err
  repeat event, err = stream:next(wait) until not event
  local spent = curl.monotonic() - began
  assert(err.kind == "timeout", tostring(err))
  stream:close()
  return (spent - LIMIT) * 1e3
end

for _, call in ipairs(calls) do
  local found = {}
  for i = 1, ROUNDS do found[i] = late(call[2], call[3], call[4]) end
  table.sort(found)
  print(("%-32s median %5.1f ms late, worst %5.1f ms"):format(call[1],
    found[math.ceil(ROUNDS / 2)], found[ROUNDS]))
end
server:stop()
