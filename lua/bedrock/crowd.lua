--- Many that wait, and who waits for them all: which may go on?
--
--     add --> [ ready ] --take--> (step) --park--> [ waiting ] --+
--                ^                                               |
--                +---- its transfer has news, its time is up ----+
--
-- A member is anything with `step()`, which gives false when it has to wait,
-- and `waits()` -> host, deadline or nil, source or nil (see stream.lua).
-- Where the host tells the news of a source, the others are not looked at:
-- the cost of an event does not grow with the number of those that wait.
-- What waits without a source is looked at whenever anything has changed.

local task = require "bedrock.task"

local crowd = {}

local Crowd = {}
Crowd.__index = Crowd

-- One in the crowd; `wake` is what hosts and members call.
local Member = {}
Member.__index = Member

-- Longest wait on one host while others are waited for too, in seconds.
local SLICE = 0.01

--- An empty crowd.
-- @param host the one to wait on while nobody is there, or nil
function crowd.new(host)
  local self = setmetatable({ groups = {}, list = {}, first = 1, last = 0,
    members = {} }, Crowd)
  if host then self:group(host) end
  return self
end

-- Those who wait on one host: they share its clock.
function Crowd:group(host)
  local group = self.groups[host]
  if not group then
    group = { host = host, restless = {} }
    self.groups[host] = group
    self.list[#self.list + 1] = group
  end
  return group
end

local function push(self, member)
  self.last = self.last + 1
  self[self.last] = member
end

--- It may go on.
function Member:wake()
  local group = self.group
  if not group then return end
  if self.id then group.host:unwatch(self.id) end
  self.group, self.id, self.what.watcher = nil, nil, nil
  if not self.gone then push(self.crowd, self) end
end

--- Somebody new, who is ready.
-- @return member
function Crowd:add(what)
  local member = setmetatable({ crowd = self, what = what }, Member)
  self.members[member] = true
  push(self, member)
  return member
end

--- The member that has been ready for longest, or nil.  It is the caller's
-- until `ready`, `park` or `leave`.
function Crowd:take()
  local member = self[self.first]
  if not member then return nil end
  self[self.first] = nil
  self.first = self.first + 1
  if self.first > self.last then self.first, self.last = 1, 0 end
  return member
end

--- It may go on at once, after the others.
function Crowd:ready(member) -- luacheck: no self
  push(self, member)
end

local function sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

--- It has to wait.
function Crowd:park(member)
  local host, deadline, source = member.what:waits()
  local group = self:group(host)
  member.group, member.deadline = group, deadline
  member.what.watcher = member -- woken by its end, too
  group.deadline = sooner(group.deadline, deadline)
  if source and host.watch then
    member.id = host:watch(source, member)
  else
    group.restless[#group.restless + 1] = member
  end
end

--- It is over.
function Crowd:leave(member)
  self.members[member], member.gone = nil, true
  member:wake()
end

-- Wake those whose time is up, and find out whose is next.
local function look_at_times(self, group, now)
  group.deadline = nil
  for member in pairs(self.members) do
    if member.group == group and member.deadline then
      if member.deadline <= now then
        member:wake()
      else
        group.deadline = sooner(group.deadline, member.deadline)
      end
    end
  end
end

local function look(self, group)
  local restless = group.restless
  if restless[1] then
    group.restless = {}
    for _, member in ipairs(restless) do
      if member.group == group and not member.id then member:wake() end
    end
  end
  local now = group.deadline and group.host:clock()
  if now and now >= group.deadline then look_at_times(self, group, now) end
end

--- Wait until somebody may be ready, at most until `limit` (of the first
-- host's clock, or nil).
function Crowd:wait(limit)
  local only = not self.list[2]
  for _, group in ipairs(self.list) do
    local host = group.host
    local deadline = sooner(group.deadline, only and limit or nil)
    if not only then deadline = sooner(deadline, host:clock() + SLICE) end
    task.pause(host, deadline)
    look(self, group)
  end
end

--- Let what is there be seen, without waiting.
function Crowd:glance()
  for _, group in ipairs(self.list) do
    if group.host.wait then group.host:wait(0) end
    look(self, group)
  end
end

--- The first host's clock; 0 while there is none.
function Crowd:clock()
  return self.list[1] and self.list[1].host:clock() or 0
end

return crowd
