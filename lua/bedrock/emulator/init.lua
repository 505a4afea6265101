-- luacheck: std lua54
--- A local Bedrock Runtime endpoint: for demonstrations, for this project's
-- specs, and for the offline tests of whoever uses the client.
--
-- It checks signatures as AWS does, answers every operation with something
-- plausible and deterministic, streams real event-stream frames, and
-- misbehaves on request in all the ways that networks and services do (see
-- scenario.lua; `bedrock-emulator --list-scenarios` lists them).
--
-- As a process:
--
--   $ bedrock-emulator --port 8080
--   listening on http://127.0.0.1:8080 pid=4711
--
-- From Lua, in a loop of your own:
--
--   local emulator = require "bedrock.emulator"
--   local server = emulator.new { delay = 20 }
--   print(server.url)           -- http://127.0.0.1:40123
--   while testing do server:step(0.1) end
--   server:close()
--
-- It runs on Lua 5.4 with lua-http, cqueues, luaossl and lua-cjson.  A client
-- in the same process must not block: start the program instead.
local emulator = {}

-- Debian keeps lua-http and what it needs under the folders of older Luas
-- only, though they run under 5.4.
local DEBIAN = "/usr/share/lua/5.3/?.lua;/usr/share/lua/5.3/?/init.lua;"
  .. "/usr/share/lua/5.2/?.lua;/usr/share/lua/5.2/?/init.lua"

local function find_lua_http()
  if not package.searchpath("http.h2_connection", package.path) then
    package.path = package.path .. ";" .. DEBIAN
  end
end

--- Starts listening.  All options may be left out:
--
--   host, port          "127.0.0.1", 0 (any free port)
--   access_key, secret_key, session_token, bearer_token
--                       what is accepted; AKIDEXAMPLE and its secret, no
--                       session token, bedrock-api-key-emulator
--   credentials         list of { access_key_id, secret_access_key,
--                       session_token, expired } instead
--   region              the only region accepted in signatures (any)
--   base_path           path in front of every operation
--   delay               milliseconds before each word of a stream (0)
--   clock_offset        seconds that the emulator's clock is ahead (0)
--   polls               how often an asynchronous job is in progress (2)
--   scenario            a scenario for every request
--   tls                 true: HTTPS with a certificate of its own making
--   tls_cert, tls_key   paths of PEM files: HTTPS with those
--   tls_name            the certificate is for this name only
--   tls_expired         the certificate has expired
--   http2               false: HTTP/1.1 only over TLS
--   ca_file             where the authority's certificate is written
--   log                 function(line)
--
-- @return server with url, host, port, ca (path of the authority's
-- certificate, nil without TLS) and the methods step(timeout), run(), stop(),
-- close(), reset(); raises if it cannot listen
function emulator.new(options)
  find_lua_http()
  return require("bedrock.emulator.server").new(options or {})
end

--- Scenarios that a model id `emulator.NAME` asks for: list of { name,
-- description }, sorted by name.
function emulator.scenarios()
  return require("bedrock.emulator.scenario").list()
end

--- Runs the program of the command line; returns its exit status.
function emulator.main(arguments)
  find_lua_http()
  return require("bedrock.emulator.command").main(arguments)
end

return emulator
