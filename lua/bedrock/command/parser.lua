--- The arguments of the `bedrock` command, as argparse knows them.

local argparse = require "argparse"
local core = require "bedrock.core"

local parser = {}

local EPILOG = [[
The options of this page go before or after the command's name. What is not
given comes from the environment and ~/.aws, as with the AWS CLI; the model
also from BEDROCK_MODEL.

Exit status: 0 done, 1 the call failed, 2 misuse or invalid parameters,
3 no credentials or a wrong configuration, 130 Ctrl-C.]]

local function whole(text)
  local number = tonumber(text)
  if number and number >= 1 and number % 1 == 0 then return number end
  return nil, ("'%s' is no whole number from 1"):format(text)
end

local function number(text)
  local value = tonumber(text)
  if value and value >= 0 and value < math.huge then return value end
  return nil, ("'%s' is no number from 0"):format(text)
end

local function general(p)
  p:option("--region", "AWS region (AWS_REGION, profile)")
  p:option("--profile", "profile in ~/.aws (AWS_PROFILE)")
  p:option("--endpoint-url", "another service: a gateway, the emulator")
    :argname "<url>"
  p:option("--timeout", "seconds that a call may take")
    :argname "<seconds>":convert(number)
  p:option("--record", "write the exchanges to this file, secrets removed")
    :argname "<file>"
  p:option("--replay", "answer from such a file instead of the network")
    :argname "<file>"
  p:flag("-v --verbose", "tokens, times and request id on standard error; "
    .. "twice: what the client does"):count "0-2":target "verbose"
  p:flag("--version", "the version, and that of its libraries")
    :action(function()
      io.stdout:write("lua-bedrock ", core._VERSION, ", ",
        require "bedrock.curl".version(), "\n")
      os.exit(0)
    end)
end

local function model(c)
  c:option("-m --model", "model id, inference profile or ARN "
    .. "(BEDROCK_MODEL)")
end

-- What a question is made of.
local function question(c)
  c:option("--system", "instructions for the model"):argname "<text>"
  c:option("--image", "an image to show it (png, jpeg, gif, webp)")
    :argname "<file>":count "*":target "images"
  c:option("--document", "a document (pdf, md, csv, docx, ...)")
    :argname "<file>":count "*":target "documents"
  c:option("--tool-file", "tools: a .json file declares them, a .lua file "
    .. "returns a list whose `run` functions are called"):argname "<file>"
end

local function inference(c)
  c:option("--max-tokens", "at most so many tokens")
    :argname "<n>":convert(whole)
  c:option("--temperature", "0 to 1"):argname "<x>":convert(number)
  c:option("--top-p", "0 to 1"):argname "<x>":convert(number)
  c:option("--stop", "end where this text would come")
    :argname "<text>":count "*"
  c:option("--fields", "additionalModelRequestFields, as JSON")
    :argname "<json>"
end

local function chat(p)
  local c = p:command("chat", "talk, line by line; /help there says more")
  model(c)
  question(c)
  inference(c)
  c:option("--load", "go on with a conversation that /save wrote")
    :argname "<file>"
end

local function converse(p)
  local c = p:command("converse", "ask once; the answer appears as it comes")
  c:argument("prompt", "the question; - stands for standard input, which is "
    .. "also read when there is none"):args "*"
  model(c)
  question(c)
  inference(c)
  c:flag("--json", "the events as they came, one JSON text per line")
end

local function invoke(p)
  local c = p:command("invoke", "ask in the model's own format")
  model(c)
  c:option("--body", "JSON, @FILE, or - for standard input (the default)")
    :default "-"
  c:option("--content-type", "of the body (application/json)")
  c:option("--accept", "what the answer should be")
  c:option("-o --output", "write the answer to this file")
    :argname "<file>"
  c:flag("--stream", "the text as it comes")
  c:flag("--json", "with --stream: the chunks, one JSON text per line")
end

local function count(p)
  local c = p:command("count", "how many tokens a question takes")
  c:argument("prompt", "as for converse"):args "*"
  model(c)
  question(c)
  c:option("--body", "count this body of invoke instead: JSON, @FILE or -")
end

local function replay(p)
  local c = p:command("replay", "read a recording aloud")
  c:argument("file", "what --record or bedrock.host.record wrote")
  c:flag("--json", "the events of its streams, one JSON text per line")
  c:flag("--timing", "take the time that it took")
end

--- The parser; `parse` gives a table with `command` and the options' names.
function parser.new()
  local p = argparse("bedrock", "Amazon Bedrock in the shell.", EPILOG)
  p:command_target "command"
  p:help_max_width(79)
  p:add_complete_command()
  general(p)
  chat(p)
  converse(p)
  invoke(p)
  count(p)
  replay(p)
  p:command("doctor", "who, where and how the client would ask, and why")
  p:command("emulate", "a Bedrock on this machine; bedrock emulate --help")
  return p
end

return parser
