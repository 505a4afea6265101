--- One turn of a conversation: what the user said, the model's answer, and
-- whatever tools it had run in between, as one stream of events.
--
--     ask --> events of the answer --> it called tools? -- no --> done
--      ^                                     | yes
--      +---- one message of all results <-- run them
--
-- The conversation's `messages` change once, when the turn has ended:
--
-- - At the clean end the user's message, each answer and each message of
--   tool results are appended.
-- - After a failure `messages` is as it was before; `turn:resume()` goes on
--   where it failed, without running again the tools that had run.
-- - After `close` (or leaving the loop early) what was heard is kept: whole
--   rounds, and of the answer that was cut off its text.  Tool calls without
--   results are not.  If nothing was heard, nothing is kept.
--
-- So every tool call in `messages` has its result, whatever happens.
--
-- Tools may wait (ask a model, sleep): inside a task their waits are the
-- task's.  PUC Lua 5.1 cannot leave a `for` loop's iterator or pcall that
-- way; there, code in a task calls `turn:next()` itself.

local answer = require "bedrock.answer"
local errors = require "bedrock.errors"
local json = require "bedrock.json"
local schema = require "bedrock.schema"
local task = require "bedrock.task"
local tools = require "bedrock.tools"

local turn = {}

local Turn = { __name = "bedrock.turn" }

local function copy(t)
  local made = {}
  for key, value in pairs(t) do made[key] = value end
  return made
end

local function append(list, items)
  for _, item in ipairs(items) do list[#list + 1] = item end
  return list
end

-- A forced tool choice holds for the first round: in the next ones it would
-- have the model call tools for ever.
local function tool_config(self)
  local given = self.conversation.params.toolConfig
  local specs = self.conversation.tools.specs
  if not given and not specs[1] then return nil end
  local config = copy(given or {})
  config.tools = append(append({}, specs), config.tools or {})
  local choice = config.toolChoice
  if #self.added > 1 and choice and not choice.auto then
    config.toolChoice = nil
  end
  return config
end

-- Ask the model: a stream of the next round.
local function ask(self)
  self.round = self.round + 1
  local params = copy(self.conversation.params)
  params.messages = append(append({}, self.before), self.added)
  params.toolConfig = tool_config(self)
  self.stream = self.conversation.client:converse_stream(params)
end

local function add_usage(into, usage)
  for name, count in pairs(usage or {}) do
    if type(count) == "number" then into[name] = (into[name] or 0) + count end
  end
end

-- The turn's messages become the conversation's.
local function commit(self)
  local messages = self.conversation.messages
  if self.replaced and messages[#messages] == self.replaced then
    messages[#messages] = nil
  end
  append(messages, self.added)
end

local function finish(self)
  self.ended = true
  if self.conversation.turn == self then self.conversation.turn = nil end
  if self.watcher then self.watcher:wake() end -- who waits for many
end

local function fail(self, err)
  self.err = err
  finish(self)
  return nil, err
end

local function incomplete(response)
  for _, block in ipairs(response.output.message.content) do
    local text, message = answer.incomplete(block)
    if text then
      local advice = response.stopReason == "max_tokens"
        and "; raise inferenceConfig.maxTokens" or ""
      return errors.new("protocol", ("the input for tool %q is not whole (%s, "
        .. "stop reason %s)%s: %s"):format(tostring(block.toolUse.name),
        message, tostring(response.stopReason), advice, text:sub(1, 200)),
        { code = "ToolInputIncomplete" })
    end
  end
end

local function all_runnable(self, calls)
  for _, call in ipairs(calls) do
    if not self.conversation.tools:runs(call) then return false end
  end
  return true
end

-- A round's stream has ended well: is there more to do?
local function round_ended(self)
  local response, err = self.stream:response()
  if not response then return fail(self, err) end
  self.last = response
  self.responses[#self.responses + 1] = response
  add_usage(self.usage, response.usage)
  add_usage(self.conversation.usage, response.usage)
  err = incomplete(response)
  if err then return fail(self, err) end
  local message = response.output.message
  local calls = tools.calls(message)
  if #calls > 0 and all_runnable(self, calls) then
    if self.round >= self.conversation.max_rounds then
      return fail(self, errors.new("protocol", ("the model still calls tools "
        .. "after %d rounds (max_rounds)"):format(self.round),
        { code = "MaxRoundsExceeded" }))
    end
    self.calls = { message = message, list = calls, results = {} }
    return true
  end
  -- An answer without content may not stand in messages; what is said next
  -- then joins the user's message.
  if #message.content > 0 then self.added[#self.added + 1] = message end
  commit(self)
  finish(self)
  return true
end

-- The result of one call; the user may have it refused.
local function answer_call(self, call)
  local conversation = self.conversation
  local context = { toolUse = call, conversation = conversation, turn = self,
                    round = self.round, user = conversation.context }
  if conversation.approve then
    local yes, reason = conversation.approve(call, context)
    if not yes then
      return tools.result(call, nil, reason or "the user refused this call")
    end
  end
  return conversation.tools:run(call, context)
end

-- Run the calls of a round, one after the other, and ask again.  Each result
-- is kept as soon as it is there, so that a call never runs twice.
local function run_calls(self)
  local calls = self.calls
  while #calls.results < #calls.list do
    local result = answer_call(self, calls.list[#calls.results + 1])
    if self.ended then return end
    calls.results[#calls.results + 1] = result
  end
  self.calls = nil
  append(self.added, { calls.message,
                       { role = "user", content = calls.results } })
  ask(self)
end

-- From poll: tools that wait leave a task, which goes on at the next poll.
-- true | false (they are not done)
local function step_calls(self)
  local work = self.work or task.new(run_calls, self)
  self.work = work
  if not work:step() then return false end
  self.work = nil
  work:result() -- raises what `approve` raised
  return true
end

-- From next: wait for the tools.
local function finish_calls(self)
  if not self.work then return run_calls(self) end
  local host = self.conversation.client.host
  while not step_calls(self) do
    if self.ended then return end
    task.pause(host, self.work.deadline)
  end
end

-- event | false | nil | nil, err.  `pull` takes an event from a stream,
-- `call` gets the tools run: true, or false when they are not done.
local function advance(self, pull, call, limit)
  while not self.ended do
    if self.calls then
      if call(self) == false then return false end
    else
      local event, err = pull(self.stream, limit)
      if event ~= nil then return event end
      if self.ended then break end
      if err then
        -- Only the waiting ended, not the stream.
        if err.code == "WaitTimeout" then return nil, err end
        return fail(self, err)
      end
      round_ended(self)
    end
  end
  return nil, self.err
end

local methods = {}

local function pull_step(stream) return stream:step() end
local function pull_next(stream, limit) return stream:next(limit) end
local function pull_poll(stream) return stream:poll() end

--- The next event of the turn; between two answers it runs the tools.
-- @param timeout seconds to wait for the event at most, or nil.  It bounds
--   the wait for the model; tools take as long as they take.
-- @return event; nil at the clean end; nil, err
function methods:next(timeout)
  return advance(self, pull_next, finish_calls, timeout)
end

--- The next event if it is there already.  Tools are run a step at a time:
-- one that waits for this library's calls does not hold the caller up.
-- @return event; false: nothing yet; nil at the clean end; nil, err
function methods:poll()
  return advance(self, pull_poll, step_calls)
end

--- As a stream's `step`.
function methods:step()
  return advance(self, pull_step, step_calls)
end

--- As a stream's `waits`.
function methods:waits()
  local work = self.work
  if not work then return self.stream:waits() end
  return self.conversation.client.host, work.deadline, work.source
end

--- Iterator over the pieces of text of all answers of the turn.  A failure
-- is raised; Lua 5.4 closes the turn when the loop is left.
function methods:text()
  local function next_piece()
    while true do
      local event = self()
      if not event then return nil end
      local text = answer.text(event)
      if text then return text end
    end
  end
  return next_piece, nil, nil, self
end

--- Go through the turn to its end.
-- @return the last answer, in the shape of `client:converse`; nil, err.
--   `turn.responses` has the answers of all rounds, `turn.usage` their sum.
function methods:response()
  while true do
    local event, err = self:next()
    if err then return nil, err end
    if not event then return self.last end
  end
end

--- What arrived so far of the answer that is coming.
-- @return as `response`; nil before anything arrived
function methods:partial()
  if self.ended and not self.err then return self.last end
  return self.stream and self.stream:partial() or nil
end

-- The text of an answer that was cut off.  Reasoning without its signature
-- would be refused, a call without its result too.
local function heard(self)
  local response = self.stream and self.stream:partial()
  local content = {}
  for _, block in ipairs(response and response.output.message.content or {}) do
    local cited = block.citationsContent
    if type(block.text) == "string" or cited and cited.content then
      content[#content + 1] = block
    end
  end
  if #content == 0 then return nil end
  return { role = "assistant", content = content }
end

--- End the turn here: the model stops, no further tool is run.  What was
-- heard stays in the conversation (see above).  Any number of times.
function methods:close()
  if self.ended then return end
  local said = heard(self)
  self.err = errors.new("closed", "the turn was closed", { code = "Closed" })
  finish(self)
  self.stream:close()
  if self.work then
    self.work:close()
    self.work = nil
  end
  if said then self.added[#self.added + 1] = said end
  if #self.added > 1 then commit(self) end
end

--- Go on with a turn that failed: what was asked last is asked again, and
-- rounds that were done are not repeated.  Raises when there is nothing to
-- resume: the turn has not failed, or the conversation went on meanwhile.
-- @return a new turn, as `send` does
function methods:resume()
  if not self.err or self.err.kind == "closed" then
    error("only a turn that failed can be resumed", 2)
  end
  local messages, before = self.conversation.messages, self.seen
  if #messages ~= #before or messages[#messages] ~= before[#before] then
    error("the conversation went on since this turn failed", 2)
  end
  return turn.new(self.conversation, self)
end

-- Why the answer may not be what the schema says, whatever it is.
local CUT = {
  max_tokens = "it was cut by max_tokens; raise inferenceConfig.maxTokens",
  model_context_window_exceeded = "the context window was full",
  guardrail_intervened = "a guardrail intervened",
  content_filtered = "it was filtered",
  malformed_model_output = "the model's output was malformed",
}

local function invalid(what, text)
  return nil, errors.new("protocol", ("the answer is not what the schema "
    .. "asks for: %s"):format(what), { code = "OutputInvalid", text = text })
end

--- Structured output: go through the turn and decode its answer.
-- @return the value, as `output_schema` describes it; nil, err, where an err
--   with code "OutputInvalid" says what is wrong and has the answer as `text`
function methods:result()
  local response, err = self:response()
  if not response then return nil, err end
  local pieces = {}
  for _, block in ipairs(response.output.message.content) do
    if type(block.text) == "string" then pieces[#pieces + 1] = block.text end
  end
  local text = table.concat(pieces)
  local cut = CUT[response.stopReason]
  if cut then return invalid(cut, text) end
  local value, message = json.decode(text)
  if value == nil then return invalid("it is no JSON: " .. message, text) end
  local rule = self.conversation:output_schema()
  local fine, wrong = schema.check(rule or true, value)
  if not fine then return invalid(wrong, text) end
  return value
end

Turn.__index = methods
Turn.__close = methods.close

--- Serves `for event in turn do`: a failure is raised.
function Turn:__call()
  task.iterate(self.conversation.client.host)
  local event, err = self:next()
  if err and err.kind ~= "closed" then error(err, 0) end
  return event
end

function Turn:__tostring()
  return ("bedrock.turn: round %d, %s"):format(self.round,
    self.ended and "ended" or "open")
end

local function started(conversation, added)
  local self = setmetatable({
    conversation = conversation, added = added, round = 0, ended = false,
    responses = {}, usage = {}, seen = append({}, conversation.messages),
  }, Turn)
  self.before = append({}, self.seen)
  conversation.turn = self
  return self
end

--- Start a turn.
-- @param conversation see conversation.lua
-- @param from the user's message; or a turn that failed, to be resumed
-- @param replaced the last message, when `from` has taken its content over
function turn.new(conversation, from, replaced)
  local resumed = getmetatable(from) == Turn and from
  local added = resumed and append({}, resumed.added) or { from }
  local self = started(conversation, added)
  self.replaced = resumed and resumed.replaced or replaced
  if self.replaced then self.before[#self.before] = nil end
  ask(self)
  return self
end

return turn
