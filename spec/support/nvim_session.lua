-- Runs inside Neovim (headless): what nvim_spec.lua asks of the plugin.  One
-- line `name: value` for each, and the editor ends.

local function say(name, value)
  io.stdout:write(name, ": ", tostring(value), "\n")
end

local function text_of(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, true), "\n")
end

local function until_true(check)
  return vim.wait(8000, check, 5)
end

-- A timer's ticks per 10 ms, while `busy()`.
local function ticker()
  local timer, self = vim.loop.new_timer(), { n = 0 }
  local began = vim.loop.hrtime()
  timer:start(10, 10, function() self.n = self.n + 1 end)
  function self.stop()
    timer:close()
    return self.n / ((vim.loop.hrtime() - began) / 1e7)
  end
  return self
end

local function answer()
  vim.cmd "Bedrock what is Lua"
  local buffer = vim.api.nvim_get_current_buf()
  local complete = until_true(function()
    return text_of(buffer):find("once%.$") ~= nil
  end)
  say("answer", complete and text_of(buffer))
  vim.cmd "bwipeout!"
end

local function cancel()
  vim.cmd "Bedrock what is Lua"
  local buffer = vim.api.nvim_get_current_buf()
  until_true(function() return text_of(buffer) ~= "" end)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes("<Esc>", true, false,
    true), "xt", false)
  local _ = until_true(function() return text_of(buffer):find "%[" ~= nil end)
  say("cancelled", text_of(buffer):match "%[.*%]")
  say("cut", text_of(buffer):find "once%." == nil)
  vim.cmd "bwipeout!"
end

local function refused()
  vim.g.bedrock_model = "emulator.throttle"
  vim.cmd "Bedrock what is Lua"
  local buffer = vim.api.nvim_get_current_buf()
  until_true(function() return text_of(buffer):find "%[" ~= nil end)
  say("refused", text_of(buffer):match "%[(.*)%]")
  vim.g.bedrock_model = nil
  vim.cmd "bwipeout!"
end

local function twenty()
  local buffers, ticks = {}, ticker()
  for i = 1, 20 do
    vim.cmd "Bedrock what is Lua"
    buffers[i] = vim.api.nvim_get_current_buf()
    vim.bo[buffers[i]].bufhidden = "hide"
    vim.cmd "hide"
  end
  local function complete()
    local n = 0
    for _, buffer in ipairs(buffers) do
      if vim.api.nvim_buf_is_valid(buffer)
        and text_of(buffer):find "once%.$" then
        n = n + 1
      end
    end
    return n
  end
  until_true(function() return complete() == 20 end)
  say("ticks", ("%.1f %%"):format(100 * ticks.stop()))
  say("complete", complete())
end

-- Without a coroutine, and with the host that clients have here by default:
-- waiting at the top level lets the editor go on, and in a fast event it is
-- refused.
local function top_level()
  local client = require "bedrock".new()
  local request = { modelId = "amazon.nova-lite-v1:0", messages = {
    { role = "user", content = { { text = "what is Lua" } } } } }
  local response, err = client:converse(request)
  say("top level", response and response.stopReason or err)
  local timer, ok, why = vim.loop.new_timer(), nil, nil
  timer:start(0, 0, function()
    ok, why = pcall(client.host.sleep, client.host, 0.01)
    timer:close()
  end)
  until_true(function() return ok ~= nil end)
  say("fast event", why)
end

local function all()
  answer()
  cancel()
  refused()
  twenty()
  top_level()
end

local ok, why = xpcall(all, debug.traceback)
if not ok then say("failed", why) end
vim.cmd "qall!"
