-- Measures what listening costs a frame, and plays the game by itself when
-- BEDROCK_LOVE_TOUR names a folder: it asks, waits for the answer, takes a
-- screenshot, asks again, interrupts, and writes what it measured to
-- FOLDER/report.txt.  A game of yours has no need of this file.

local frames = { longest = { [true] = 0, [false] = 0 }, calls = 0,
                 longest_call = 0 }

local folder = os.getenv "BEDROCK_LOVE_TOUR"
local began, last, was_streaming = 0, nil, false
local clock = 0
local step = 1
local ask

local function save_screenshot(data)
  local file = assert(io.open(folder .. "/screenshot.png", "wb"))
  file:write(data:encode("png"):getString())
  file:close()
end

local function report(words)
  local file = assert(io.open(folder .. "/report.txt", "w"))
  file:write(words)
  file:close()
end

-- Each: is it time?, and what then.
local steps = {
  { function() return clock > 3 end, function() ask "What is Lua?" end },
  { function() return was_streaming end, function() end },
  { function(streaming) return not streaming end, function() clock = 0 end },
  { function() return clock > 3 end, function()
    love.graphics.captureScreenshot(save_screenshot)
    clock = 0
  end },
  { function() return clock > 0.2 end, function()
    ask "And what is a table?"
    clock = 0
  end },
  { function() return clock > 0.3 end, function()
    love.keypressed "escape"
    clock = 0
  end },
  { function(streaming) return not streaming and clock > 0.3 end, function()
    report(("idle %.2f ms\nstreaming %.2f ms\ncall %.3f ms\ncalls %d\n")
      :format(frames.longest[false] * 1e3, frames.longest[true] * 1e3,
        frames.longest_call * 1e3, frames.calls))
    love.event.quit()
  end },
}

-- Start-up, screenshots and the question itself are not frames like others.
local function note_frame()
  local now = love.timer.getTime()
  local took = last and now - last
  last = now
  local at = step == 1 and clock > 0.3 or step == 3
  if took and at then
    local longest = frames.longest
    longest[was_streaming] = math.max(longest[was_streaming], took)
  end
  clock = clock + (took or 0)
end

function frames.start(asker)
  ask = asker
end

function frames.before()
  if folder then note_frame() end
  began = love.timer.getTime()
end

function frames.after(streaming)
  local took = love.timer.getTime() - began
  if streaming and step == 3 then
    frames.calls = frames.calls + 1
    frames.longest_call = math.max(frames.longest_call, took)
  end
  was_streaming = streaming
  if not folder or not steps[step] then return end
  if steps[step][1](streaming) then
    step = step + 1
    steps[step - 1][2]()
  end
end

return frames
