--- lua-bedrock: an Amazon Bedrock Runtime client.
--
--     local bedrock = require "bedrock"
--     local client = bedrock.new { region = "us-east-1" }
--     for event in client:converse_stream { modelId = ..., messages = ... } do
--       ...
--     end
--
-- Modules are loaded when they are first needed; `require "bedrock"` and
-- `bedrock.new` touch no file, network or process.

local core = require "bedrock.object" "bedrock.core"
local json = require "bedrock.json"
local lazy = require "bedrock.lazy"

local bedrock = {
  _VERSION = core._VERSION,

  --- JSON's null, the same value as lua-cjson's.
  null = json.null,
  --- Mark a table as a JSON array or object, also when it is empty.
  array = json.array,
  object = json.object,

  --- Whole answers out of events, for those who keep the events themselves:
  -- `bedrock.answer.converse()`, `.invoke(model_id)`, `.text(event)`, and
  -- `.incomplete(block)`: the raw text of a tool's input that was cut off.
  answer = lazy "bedrock.answer",

  --- Hosts, for the client option `host`; each function makes one.
  host = {},
}

--- A client; the README lists the options.  Raises for an unknown option or a
-- wrong type.
function bedrock.new(options)
  return require "bedrock.client".new(options)
end

--- Credentials that several clients share, found and renewed once for all of
-- them: `bedrock.new { credentials = bedrock.credentials { profile = "a" } }`.
-- @param options those of `bedrock.new` that say where they come from
--   (profile, region, credentials, mfa_code, env, host, ...), or nil
function bedrock.credentials(options)
  return require "bedrock.auth.credentials".from_options(
    require "bedrock.client".new(options))
end

--- The host that clients have unless they are given one; libcurl with
-- connections of its own.
function bedrock.host.curl()
  return require "bedrock.host.curl".new()
end

--- The host of nginx workers: cosockets, no libcurl (see examples/nginx).
-- @param options see bedrock.host.nginx, or nil
function bedrock.host.nginx(options)
  return require "bedrock.host.nginx".new(options)
end

--- The host of libuv, where waits leave the coroutine: luv, Neovim.
-- @param uv luv's module; nil: Neovim's own, or `require "luv"`
function bedrock.host.luv(uv)
  return require "bedrock.host.luv".new(uv)
end

--- The host of cqueues' controllers.
function bedrock.host.cqueues()
  return require "bedrock.host.cqueues".new()
end

--- A host for an event loop of your own (see bedrock.host.loop, and
-- examples/select).
function bedrock.host.loop()
  return require "bedrock.host.loop".new()
end

--- A host that writes every exchange of another one to a file, secrets
-- removed (see bedrock.host.record).
-- @param host the host to record; nil: libcurl's
-- @param file path, or anything with `:write(text)`
-- @param options { remove = further header names }, or nil
-- @return host | nil, err when the file cannot be written
function bedrock.host.record(host, file, options)
  return require "bedrock.host.record".new(host or bedrock.host.curl(), file,
    options)
end

--- A host that gives recorded exchanges back, without a network (see
-- bedrock.host.replay).
-- @param file path of a recording, or anything with `:read("*a")`
-- @param options see bedrock.host.replay, or nil
-- @return host | nil, err when the file cannot be read
function bedrock.host.replay(file, options)
  return require "bedrock.host.replay".new(file, options)
end

--- Several streams read as one: `for stream, event, err in bedrock.each {
-- s1, s2 } do`; at its end a stream comes once more, without event (see
-- each.lua).
-- @param streams list of streams, or of turns of conversations
function bedrock.each(streams)
  local each = require "bedrock.each".new(streams)
  return each, nil, nil, each
end

--- What a client with these options would do, and why: print the result.
function bedrock.doctor(options)
  return require "bedrock.doctor".examine(options)
end

--- Request id, status and headers of a response.
-- @return { request_id =, status =, headers = }, or nil
function bedrock.metadata(response)
  return require "bedrock.metadata".get(response)
end

--- Is this value an error object of the library?
function bedrock.is_error(value)
  return require "bedrock.errors".is(value)
end

return bedrock
