--- The host of cqueues, and of what is built on it (lua-http, for one).
--
--     local host = require "bedrock.host.cqueues".new()
--     local client = bedrock.new { host = host }
--     controller:wrap(function() ... client:converse { ... } ... end)
--
-- In a coroutine of a controller every call that waits lets the controller
-- go on; elsewhere the process waits.
--
--     descriptor --> [ pump, one per controller ] --news--> who waits

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local curl = require "bedrock.host.curl"

local host = {}

local Curl = getmetatable(curl.new())

local Cqueues = setmetatable({ __name = "bedrock.host.cqueues",
  yields = true }, { __index = Curl })
Cqueues.__index = Cqueues

--- A new host with connections of its own, for any number of controllers.
function host.new()
  return setmetatable({ pumps = setmetatable({}, { __mode = "k" }) }, Cqueues)
end

--- Have everybody look again soon, though nothing may have arrived.
function Cqueues:wake()
  for _, pump in pairs(self.pumps) do pump.news:signal() end
end

-- What cqueues.poll is to watch: the one descriptor, or each socket.
local function watched(self)
  local fd = self:fd()
  if fd then return { { pollfd = fd, events = "r" } } end
  local list = {}
  for i, socket in ipairs(self:sockets()) do
    list[i] = { pollfd = socket.fd, events = socket.events }
  end
  return list
end

local unpack = table.unpack or unpack

-- Transfers go on, and who waits looks again.
local function act(self, list)
  -- libcurl may close any of them: cqueues must have let go of it.
  for i = 1, self:fd() and 0 or #list do
    local fd = type(list[i]) == "table" and list[i].pollfd
    if fd then cqueues.cancel(fd) end
  end
  Curl.wait(self, 0)
  self:wake()
end

-- Act for all who wait on this controller, until nobody does.
local function run(self, pump)
  while pump.waiting > 0 do
    local list = watched(self)
    list[#list + 1] = pump.over
    list[#list + 1] = self:timeout()
    local first, second = cqueues.poll(unpack(list))
    if first ~= pump.over or second then act(self, list) end
  end
  pump.running = false
end

local function pump_of(self, controller)
  local pump = self.pumps[controller]
  if not pump then
    pump = { waiting = 0, news = condition.new(), over = condition.new() }
    self.pumps[controller] = pump
  end
  if not pump.running then
    pump.running = true
    controller:wrap(run, self, pump)
  end
  return pump
end

--- Let transfers go on for at most `seconds` (nil: until something happens).
function Cqueues:wait(seconds)
  local controller, direct = cqueues.running()
  if seconds == 0 or self.stale then
    self.stale = false
    Curl.wait(self, 0)
    return self:wake() -- what came may be for others
  elseif not direct then
    return Curl.wait(self, seconds)
  end
  local pump = pump_of(self, controller)
  pump.waiting = pump.waiting + 1
  pump.news:wait(seconds)
  pump.waiting = pump.waiting - 1
  if pump.waiting == 0 then pump.over:signal() end
end

--- As libcurl's host.  The first step of a request lets all transfers go on,
-- so that others may have something to look at: those who wait, and who is to
-- wait next (the descriptor need not tell of it again).
function Cqueues:begin(request, deadlines)
  self:wake()
  self.stale = true
  return Curl.begin(self, request, deadlines)
end

return host
