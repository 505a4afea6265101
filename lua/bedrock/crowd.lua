--- Many that wait, and who waits for them all: which may go on?
--
--     add --> [ ready ] --take--> (step) --park--> [ waiting ] --+
--                ^                                               |
--                +---- its transfer has news, its time is up ----+
--
-- A member is anything with `step()`, which gives false when it has to wait,
-- and `waits()` -> host, deadline or nil, source or nil (see stream.lua).
-- Where the host tells the news of a source, the others are not looked at:
-- the cost of an event does not grow with the number of those that wait.  A
-- member stays watched as long as its source is the same one.
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
    group = { crowd = self, host = host, restless = {} }
    self.groups[host] = group
    self.list[#self.list + 1] = group
  end
  return group
end

local function push(self, member)
  local last = self.last + 1
  self.last = last
  self[last] = member
end

--- It may go on.  Who is not parked remembers that for when he is.
function Member:wake()
  if not self.parked then
    self.news = true
    return
  end
  self.parked = false
  push(self.group.crowd, self)
end

--- Somebody new, who is ready.
-- @return member
function Crowd:add(what)
  local member = setmetatable({ what = what, group = nil, source = nil,
    id = nil, deadline = nil, parked = false, news = false, rested = false },
    Member)
  what.watcher = member -- woken by its end, too
  self.members[member] = true
  push(self, member)
  return member
end

--- The member that has been ready for longest, or nil.  It is the caller's
-- until `ready`, `park` or `leave`.
function Crowd:take()
  local first = self.first
  local member = self[first]
  if not member then return nil end
  self[first] = nil
  if first == self.last then
    self.first, self.last = 1, 0
  else
    self.first = first + 1
  end
  return member
end

--- It may go on at once, after the others.
function Crowd:ready(member) -- luacheck: no self
  push(self, member)
end

local function sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

local function unwatch(member)
  if not member.id then return end
  member.group.host:unwatch(member.id, member)
  member.id = nil
end

-- What it waits for is another host or source than before.
local function move(self, member, host, source)
  unwatch(member)
  member.group, member.source = self:group(host), source
  member.rested = false
  if source and host.watch then member.id = host:watch(source, member) end
end

--- It has to wait.
function Crowd:park(member)
  local host, deadline, source = member.what:waits()
  local group = member.group
  if not group or source ~= member.source or host ~= group.host then
    move(self, member, host, source)
    group = member.group
  end
  if member.news then
    member.news = false
    return push(self, member)
  end
  member.parked, member.deadline = true, deadline
  if deadline and not (group.deadline and group.deadline <= deadline) then
    group.deadline = deadline
  end
  if not member.id then group.restless[#group.restless + 1] = member end
end

--- It has given all that it had, and waits for more of its source: who is
-- watched need not look.  From the first time on its deadline can only become
-- a later one, and need not be asked for either.
function Crowd:rest(member)
  if not member.id or member.news then
    member.news = false
    push(self, member)
  elseif member.rested and member.deadline then
    member.parked = true
  else
    member.rested = true
    self:park(member)
  end
end

--- It is over.
function Crowd:leave(member)
  unwatch(member)
  self.members[member], member.parked = nil, false
  member.what.watcher = nil
end

-- Wake those whose time is up, and find out whose is next.
local function look_at_times(self, group, now)
  group.deadline = nil
  for member in pairs(self.members) do
    local deadline = member.group == group and member.deadline
    if deadline and deadline <= now then
      member.deadline = nil
      if member.parked then member:wake() end
    elseif deadline then
      group.deadline = sooner(group.deadline, deadline)
    end
  end
end

local function look(self, group)
  local restless = group.restless
  if restless[1] then
    group.restless = {}
    for _, member in ipairs(restless) do
      if member.parked then member:wake() end
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

--- The first host's clock; 0 while nobody is there.
function Crowd:clock()
  local group, member = self.list[1], next(self.members)
  if not group and member then group = self:group((member.what:waits())) end
  return group and group.host:clock() or 0
end

return crowd
