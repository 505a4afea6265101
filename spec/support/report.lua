--- A busted output handler for tools/test: one line per result in the file
-- named by $BEDROCK_REPORT, written at once, so that a crash loses nothing.
--
--     start NAME          pass          fail  (and its message, indented)
--     skip REASON         done
--
-- What a spec prints itself stays apart, on the standard output.

local pretty = require "pl.pretty"

local function text_of(message)
  if type(message) == "string" then return message end
  return message == nil and "no message" or pretty.write(message)
end

return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base" ()
  local report = assert(io.open(os.getenv "BEDROCK_REPORT", "w"))

  local function line(word, text)
    report:write(word, " ", ((text or ""):gsub("\n", "\n  ")), "\n")
    report:flush()
  end

  -- An error in a before_each arrives twice: as itself and with its test.
  local last

  local function failed(result)
    if result == last then return end
    last = result
    local at = result.trace or result.element.trace or {}
    line("fail", ("%s\n%s:%s: %s"):format(result.name, at.short_src or "?",
      at.currentline or "?", text_of(result.message)))
  end

  function handler.testStart(element)
    line("start", handler.getFullName(element))
    return nil, true
  end

  function handler.testEnd(_, _, status)
    if status == "success" then
      line("pass")
    elseif status == "pending" then
      local result = handler.pendings[#handler.pendings]
      local why = text_of(result.message or result.name)
      line("skip", (why:gsub("^[^\n:]+:%-?%d+: ", "")))
    elseif status == "failure" then
      failed(handler.failures[#handler.failures])
    else
      failed(handler.errors[#handler.errors])
    end
    return nil, true
  end

  -- Outside a test: in a file's own code, in a before or after.
  function handler.error(element)
    if element.descriptor ~= "it" then
      failed(handler.errors[#handler.errors])
    end
    return nil, true
  end

  function handler.suiteEnd()
    line("done")
    return nil, true
  end

  busted.subscribe({ "test", "start" }, handler.testStart)
  busted.subscribe({ "test", "end" }, handler.testEnd)
  busted.subscribe({ "error" }, handler.error)
  busted.subscribe({ "failure" }, handler.error)
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
