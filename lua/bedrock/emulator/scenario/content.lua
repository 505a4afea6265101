-- Answers of unusual content; nothing is wrong with them.
local answer = require "bedrock.emulator.answer"

local entries = {}

local function content(sentence, change)
  return { sentence, nil, change }
end

local function text(words) return { kind = "text", text = words } end

local function tool(name, input)
  return { kind = "tool", id = "tooluse_" .. name, name = name, input = input }
end

entries["reasoning"] = content("reasoning with a signature before the text",
  function(self)
    table.insert(self.blocks, 1, answer.reasoning("something"))
  end)
entries["redacted"] = content("redacted reasoning before the text",
  function(self)
    table.insert(self.blocks, 1, { kind = "redacted",
      data = "\0\1\2\253\254\255redacted" })
  end)
entries["signature-only"] = content("reasoning that has a signature and no "
  .. "text", function(self)
    table.insert(self.blocks, 1, { kind = "reasoning", text = "",
      signature = "T25seVNpZ25hdHVyZQ==" })
  end)
entries["citations"] = content("an answer with two citations",
  function(self)
    self.blocks = { { kind = "cited", text = "The moon is made of rock.",
      citations = {
        { title = "Moon", sourceContent = { { text = "rock" } },
          location = { documentChar = { documentIndex = 0, start = 0,
            ["end"] = 4 } } },
        { title = "Apollo", source = "nasa", sourceContent = {
          { text = "samples" } }, location = { web = {
            url = "https://example.com/apollo", domain = "example.com" } } },
      } } }
  end)
entries["tools-interleaved"] = content("text and two tool calls whose events "
  .. "come in turn", function(self)
    self.blocks = { text("Two at once."),
      tool("get_weather", '{"city":"Paris","days":[1,2,3]}'),
      tool("get_time", '{"zone":"Europe/Paris"}') }
    self.interleave, self.stop_reason = true, "tool_use"
  end)
entries["tool-without-input"] = content("a tool call without any input",
  function(self)
    self.blocks = { tool("ping", "") }
    self.stop_reason = "tool_use"
  end)
entries["tool-bad-json"] = content("a tool call whose input is no JSON",
  function(self)
    local call = tool("get_weather", '{"city": Paris')
    call.cut = true
    self.blocks = { call }
    self.stop_reason = "tool_use"
  end)
entries["tool-cut"] = content("a tool call cut off by max_tokens",
  function(self)
    local call = tool("get_weather", '{"city":"Par')
    call.cut = true
    self.blocks = { text("Let me see."), call }
    self.stop_reason = "max_tokens"
  end)
entries["unknown-delta"] = content("a block of a kind that no model knows",
  function(self)
    self.blocks[#self.blocks + 1] = { kind = "unknown", member = "hologram",
      value = { depth = 3 } }
  end)
entries["unknown-stop-reason"] = content("stop reason bored_now",
  function(self) self.stop_reason = "bored_now" end)
entries["empty-answer"] = content("an answer without any block",
  function(self) self.blocks = {} end)
entries["blank-answer"] = content("an answer of two blanks and a line feed",
  function(self) self.blocks = { text(" \n ") } end)
entries["no-usage"] = content("metadata without usage",
  function(self) self.no_usage = true end)
entries["no-block-stop"] = content("blocks that are never stopped",
  function(self) self.no_block_stop = true end)
entries["unicode"] = content("characters of all lengths, controls escaped",
  function(self)
    self.blocks = { text("Gr\195\188\195\159e \226\130\172 "
      .. "\240\159\140\153 \"q\" \\ / \b\f\n\r\t \0 \127 "
      .. "\226\128\168 end") }
  end)
entries["many-events"] = content("1,000 (or NUMBER) words",
  function(self, x)
    local n = math.min(x.number or 1000, 1000000)
    self.blocks = { text(("word "):rep(n)) }
  end)
entries["big-events"] = content("ten words of 64 KiB (or NUMBER bytes) each",
  function(self, x)
    local size = math.min(x.number or 65536, 8 * 1024 * 1024)
    self.blocks = { text(((" " .. ("x"):rep(size)):rep(10))) }
  end)

return entries
