--- A host that answers from a list, with a clock of its own.

local errors = require "bedrock.errors"

local fakehost = {}

local Host = {}
Host.__index = Host

local Reply = {}
Reply.__index = Reply

function Host:send(request)
  self.sent[#self.sent + 1] = request
  local answer = table.remove(self.answers, 1)
  if type(answer) == "function" then answer = answer(request) end
  self.time = self.time + 0.25
  if errors.is(answer) then return nil, answer end
  return setmetatable({ host = self, answer = answer, at = 0,
    status = answer.status or 200, headers = answer.headers or {} }, Reply)
end

function Reply:read()
  self.at = self.at + 1
  self.host.time = self.host.time + 0.125
  local piece = self.answer[self.at]
  if errors.is(piece) then return nil, piece end
  return piece
end

function Reply:close() self.closed = (self.closed or 0) + 1 end
function Reply.extra(_, n) return "extra", n end

function Host:sleep(seconds)
  self.time = self.time + seconds
  self.slept = (self.slept or 0) + seconds
end

function Host:wait(seconds) self:sleep(seconds or 0) end
function Host:now() return 1700000000 + self.time end
function Host:clock() return self.time end
function Host:fd() return self.descriptor end

--- Answers: tables with status, headers and the pieces of the body in order
-- (an error object ends it), error objects, or functions of the request.
function fakehost.new(...)
  return setmetatable({ answers = { ... }, sent = {}, time = 1000,
                        descriptor = 7 }, Host)
end

--- A file in memory.
function fakehost.file(text)
  local file = { text = text or "" }
  function file.write(_, more) file.text = file.text .. more end
  function file.read() return file.text end
  return file
end

return fakehost
