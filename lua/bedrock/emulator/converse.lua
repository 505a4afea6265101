-- Converse and ConverseStream: an answer rendered as one message, or as the
-- events that build it.
local answer = require "bedrock.emulator.answer"
local base64 = require "bedrock.emulator.base64"
local json = require "bedrock.emulator.json"

local converse = {}

local quote, yield = json.quote, coroutine.yield

-- Bedrock pads each event with a prefix of this, of random length, so that
-- the size of a frame tells nothing about the word inside.
local ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
  .. "0123456789"

--- Random padding, 2 to 62 characters, as JSON string content.
function converse.padding()
  return ALPHABET:sub(1, math.random(2, #ALPHABET))
end
local padding = converse.padding

local function usage(self)
  local out = {
    inputTokens = self.input_tokens, outputTokens = self.output_tokens,
    totalTokens = self.input_tokens + self.output_tokens,
  }
  if self.cached then
    out.cacheReadInputTokens = math.floor(self.input_tokens / 2)
    out.cacheWriteInputTokens = 0
  end
  return out
end

-- Members that the request asked to see again, for unary replies and for the
-- metadata event.
local function extras(self, out)
  out.metrics = { latencyMs = 20 + self.output_tokens }
  out.performanceConfig = self.performance
  out.serviceTier = self.tier
  out.trace = self.trace
  if not self.no_usage then out.usage = usage(self) end
  return out
end

local UNARY = {
  text = function(block) return { text = block.text } end,
  tool = function(block)
    local whole = block.input ~= "" and not block.cut
    return { toolUse = { name = block.name, toolUseId = block.id,
      input = json.raw(whole and block.input or "{}") } }
  end,
  reasoning = function(block)
    return { reasoningContent = { reasoningText = { text = block.text,
      signature = block.signature } } }
  end,
  redacted = function(block)
    return { reasoningContent = {
      redactedContent = base64.encode(block.data) } }
  end,
  cited = function(block)
    return { citationsContent = { citations = json.list(block.citations),
      content = json.list { { text = block.text } } } }
  end,
  unknown = function(block) return { [block.member] = block.value } end,
}

--- The answer as one message: what a Converse reply calls output, as JSON.
function converse.output(self)
  local content = json.list()
  for i, block in ipairs(self.blocks) do
    content[i] = UNARY[block.kind](block)
  end
  return json.encode { message = { role = "assistant", content = content } }
end

--- Body of a Converse reply.
function converse.body(self)
  return json.encode(extras(self, {
    output = json.raw(converse.output(self)),
    stopReason = self.stop_reason,
    additionalModelResponseFields = self.fields,
  }))
end

local function delta(index, inner)
  return "contentBlockDelta", '{"contentBlockIndex":' .. index .. ',"delta":'
    .. inner .. ',"p":"' .. padding() .. '"}'
end

local function text_delta(index, text)
  return delta(index, '{"text":' .. quote(text) .. "}")
end

local function reasoning_delta(index, member, text)
  return delta(index, '{"reasoningContent":{"' .. member .. '":'
    .. quote(text) .. "}}")
end

-- Deltas of each kind of block; each yields events.
local DELTAS = {
  text = function(block, index)
    for word in answer.words(block.text) do yield(text_delta(index, word)) end
  end,
  tool = function(block, index)
    if block.input == "" then return end
    for piece in answer.fragments(block.input) do
      yield(delta(index, '{"toolUse":{"input":' .. quote(piece) .. "}}"))
    end
  end,
  reasoning = function(block, index)
    for word in answer.words(block.text or "") do
      yield(reasoning_delta(index, "text", word))
    end
    if block.signature then
      yield(reasoning_delta(index, "signature", block.signature))
    end
  end,
  redacted = function(block, index)
    yield(reasoning_delta(index, "redactedContent",
      base64.encode(block.data)))
  end,
  cited = function(block, index)
    for _, citation in ipairs(block.citations) do
      yield(delta(index, '{"citation":' .. json.encode(citation) .. "}"))
    end
    for word in answer.words(block.text) do yield(text_delta(index, word)) end
  end,
  unknown = function(block, index)
    yield(delta(index, json.encode { [block.member] = block.value }))
  end,
}

-- Only tools (and images, tool results) are announced; text blocks begin with
-- their first delta.
local function block_start(block, index)
  if block.kind ~= "tool" then return end
  yield("contentBlockStart", '{"contentBlockIndex":' .. index .. ',"p":"'
    .. padding() .. '","start":{"toolUse":{"name":' .. quote(block.name)
    .. ',"toolUseId":' .. quote(block.id) .. "}}}")
end

local function block_stop(self, index)
  if self.no_block_stop then return end
  yield("contentBlockStop", '{"contentBlockIndex":' .. index .. ',"p":"'
    .. padding() .. '"}')
end

local function in_order(self)
  for i, block in ipairs(self.blocks) do
    block_start(block, i - 1)
    DELTAS[block.kind](block, i - 1)
    block_stop(self, i - 1)
  end
end

-- All blocks open at once, one delta of each in turn.
local function interleaved(self)
  local open = {}
  for i, block in ipairs(self.blocks) do
    block_start(block, i - 1)
    open[i] = coroutine.wrap(function() DELTAS[block.kind](block, i - 1) end)
  end
  local left = #open
  while left > 0 do
    left = 0
    for i in ipairs(self.blocks) do
      local kind, payload
      if open[i] then kind, payload = open[i]() end
      if kind then
        left = left + 1
        yield(kind, payload)
      else
        open[i] = false
      end
    end
  end
  for i in ipairs(self.blocks) do block_stop(self, i - 1) end
end

local function message_stop(self)
  local out = { p = padding(), stopReason = self.stop_reason,
    additionalModelResponseFields = self.fields }
  yield("messageStop", json.encode(out))
end

local function metadata(self)
  yield("metadata", json.encode(extras(self, { p = padding() })))
end

--- Iterator over the events of an answer: event type, payload.
function converse.events(self)
  return coroutine.wrap(function()
    yield("messageStart", '{"p":"' .. padding() .. '","role":"assistant"}')
    local blocks = self.interleave and interleaved or in_order
    blocks(self)
    message_stop(self)
    metadata(self)
  end)
end

-- Response fields that the request named by JSON pointer; the emulated model
-- has one, stop_sequence.
local function response_fields(request, self)
  local paths = json.get(request, "additionalModelResponseFieldPaths", "table")
  for _, path in ipairs(paths or {}) do
    if path == "/stop_sequence" then
      return { stop_sequence = self.stop_sequence or json.null }
    end
  end
end

--- Completes an answer with what the request wants to see in the reply.
function converse.dress(self, request)
  self.performance = json.get(request, "performanceConfig", "table")
  self.tier = json.get(request, "serviceTier", "table")
  self.fields = response_fields(request, self)
  return self
end

return converse
