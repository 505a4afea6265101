-- A character who answers, word by word, in a speech bubble.
--
--   type, Enter    ask          Esc    interrupt; again: leave
--
-- The one rule of a game: nothing in love.update may wait.  stream:poll()
-- never does.

local bedrock = require "bedrock"

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local LINE = 1 / 25 -- seconds per letter in the bubble

local client
local talk = { question = "", shown = 0, text = "" }
local stream
local frames = require "frames" -- how long each took, for the curious

function love.load()
  love.keyboard.setKeyRepeat(true)
  love.graphics.setFont(love.graphics.newFont(18))
  client = bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" }
  frames.start(function(question) talk.ask(question) end)
end

function talk.ask(question)
  if stream then stream:close() end
  talk.text, talk.shown, talk.err = "", 0, nil
  stream = client:converse_stream {
    modelId = os.getenv "BEDROCK_MODEL" or MODEL,
    system = { { text = "You are a friendly robot in a game. "
      .. "Answer in at most three sentences." } },
    messages = { { role = "user", content = { { text = question } } } },
  }
end

-- All that has arrived since the last frame.
local function listen()
  while stream do
    local event, err = stream:poll()
    if event == false then return end
    if not event then
      talk.err, stream = err, nil
      return
    end
    local delta = event.contentBlockDelta
    if delta and delta.delta.text then
      talk.text = talk.text .. delta.delta.text
    end
  end
end

-- Letters appear at an even pace, however the pieces come; a pace that the
-- answer outruns is made faster.
local function speak(dt)
  local left = #talk.text - talk.shown
  talk.shown = math.min(#talk.text, talk.shown
    + dt / LINE * math.max(1, left / 20))
end

function love.update(dt)
  frames.before()
  listen()
  frames.after(stream ~= nil)
  speak(dt)
end

-- Not in the middle of a character of several bytes.
local function visible()
  local last = math.floor(talk.shown)
  while last < #talk.text do
    local byte = talk.text:byte(last + 1)
    if byte < 128 or byte >= 192 then break end
    last = last + 1
  end
  return talk.text:sub(1, last)
end

local function draw_robot()
  local g, time = love.graphics, love.timer.getTime()
  local speaks = talk.shown < #talk.text
  local mouth = speaks and 4 + 6 * math.abs(math.sin(time * 14)) or 3
  g.setColor(0.36, 0.55, 0.75)
  g.rectangle("fill", 70, 250, 130, 120, 18)
  g.rectangle("fill", 130, 222, 8, 30)
  g.circle("fill", 134, 216, 9 + math.sin(time * 3))
  g.setColor(0.09, 0.11, 0.16)
  g.circle("fill", 108, 298, 11)
  g.circle("fill", 162, 298, 11)
  g.rectangle("fill", 112, 338 - mouth / 2, 46, mouth, 2)
end

local function draw_bubble(text)
  local g = love.graphics
  local _, lines = g.getFont():getWrap(text, 480)
  local height = math.max(60, 24 * #lines + 30)
  local top = math.max(20, 260 - height)
  g.setColor(0.97, 0.96, 0.92)
  g.rectangle("fill", 240, top, 520, height, 16)
  g.polygon("fill", 246, top + height - 40, 262, top + height - 18, 208, 292)
  g.setColor(0.12, 0.12, 0.16)
  g.printf(text, 260, top + 15, 480)
end

function love.draw()
  love.graphics.clear(0.13, 0.16, 0.22)
  draw_robot()
  if talk.err and talk.err.kind ~= "closed" then
    draw_bubble(talk.err.message)
  elseif talk.text ~= "" or stream then
    draw_bubble(talk.text ~= "" and visible() or "…")
  end
  love.graphics.setColor(0.8, 0.85, 0.9)
  love.graphics.print("> " .. talk.question .. "_", 30, 400)
  love.graphics.setColor(0.45, 0.5, 0.58)
  love.graphics.printf(stream and "Esc: interrupt" or "Enter: ask", 0, 400,
    770, "right")
end

function love.textinput(text)
  talk.question = talk.question .. text
end

function love.keypressed(key)
  if key == "return" and talk.question ~= "" then
    talk.ask(talk.question)
    talk.question = ""
  elseif key == "backspace" then
    talk.question = talk.question:gsub("[\1-\127\192-\255][\128-\191]*$", "")
  elseif key == "escape" then
    if not stream then return love.event.quit() end
    stream:close() -- the model stops, and so does billing
    stream, talk.text = nil, talk.text .. " –"
  end
end
