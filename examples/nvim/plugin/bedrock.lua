-- :Bedrock PROMPT asks a model; its answer streams into a buffer below while
-- you go on editing.  <Esc> in that buffer (or :BedrockStop) cancels.
--
--     :Bedrock what does this error mean?
--     :'<,'>Bedrock explain this code          the lines go with the prompt
--     let g:bedrock_model = 'amazon.nova-lite-v1:0'

if vim.g.loaded_bedrock then return end
vim.g.loaded_bedrock = true

local client
local streams = {} -- by buffer, while they run

local function new_client()
  local host = require "bedrock.host.luv".new()
  return require "bedrock".new { host = host }, host
end

local function append(buffer, text)
  local lines = vim.split(text, "\n", { plain = true })
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  local line = vim.api.nvim_buf_get_lines(buffer, last, last + 1, true)[1]
  vim.api.nvim_buf_set_text(buffer, last, #line, last, #line, lines)
end

local function new_buffer()
  vim.cmd "botright 12new"
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype = "nofile"
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = "markdown"
  vim.wo.wrap, vim.wo.linebreak = true, true
  return buffer
end

local function stop(buffer)
  local stream = streams[buffer]
  streams[buffer] = nil
  if stream then stream:close() end
end

local function text_of(event)
  local delta = event.contentBlockDelta
  return delta and delta.delta.text
end

-- Runs in a coroutine: `next` leaves it, and the editor goes on.
local function follow(buffer, stream)
  while true do
    local event, err = stream:next()
    if not vim.api.nvim_buf_is_valid(buffer) then return stop(buffer) end
    if not event then
      streams[buffer] = nil
      if err then append(buffer, "\n[" .. tostring(err) .. "]") end
      return
    end
    local text = text_of(event)
    if text then append(buffer, text) end
  end
end

local function report(_, err)
  if err then vim.api.nvim_err_writeln("bedrock: " .. tostring(err)) end
end

local function ask(command)
  local prompt = command.args
  if command.range > 0 then
    local lines = vim.api.nvim_buf_get_lines(0, command.line1 - 1,
      command.line2, false)
    prompt = prompt .. "\n\n" .. table.concat(lines, "\n")
  end
  local host
  if not client then client, host = new_client() end
  host = host or client.host
  local buffer = new_buffer()
  local stream = client:converse_stream {
    modelId = vim.g.bedrock_model
      or "anthropic.claude-3-5-haiku-20241022-v1:0",
    messages = { { role = "user", content = { { text = prompt } } } },
  }
  streams[buffer] = stream
  vim.keymap.set("n", "<Esc>", function() stop(buffer) end,
    { buffer = buffer, desc = "cancel the answer" })
  vim.api.nvim_create_autocmd("BufWipeout", { buffer = buffer,
    callback = function() stop(buffer) end })
  host:spawn(function() follow(buffer, stream) end, report)
end

vim.api.nvim_create_user_command("Bedrock", ask, { nargs = "+", range = true,
  desc = "ask a model; the answer streams into a buffer" })

vim.api.nvim_create_user_command("BedrockStop", function()
  for buffer in pairs(streams) do stop(buffer) end
end, { desc = "cancel all answers" })
