--- The stream of events that `client:converse_stream` and `client:invoke`
-- return: an object that serves `for`, can be polled, and can be closed.
--
--     reply:head --> reply:take ----> decoder     what was begun
--     task:  exchange --> reply:read --> decoder  what has to wait in between
--     user:  next / poll / for  <--  decoder:event
--
-- Where the first attempt can be sent at once, on a host where a look never
-- waits, the stream looks for its head and its bytes itself.  Else, and for
-- further attempts, a task does it, and is stepped by whoever wants an event.
-- Events that have arrived are taken from the decoder without either.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local exchange = require "bedrock.exchange"
local task = require "bedrock.task"
local unmarshal = require "bedrock.service.unmarshal"

local stray = require "bedrock.lazy" "bedrock.stray"

local stream = {}

local Stream = { __name = "bedrock.stream" }

local CONTENT_TYPE = "application/vnd.amazon.eventstream"

-- The event without which an answer is not complete.
local LAST_EVENT = { ConverseStream = "messageStop" }

-- What Bedrock writes into the last chunk of InvokeModelWithResponseStream.
local LAST_CHUNK = '"amazon-bedrock-invocationMetrics"'

-- The event whose `delta` is a union, so that a text stands alone in it.
local TEXT_EVENT = "contentBlockDelta"

local function is_event_stream(reply)
  local kind = (reply.headers["content-type"] or ""):match "^[^;,%s]*"
  local coding = reply.headers["content-encoding"]
  return (kind == CONTENT_TYPE or kind:lower() == CONTENT_TYPE)
    and (not coding or coding:lower() == "identity")
end

-- Takes the reply of a streaming operation if its body is what it should be.
local function receive(self)
  return function(reply, attempts)
    self.attempts = attempts
    if is_event_stream(reply) then return reply end
    return stray.reply(self.operation, reply)
  end
end

-- What an error that came after the head still has to be told.
local function complete(self, err)
  err.stage = err.stage or "stream"
  err.status = err.status or self.status
  err.request_id = err.request_id or self.request_id
  err.operation = err.operation or self.operation.name
  err.attempts = err.attempts or self.attempts
  return err
end

-- The end of it: nothing comes any more, err says why if it is not the end.
local function finish(self, err)
  if not self.pull then return end
  self.pull, self.hungry = nil, false
  self.err = err and complete(self, err)
  if self.task then self.task:close() end
  if self.reply then self.reply:close() end
  if self.decoder then self.decoder:close() end
  if self.watcher then self.watcher:wake() end -- who waits for many
end

-- Does HTTP say that the body was whole, or else its last chunk?
local function is_whole(self)
  if not self.reply.open_ended then return true end
  local chunk = self.latest and self.latest.chunk
  return chunk and chunk.bytes and chunk.bytes:find(LAST_CHUNK, 1, true)
end

-- The bytes are over: were they all there?
local function at_end(self, err)
  if err then return finish(self, err) end
  local ok, message, code = self.decoder:finish()
  if not ok then
    return finish(self, errors.new("protocol", message, { code = code }))
  end
  local last = LAST_EVENT[self.operation.name]
  if last and not self.seen_last or not last and not is_whole(self) then
    return finish(self, errors.new("protocol", ("the stream ended before "
      .. "%s: the answer is incomplete"):format(last or "its last chunk"), {
      code = "IncompleteStream" }))
  end
  finish(self)
end

-- The bytes that are there, by what never waits (true: the decoder has them);
-- false: there are none; nil: the stream has ended.
local function fetch(self)
  local bytes, err, all = self.reply:take(self.decoder)
  self.dry = all
  if bytes == nil then at_end(self, err) end
  return bytes
end

local function take_head(self, reply, call)
  self.reply = reply
  self.decoder = core.eventstream.decoder(call.client.options.max_event_bytes)
  self.status, self.headers = reply.status, reply.headers
  self.request_id = unmarshal.request_id(reply.headers)
  self.content_type = reply.headers["x-amzn-bedrock-content-type"]
    or reply.headers["content-type"]
end

-- The task: the exchange, or what is left of it; then, where asking for bytes
-- may wait, bytes into the decoder, a piece at a step.
local function work(self, do_call, call, reply, err)
  task.hold(reply)
  reply, err = do_call(call, receive(self), reply, err)
  if not reply then return finish(self, err) end
  take_head(self, reply, call)
  if reply.take then return end
  task.hold(reply)
  while true do
    local bytes
    bytes, err = reply:read()
    if not bytes then return at_end(self, err) end
    self.decoder:feed(bytes) -- its errors stick, and come with the events
    self.fed = true
    task.wait()
  end
end

-- By the task, into the decoder: nil also where something else has changed
-- (the task may have become of no use with that); false: it waits.
local function step(self)
  self.fed = nil
  if self.task:step() then
    self.task:result() -- raises what the task raised
    if self.pull and self.reply.take then self.pull, self.task = fetch, nil end
  elseif not self.fed then
    return false
  end
end

local function start_task(self, ...)
  self.pull, self.hungry = step, false
  self.task = task.new(work, self, ...)
  self.task:step()
end

-- By the reply that was begun, if its head is there.  What is no success may
-- have to wait: for what it says, and for another attempt.
local function await(self)
  local reply, call = self.reply, self.call
  local there, err = reply:head()
  if there == false then return false end
  if there and exchange.is_success(reply) and is_event_stream(reply) then
    take_head(self, reply, call)
    self.attempts, self.call, self.pull = call.sent, nil, fetch
    exchange.succeed(call)
    return fetch(self)
  end
  self.call, self.reply = nil, nil
  start_task(self, exchange.go_on, call, there and reply or nil, err)
end

-- Send the request.
local function start(self, client, params)
  local call, err = exchange.new(client, self.operation, params)
  if not call then return finish(self, err) end
  self.reply = exchange.begin(call)
  if not self.reply then return start_task(self, exchange.run, call) end
  self.call = call
end

-- What the end of the stream will be judged by.
local function note(self, name, event)
  local last = LAST_EVENT[self.operation.name]
  if name == last then
    self.seen_last = true
  elseif not last then
    self.latest = event
  end
end

-- Take what has arrived (`bytes` with it): event | nil, the stream has ended
-- or has to wait.  A piece of an answer's text, which nearly every event is,
-- has nothing to convert.
local function take(self, bytes)
  local decoder = self.decoder
  if not self.pull or not decoder then return nil end
  local name, payload, detail, text, more = decoder:event(bytes)
  while name == "initial-response" do
    -- Protocols that have one bind it to the head; it is no event of ours.
    name, payload, detail, text, more = decoder:event()
  end
  if name then
    self.hungry = not more and self.pull == fetch
    local event
    if text and name == TEXT_EVENT and not detail then
      event = { [name] = payload }
      self.answer:add(event, text)
      return event
    end
    event = unmarshal.event(self.operation)(name, payload, detail)
    note(self, name, event)
    self.answer:add(event)
    return event
  elseif name == false then
    finish(self, stray.message(self.operation, payload, detail))
  elseif payload then
    finish(self, errors.new("protocol", payload, { code = detail }))
  end
end

-- event | false (nothing yet, the host has to wait) | nil | nil, err
local function advance(self)
  local bytes
  if self.hungry then bytes = self:pull() end
  while bytes ~= false do
    local event = take(self, bytes)
    if event then return event end
    if not self.pull then return nil, self.err end
    bytes = self:pull()
  end
  return false
end

local methods = {}

--- For who waits for many (see crowd.lua): as `poll`, but without a look at
-- what the host may have meanwhile.  Where `hungry` and `dry` are true after
-- an event, there is nothing more before the host has news of its source.
methods.step = advance

--- For the same: what `step` waits for, after it gave false.
-- @return the host; until when at most, or nil; the one thing that has to
--   change, or nil
function methods:waits()
  local waiting = self.task
  if waiting then return self.host, waiting.deadline, waiting.source end
  return self.host, self.reply:due(), self.reply.source
end

--- The next event, when it has come.
-- @param timeout seconds to wait for it at most (nil: as the client's own
--   timeouts say)
-- @return event; nil at the clean end; nil, err.  After a timeout of kind
--   "timeout", code "WaitTimeout", the stream goes on as if nothing was.
function methods:next(timeout)
  local host = self.host
  local limit = timeout and host:clock() + timeout
  while true do
    local event, err = advance(self)
    if event ~= false then return event, err end
    if limit and host:clock() >= limit then
      event, err = self:poll() -- what is there counts, however short the time
      if event ~= false then return event, err end
      return nil, complete(self, errors.new("timeout",
        ("no event within %g s"):format(timeout), { code = "WaitTimeout",
          retryable = true, seconds = timeout, attempts = self.attempts or 1,
          stage = not self.status and "request" or nil }))
    end
    local _, deadline, source = self:waits()
    if limit and (not deadline or limit < deadline) then deadline = limit end
    task.pause(host, deadline, source)
  end
end

--- The next event if it is there already; never waits.
-- @return event; false: nothing yet; nil at the clean end; nil, err
function methods:poll()
  local event, err = advance(self)
  if event ~= false then return event, err end
  if self.host.wait then self.host:wait(0) end
  return advance(self)
end

--- The pieces of text of the answer, for `for text in stream:text() do`; a
-- failure is raised.  Chunks of a model family that is not known are one.
function methods:text()
  local function next_piece()
    while true do
      local event = self()
      if event == nil then return nil end
      local text, err = self.answer:text(event)
      if err then error(err, 0) end
      if text then return text end
    end
  end
  return next_piece, nil, nil, self
end

--- The whole answer, once the stream has ended (this reads it to its end).
-- @return for ConverseStream the shape that `client:converse` returns; for
--   InvokeModelWithResponseStream that of the model's own whole answer; or
--   nil, err
function methods:response()
  while true do
    local event, err = self:next()
    if err then return nil, err end
    if event == nil then return self.answer:response() end
  end
end

--- What of the answer has arrived so far, in the same shape; also after a
-- failure.
function methods:partial()
  return self.answer:partial()
end

--- End the stream: its connection is closed, so that the model stops.  Any
-- number of times, from anywhere; afterwards `for` ends and `next` returns
-- nil and an error of kind "closed".
function methods:close()
  if not self.pull then return end
  finish(self, errors.new("closed", "the stream was closed",
    { code = "Closed" }))
  if self.host.wake then self.host:wake() end -- who waits for it need not
end

Stream.__index = methods
Stream.__close = methods.close

--- Serves `for event in stream do`: a failure is raised.
function Stream:__call()
  local event = not self.hungry and take(self)
  if event then return event end
  task.iterate(self.host)
  local err
  event, err = self:next()
  if err and err.kind ~= "closed" then error(err, 0) end
  return event
end

function Stream:__tostring()
  return ("bedrock.stream: %s, %s"):format(self.operation.name,
    self.pull and "open" or "ended")
end

-- What puts the events together, for `response` and `partial`.
local function answer_for(operation, params)
  if operation.name == "ConverseStream" then
    return require "bedrock.answer.converse".new()
  end
  return require "bedrock.answer.invoke".new(params.modelId)
end

--- A stream for an operation; the request goes out at once.
-- @param client see client.lua
-- @param operation row of the model
-- @param params the user's parameters
function stream.new(client, operation, params)
  local self = setmetatable({
    operation = operation, host = client.host,
    answer = answer_for(operation, type(params) == "table" and params or {}),
    pull = await, -- what gets more: await, fetch or step; nil: it has ended
    hungry = true, -- the decoder has nothing
    dry = false, -- nor had the reply, when it last gave something
    decoder = nil, task = nil, call = nil, reply = nil, watcher = nil,
    attempts = nil, status = nil, headers = nil, request_id = nil,
    content_type = nil, -- nil: room for them, and no more
  }, Stream)
  start(self, client, params)
  return self
end

return stream
