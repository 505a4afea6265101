--- The host of libuv: luv, and Neovim's `vim.loop` or `vim.uv`.
--
--     local host = require "bedrock.host.luv".new()
--     local client = bedrock.new { host = host }
--     host:spawn(function() ... client:converse { ... } ... end)
--
-- In a coroutine every call that waits leaves it, and libuv goes on.  In
-- Neovim coroutines are woken where the editor's functions may be called.

local loop = require "bedrock.host.loop"

local luv = {}

local editor = rawget(_G, "vim")

local INSIDE = "bedrock: this call has to wait, which %s cannot: make it "
  .. "inside host:spawn(function() ... end)"

-- Handles are kept and used again: one that is being closed when the Lua
-- state ends brings luv 1.44 down.  Only what runs may be stopped: libuv
-- takes the descriptor's number from epoll, whosoever it is by now.
local function stop_polls(self)
  for _, poll in pairs(self.polls) do
    if poll:is_active() then poll:stop() end
  end
  self.watching = nil
end

local function act(self)
  self.timer:stop()
  -- libcurl may close any of them: libuv must have let go of it.
  if not self:fd() then stop_polls(self) end
  self:act()
end

-- Neovim calls back where little is allowed: leave that first.  Meanwhile
-- nothing is watched, or libuv would call again and again.
local function act_soon(self)
  if self.scheduled then return end
  self.scheduled = true
  self.timer:stop()
  stop_polls(self)
  editor.schedule(function()
    self.scheduled = false
    act(self)
  end)
end

local function watch(self, fd, events)
  local poll = self.polls[fd] or assert(self.uv.new_poll(fd))
  self.polls[fd] = poll
  poll:start(events, self.ready)
end

local function watch_all(self)
  local fd = self:fd()
  if fd and self.watching == fd then return end
  stop_polls(self)
  if fd then watch(self, fd, "r") end
  for _, socket in ipairs(fd and {} or self:sockets()) do
    watch(self, socket.fd, socket.events)
  end
  self.watching = fd
end

local Luv = {}

function Luv:arm()
  if self.scheduled then return end
  if not self:awaited() then
    self.timer:stop()
    return stop_polls(self)
  end
  watch_all(self)
  local due = self:due()
  if due then
    self.timer:start(math.ceil(math.min(due, 86400) * 1000), 0, self.ready)
  else
    self.timer:stop()
  end
end

-- The editor goes on meanwhile: keys are handled, timers tick.
local function run_editor(self, seconds)
  local acts = self.acts
  local _, why = editor.wait(math.ceil(math.min(seconds or 1e6, 1e6) * 1000),
    function() return self.acts ~= acts end)
  if why == -2 then self.interrupted = true end
end

local function run_loop(self)
  self.uv.run "once"
end

function Luv:block(seconds)
  if self.editing then
    if editor.in_fast_event() then
      error(INSIDE:format "a fast event of Neovim (a vim.loop callback)", 0)
    end
    self:attend(run_editor, seconds)
    if self.interrupted then
      self.interrupted = nil
      error("Keyboard interrupt", 0)
    end
    return
  end
  if self.uv.loop_mode and self.uv.loop_mode() then
    error(INSIDE:format "a callback of luv", 0)
  end
  self:attend(run_loop, seconds)
end

--- A host on a libuv loop.
-- @param uv luv's module; by default Neovim's own, or `require "luv"`
function luv.new(uv)
  local own = editor and (editor.uv or editor.loop)
  local self = loop.new(Luv)
  self.uv = uv or own or require "luv"
  self.editing = own ~= nil and self.uv == own
  self.polls, self.timer = {}, assert(self.uv.new_timer())
  local soon = self.editing and act_soon or act
  self.ready = function() soon(self) end
  return self
end

return luv
