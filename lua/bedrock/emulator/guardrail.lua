-- ApplyGuardrail, InvokeGuardrailChecks, and the guardrail of Converse.
--
-- The emulated guardrail knows two rules: the word "forbidden" is blocked,
-- and e-mail addresses are masked.
local json = require "bedrock.emulator.json"

local guardrail = {}

local get, list = json.get, json.list

local WORD = "forbidden"
local EMAIL = "[%w._-]+@[%w-]+%.[%w.-]*%w"

--- What a blocked text is replaced with.
guardrail.BLOCKED = "Sorry, the guardrail blocked this."

--- Is there anything to block in the text?
function guardrail.blocks(text)
  return text:lower():find(WORD, 1, true) ~= nil
end

local function invalid(message)
  return nil, "ValidationException", message
end

local function units(text)
  return math.max(1, math.ceil(#text / 1000))
end

local function usage(text)
  local n = units(text)
  return { topicPolicyUnits = n, contentPolicyUnits = n, wordPolicyUnits = n,
    sensitiveInformationPolicyUnits = n,
    sensitiveInformationPolicyFreeUnits = 0,
    contextualGroundingPolicyUnits = 0, contentPolicyImageUnits = 0,
    automatedReasoningPolicyUnits = 0, automatedReasoningPolicies = 0 }
end

--- Assessment of a text: what the rules found, and what they cost.
function guardrail.assess(text)
  local out = { invocationMetrics = { guardrailProcessingLatency = 120,
    usage = usage(text), guardrailCoverage = { textCharacters = {
      guarded = #text, total = #text } } } }
  if guardrail.blocks(text) then
    out.wordPolicy = { managedWordLists = list(), customWords = list {
      { match = WORD, action = "BLOCKED", detected = true } } }
  end
  local found = list()
  for match in text:gmatch(EMAIL) do
    found[#found + 1] = { type = "EMAIL", match = match,
      action = "ANONYMIZED", detected = true }
  end
  if found[1] then
    out.sensitiveInformationPolicy = { piiEntities = found, regexes = list() }
  end
  return out
end

local function read_content(content)
  if not content or not content[1] then
    return invalid("The content field is required.")
  end
  local texts = {}
  for _, block in ipairs(content) do
    local text = get(get(block, "text", "table"), "text", "string")
    if not text and not get(block, "image", "table") then
      return invalid("A content block must hold text or an image.")
    end
    texts[#texts + 1] = text or ""
  end
  return texts
end

local function rewrite(texts)
  local all = table.concat(texts, "\n")
  if guardrail.blocks(all) then return { guardrail.BLOCKED }, "blocked" end
  local masked, changed = {}, nil
  for i, text in ipairs(texts) do
    local n
    masked[i], n = text:gsub(EMAIL, "{EMAIL}")
    if n > 0 then changed = "masked" end
  end
  return masked, changed
end

--- Body of an ApplyGuardrail reply.
-- @return text | nil, exception name, message
function guardrail.apply(request)
  local source = get(request, "source", "string")
  if source ~= "INPUT" and source ~= "OUTPUT" then
    return invalid("Value at 'source' failed to satisfy constraint: Member "
      .. "must satisfy enum value set: [INPUT, OUTPUT]")
  end
  local texts, name, message = read_content(get(request, "content", "table"))
  if not texts then return nil, name, message end
  local all = table.concat(texts, "\n")
  local rewritten, why = rewrite(texts)
  local outputs = list()
  for i, text in ipairs(why and rewritten or {}) do
    outputs[i] = { text = text }
  end
  return json.encode {
    action = why and "GUARDRAIL_INTERVENED" or "NONE",
    actionReason = why and "Guardrail " .. why .. "." or "No action.",
    assessments = list { guardrail.assess(all) },
    guardrailCoverage = { textCharacters = { guarded = #all, total = #all } },
    outputs = outputs, usage = usage(all),
  }
end

local function message_texts(messages)
  local texts = {}
  for i, message in ipairs(messages) do
    local parts = {}
    for k, block in ipairs(get(message, "content", "table") or {}) do
      parts[k] = get(block, "text", "string") or ""
    end
    texts[i] = parts
  end
  return texts
end

-- A category scores high when the text names it, e.g. "violence".
local function scores(check, all)
  local results = list()
  for _, entry in ipairs(get(check, "categories", "table") or {}) do
    local category = tostring(get(entry, "category", "string"))
    local named = all:find(category:lower():gsub("_", " "), 1, true)
    results[#results + 1] = { category = category,
      severityScore = named and 0.95 or 0.05 }
  end
  return { results = results }
end

local function wants_email(check)
  for _, entry in ipairs(get(check, "entities", "table") or {}) do
    if get(entry, "type", "string") == "EMAIL" then return true end
  end
end

local function entities(check, texts)
  local results = list()
  for i, parts in ipairs(wants_email(check) and texts or {}) do
    for k, text in ipairs(parts) do
      for first, last in text:gmatch("()" .. EMAIL .. "()") do
        results[#results + 1] = { type = "EMAIL", confidenceScore = 0.99,
          beginOffset = first - 1, endOffset = last - 1,
          messageIndex = i - 1, contentIndex = k - 1 }
      end
    end
  end
  return { results = results, truncated = false }
end

--- Body of an InvokeGuardrailChecks reply.
-- @return text | nil, exception name, message
function guardrail.checks(request)
  local messages = get(request, "messages", "table")
  local checks = get(request, "checks", "table")
  if not messages or not messages[1] or not checks then
    return invalid("The messages and checks fields are required.")
  end
  local texts = message_texts(messages)
  local parts = {}
  for i, message in ipairs(texts) do parts[i] = table.concat(message, " ") end
  local all = table.concat(parts, " ")
  local results, used = {}, {}
  for _, name in ipairs { "contentFilter", "promptAttack" } do
    if get(checks, name, "table") then
      results[name] = scores(checks[name], all:lower())
      used[name] = { textUnits = units(all) }
    end
  end
  if get(checks, "sensitiveInformation", "table") then
    results.sensitiveInformation = entities(checks.sensitiveInformation, texts)
    used.sensitiveInformation = { textUnits = units(all) }
  end
  return json.encode { results = results, usage = used }
end

return guardrail
