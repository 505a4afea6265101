--- Titan's chunks: their members have other names than those of the whole.

local fold = require "bedrock.answer.fold"

local titan = {}

local TEXTS = { outputText = true }

local function add(state, chunk)
  fold.take(state, chunk, TEXTS)
end

local function response(state)
  local folded = fold.made(state)
  return {
    inputTextTokenCount = folded.inputTextTokenCount,
    results = { {
      tokenCount = folded.totalOutputTextTokenCount,
      outputText = folded.outputText,
      completionReason = folded.completionReason,
    } },
  }
end

--- A new, empty accumulator.
function titan.new()
  return fold.accumulator(add, response)
end

return titan
