-- The listening socket, the loop, and what all connections share.
local cqueues = require "cqueues"
local socket = require "cqueues.socket"
local async = require "bedrock.emulator.async"
local connection = require "bedrock.emulator.connection"
local router = require "bedrock.emulator.router"
local stats = require "bedrock.emulator.stats"
local tls = require "bedrock.emulator.tls"
local verify = require "bedrock.emulator.verify"

local server = {}

-- AWS's documentation uses these as examples everywhere.
local ACCESS_KEY = "AKIDEXAMPLE"
local SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
local BEARER_TOKEN = "bedrock-api-key-emulator"

local methods = {}
local server_mt = { __name = "bedrock.emulator", __index = methods }

local function credentials_of(options)
  return options.credentials or { {
    access_key_id = options.access_key or ACCESS_KEY,
    secret_access_key = options.secret_key or SECRET_KEY,
    session_token = options.session_token,
  } }
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Sets self.context and, for a self-made certificate, self.ca (a path).
local function set_up_tls(self, options)
  local http2 = options.http2 ~= false
  if options.tls_cert then
    self.context = tls.from_files(options.tls_cert, options.tls_key, http2)
  elseif options.tls or options.tls_name or options.tls_expired then
    local pem
    self.context, pem = tls.self_made { name = options.tls_name,
      expired = options.tls_expired, http2 = http2 }
    self.ca = options.ca_file or os.tmpname()
    self.ca_is_ours = not options.ca_file
    write_file(self.ca, pem)
  end
end

local function listen(self, options)
  local host = options.host or "127.0.0.1"
  local listener, why = socket.listen { host = host, port = options.port or 0,
    reuseaddr = true }
  -- Errors come back as values, and a full queue is no reason to end.
  if listener then
    listener:onerror(function(_, _, code) return code end)
    local ok
    ok, why = listener:listen()
    if not ok then listener = nil end
  end
  if not listener then
    error(("cannot listen on %s:%s: %s"):format(host, options.port or 0,
      require("cqueues.errno").strerror(why) or why), 0)
  end
  local _, bound, port = listener:localname()
  self.listener, self.host, self.port = listener, bound, port
  local shown = bound:find(":", 1, true) and "[" .. bound .. "]" or bound
  self.url = (self.context and "https" or "http") .. "://" .. shown .. ":"
    .. ("%d"):format(port) .. self.base_path
end

-- Sockets beyond this many wait in the kernel's queue.
local MOST_CONNECTIONS = 4000
-- A log must not fill a disk.
local MOST_COMPLAINTS = 1000

local function accept_loop(self)
  while self.listener do
    local client, why = self.listener:accept({ nodelay = true }, 0)
    if client then
      self.cq:wrap(connection.run, self, client, self.context, router.handle)
    else
      if why ~= require("cqueues.errno").ETIMEDOUT then cqueues.sleep(0.02) end
      cqueues.poll(self.listener)
    end
    while self.stats.open >= MOST_CONNECTIONS do cqueues.sleep(0.02) end
  end
end

--- Listens, and returns a server whose url is ready to be asked; nothing is
-- answered until step or run is called.  Options: see bedrock.emulator.
function server.new(options)
  local self = setmetatable({
    cq = cqueues.new(), delay = (options.delay or 0) / 1000,
    clock_offset = options.clock_offset or 0,
    base_path = (options.base_path or ""):gsub("/+$", ""),
    stats = stats.new(cqueues.monotime), polls = options.polls or 2,
    always_scenario = options.scenario, next_count = 0, log = options.log,
    verifier = verify.new {
      credentials = credentials_of(options), region = options.region,
      bearer_token = options.bearer_token or BEARER_TOKEN,
    },
  }, server_mt)
  self:reset()
  set_up_tls(self, options)
  listen(self, options)
  self.cq:wrap(accept_loop, self)
  return self
end

--- Forgets counts, jobs and what scenarios remember.
function methods:reset()
  self.stats:reset()
  self.async = async.new(self.polls)
  self.scenario_states, self.scenario_state_count = {}, 0
  self.next_count = 0
end

--- Answers what there is to answer, waiting at most `timeout` seconds.
function methods:step(timeout)
  local ok, why = self.cq:step(timeout)
  if not ok then
    self:complain("step: " .. tostring(why))
    cqueues.sleep(0.01) -- if it goes on so, then not at full speed
  end
  return true
end

--- Answers until stop is called.
function methods:run()
  self.running = true
  while self.running do self:step(1) end
end

--- Lets run return; may be called from a coroutine of the server.
function methods:stop()
  self.running = false
end

--- Closes the listening socket and forgets every connection.
function methods:close()
  self.running = false
  if self.listener then self.listener:close() end
  self.listener = nil
  if self.ca_is_ours then os.remove(self.ca) end
  self.ca_is_ours = false
end

--- Something that should not happen did; it goes to the log, not to users.
function methods:complain(text)
  self.complaints = (self.complaints or 0) + 1
  if self.log and self.complaints <= MOST_COMPLAINTS then
    self.log("error: " .. text)
  end
end

--- A request is over: one line for the log.
function methods:note(x)
  if not self.log or x.record.hidden then return end
  self.log(("%s %s %s -> %s %s %d events%s"):format(x.record.operation or "-",
    x.method, x.target, x.wire.status or "-", x.record.outcome,
    x.record.events, x.record.scenario and " (" .. x.record.scenario .. ")"
    or ""))
end

return server
