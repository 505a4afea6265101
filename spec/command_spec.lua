-- The `bedrock` command as a shell meets it: each option, each way to end.
local child = require "bedrock.emulator.child"
local json = require "bedrock.json"
local shell = require "spec.support.shell"

local MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
local BODY = json.encode { anthropic_version = "bedrock-2023-05-31",
  max_tokens = 50, messages = { { role = "user", content = "Hello" } } }
local HELLO = "Hello! How can I help you today?"

local has_argparse = pcall(require, "argparse")
local emulator, folder

local function command(words, changes, input)
  local variables = shell.environment(emulator)
  variables.BEDROCK_MODEL = MODEL
  for name, value in pairs(changes or {}) do variables[name] = value end
  local all = { shell.lua, "lua/bin/bedrock" }
  for _, word in ipairs(words) do all[#all + 1] = word end
  return shell.run(all, variables, input)
end

-- What a command that ends well writes.
local function output(words, changes, input)
  local got = command(words, changes, input)
  assert.equal("", got.err)
  assert.equal(0, got.status)
  return got.out
end

local function ends(status, words, ...)
  local got = command(words)
  assert.equal(status, got.status, got.err)
  for _, text in ipairs { ... } do
    assert.truthy(got.err:find(text, 1, true), got.err)
  end
  return got
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

-- A file in our folder; its path.
local function file(name, text)
  local path = folder .. "/" .. name
  shell.write(path, text)
  return path
end

local function recorded(words)
  local path = folder .. "/talk.rec"
  output { "--record", path, (table.unpack or unpack)(words) }
  local text = shell.read(path)
  os.remove(path)
  return text
end

local about = has_argparse and describe or function(name)
  describe(name, function()
    it("needs argparse", function() pending "argparse is not installed" end)
  end)
end

about("bedrock", function()
  setup(function()
    emulator = assert(child.start {})
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
  end)
  teardown(function()
    emulator:stop()
    os.execute("rm -r " .. folder)
  end)

  it("says how it is used", function()
    local got = command { "--help" }
    assert.equal(0, got.status)
    for _, name in ipairs { "chat", "converse", "invoke", "count", "replay",
        "doctor", "emulate", "Exit status" } do
      assert.truthy(got.out:find(name, 1, true), name)
    end
    for line in (got.out .. command { "converse", "-h" }.out):gmatch "[^\n]+" do
      assert.is_true(#line < 80, line)
    end
    assert.truthy(output { "--version" }:find "^lua%-bedrock %d")
    assert.truthy(command { "completion", "bash" }.out:find "complete")
  end)

  it("tells misuse, configuration and failure apart", function()
    ends(2, { "frob" }, "unknown command 'frob'", "bedrock --help")
    ends(2, {}, "command")
    ends(2, { "converse", "--max-tokens", "x", "Hi" }, "whole number")
    ends(2, { "converse", "--top-p", "-1", "Hi" })
    ends(1, { "converse", "-m", "emulator.throttle", "Hi" },
      "ThrottlingException")
    ends(1, { "converse", "--endpoint-url", "http://127.0.0.1:1", "Hi" },
      "ConnectionRefused")
    local got = command({ "converse", "Hi" }, { AWS_ACCESS_KEY_ID = "" })
    assert.equal(3, got.status, got.err)
    got = command({ "converse", "Hi" }, { BEDROCK_MODEL = "" })
    assert.equal(2, got.status)
    assert.truthy(got.err:find("BEDROCK_MODEL", 1, true))
    ends(3, { "--profile", "nobody", "converse", "Hi" }, "nobody")
    ends(1, { "converse", "--timeout", "0.3", "-m",
      "emulator.stall-mid-stream", "Hi" }, "total_timeout")
  end)

  it("says what the region is asked for", function()
    local got = command({ "--region", "eu-west-1", "doctor" })
    assert.truthy(got.out:find("eu-west-1   (option)", 1, true))
  end)

  it("has no secrets in what the doctor says", function()
    local got = output { "doctor" }
    assert.truthy(got:find("no problems", 1, true))
    assert.is_nil(got:find(
      emulator.options.credentials.secret_access_key, 1, true))
    assert.equal(3, command({ "doctor" }, { AWS_ACCESS_KEY_ID = "" }).status)
  end)

  it("ends at once when it is interrupted", function()
    local line = shell.line({ shell.lua, "lua/bin/bedrock", "converse", "-m",
      "emulator.stall-mid-stream", "Hi" }, shell.environment(emulator))
    local out = folder .. "/out"
    os.execute(([[%s >%s 2>&1 & pid=$!
      tries=0; until grep -q . %s || [ $tries -gt 200 ]; do
        sleep 0.05; tries=$((tries + 1)); done
      kill -INT $pid; wait $pid; echo "status $?" >>%s]]):format(
      line:gsub("%%", "%%%%"), out, out, out))
    assert.truthy(shell.read(out):find("status 130", 1, true),
      shell.read(out))
  end)

  it("hands its options on to the emulator", function()
    local got = command { "emulate", "--list-scenarios" }
    if _VERSION ~= "Lua 5.4" then
      assert.truthy(got.err:find "runs under Lua 5.4")
      return assert.equal(3, got.status)
    end
    assert.equal(0, got.status)
    assert.truthy(got.out:find("emulator.throttle", 1, true))
  end)

  describe("converse", function()
    it("writes the answer and nothing else", function()
      assert.equal(HELLO .. "\n", output { "converse", "Hello" })
      assert.equal(HELLO .. "\n", output({ "converse", "-m", MODEL, "Hello" },
        { BEDROCK_MODEL = "" }))
      assert.equal("a b\n", output { "converse", "Say:", "a", "b" })
    end)

    it("reads standard input", function()
      assert.equal(HELLO .. "\n", output({ "converse" }, {}, "Hello\n"))
      assert.equal("a b c\n", output({ "converse", "Say: a", "-", "c" }, {},
        "b\n"))
      local got = command({ "converse" }, {}, "  \n")
      assert.equal(2, got.status)
    end)

    it("gives the events with --json", function()
      local events = lines_of(output { "converse", "--json", "Hello" })
      assert.equal("assistant", events[1].messageStart.role)
      assert.truthy(events[#events].metadata.usage.totalTokens)
      local blob = lines_of(output { "converse", "--json", "-m",
        "emulator.redacted", "Hello" })
      assert.truthy(#blob > 2)
    end)

    it("tells the counts with -v, the work with -vv", function()
      local got = command { "-v", "converse", "Hello" }
      assert.equal(HELLO .. "\n", got.out)
      assert.truthy(got.err:find "tokens in, %d+ out, .*request id %x+%-")
      got = command { "converse", "-vv", "-m", "emulator.throttle-twice", "Hi" }
      assert.equal(0, got.status)
      assert.truthy(got.err:find("ThrottlingException", 1, true))
    end)

    it("sends what the options say", function()
      local text = recorded { "converse", "--system", "Be brief.",
        "--max-tokens", "7", "--temperature", "0.5", "--top-p", "0.25",
        "--stop", "END", "--stop", "FIN", "--fields", '{"top_k":4}', "Hello" }
      local body = assert(json.decode(text:match "\n| (%b{})"))
      assert.same({ { text = "Be brief." } }, body.system)
      assert.same({ maxTokens = 7, temperature = 0.5, topP = 0.25,
        stopSequences = { "END", "FIN" } }, body.inferenceConfig)
      assert.same({ top_k = 4 }, body.additionalModelRequestFields)
      ends(2, { "converse", "--fields", "{", "Hello" }, "--fields")
    end)

    it("attaches images and documents", function()
      local text = recorded { "converse", "--image", file("a.PNG", "\137PNG"),
        "--image", file("b.jpg", "jpg"), "--document",
        file("my_plan v1.2.md", "# Plan"), "What is this?" }
      local content = assert(json.decode(text:match "\n| (%b{})"))
        .messages[1].content
      assert.equal("png", content[1].image.format)
      assert.equal("iVBORw==", content[1].image.source.bytes)
      assert.equal("jpeg", content[2].image.format)
      assert.equal("md", content[3].document.format)
      assert.equal("my plan v1 2", content[3].document.name)
      assert.equal("What is this?", content[4].text)
      ends(2, { "converse", "--image", "/nonexistent.png", "x" },
        "/nonexistent.png")
      ends(2, { "converse", "--image", file("c.tiff", ""), "x" }, "webp")
    end)

    it("declares tools from JSON and runs tools from Lua", function()
      local schema = { type = "object", properties = {
        city = { type = "string" } } }
      local declared = file("tools.json", json.encode { tools = { {
        name = "weather", input_schema = schema } } })
      local calls = output { "converse", "--tool-file", declared,
        'weather city=Lisbon' }
      local use = assert(json.decode(calls:match "\n(.*)\n$")).toolUse
      assert.equal("weather", use.name)
      assert.equal("Lisbon", use.input.city)
      local ours = file("tools.lua", [[return { { name = "weather",
        input_schema = { type = "object", properties = {
          city = { type = "string" } } },
        run = function(input) return "sunny in " .. input.city end } }]])
      local told = "I will use weather.\nThe tool answered: sunny in Lisbon\n"
      assert.equal(told, output { "converse", "--tool-file", ours,
        "weather city=Lisbon" })
      assert.equal(told, output({ "chat", "--tool-file", ours }, {},
        "weather city=Lisbon\n"))
      ends(2, { "converse", "--tool-file", file("bad.lua", "return }"), "x" },
        "bad.lua")
      ends(2, { "converse", "--tool-file", file("bad.json", "[1,"), "x" },
        "bad.json")
    end)

    it("records, and replays without a network", function()
      local path = folder .. "/a.rec"
      local said = output { "converse", "--record", path, "What is Lua?" }
      assert.equal(said, output({ "converse", "--replay", path,
        "What is Lua?" }, { AWS_ACCESS_KEY_ID = "",
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME = "http://127.0.0.1:1" }))
      ends(3, { "converse", "--replay", "/nonexistent", "x" }, "/nonexistent")
    end)
  end)

  describe("invoke", function()
    it("gives the model's own answer", function()
      local answer = assert(json.decode(output { "invoke", "--body", BODY }))
      assert.equal(HELLO, answer.content[1].text)
      assert.same(answer.content, json.decode(output({ "invoke" }, {}, BODY))
        .content)
      assert.same(answer.content, json.decode(output { "invoke", "--body",
        "@" .. file("body.json", BODY) }).content)
      local got = command { "invoke", "-v", "--body", BODY }
      assert.truthy(got.err:find "%d+ tokens in, %d+ out, %d+ ms")
      assert.equal("", output { "invoke", "--body", BODY, "-o",
        folder .. "/answer" })
      assert.equal(HELLO,
        json.decode(shell.read(folder .. "/answer")).content[1].text)
    end)

    it("streams", function()
      assert.equal(HELLO .. "\n", output { "invoke", "--stream", "--body",
        BODY })
      local chunks = lines_of(output { "invoke", "--stream", "--json",
        "--body", BODY })
      assert.equal("message_start", chunks[1].type)
      ends(1, { "invoke", "--stream", "-m", "emulator.exception-mid",
        "--body", BODY }, "ModelStreamErrorException")
    end)

    it("sends the types it is told", function()
      local text = recorded { "invoke", "--content-type", "application/json",
        "--accept", "application/json; charset=utf-8", "--body", BODY }
      assert.truthy(text:find("> accept: application/json; charset=utf-8", 1,
        true))
      ends(2, { "invoke", "--body", "@/nonexistent" }, "/nonexistent")
    end)
  end)

  it("counts tokens", function()
    local few = tonumber(output { "count", "Hello" })
    local more = tonumber(output { "count", "--system", "Be brief.",
      "Hello, what a beautiful day this is." })
    assert.is_true(few > 0 and more > few)
    assert.truthy(tonumber(output { "count", "--body", BODY }))
  end)

  it("reads a recording aloud", function()
    local path = folder .. "/b.rec"
    output { "converse", "--record", path, "Hello" }
    local aloud = output { "replay", path }
    assert.truthy(aloud:find("1. ConverseStream POST http", 1, true))
    assert.truthy(aloud:find(HELLO, 1, true))
    assert.equal(aloud, output { "replay", "--timing", path })
    assert.equal(output { "converse", "--json", "--replay", path, "Hello" },
      output { "replay", "--json", path })
    output { "invoke", "--record", path, "--body", BODY }
    assert.truthy(output { "replay", path }:find(HELLO, 1, true))
    command { "converse", "--record", path, "-m", "emulator.exception-mid",
      "Hi" }
    assert.truthy(output { "replay", path }
      :find("ModelStreamErrorException", 1, true))
    ends(2, { "replay", "/nonexistent" }, "/nonexistent")
  end)

  describe("chat", function()
    it("answers line by line when it is piped", function()
      assert.equal(HELLO .. "\nb\n", output({ "chat" }, {},
        "Hello\n\nSay: b\n"))
      assert.equal("a\nb\n", output({ "chat" }, {}, "Say: a\\\nb\n"))
      local got = command({ "chat" }, {}, "/model emulator.throttle\nHi\n")
      assert.equal(1, got.status)
      assert.truthy(got.err:find("ThrottlingException", 1, true))
    end)

    it("knows its commands", function()
      local path = folder .. "/chat.json"
      local said = output({ "chat", "--system", "Be brief." }, {},
        "Say: one\n/save " .. path .. "\n/history\n/system\n/usage\n/model\n")
      for _, text in ipairs { "2 messages in ", "> Say: one\n  one\n",
          "Be brief.", " tokens in, 1 out", MODEL } do
        assert.truthy(said:find(text, 1, true), said)
      end
      said = output({ "chat" }, {}, "/load " .. path .. "\n/history\n/clear\n"
        .. "/history\n/model m2\n/system Be kind.\n/quit\nnever said\n")
      assert.truthy(said:find(
        "  one\nAll is forgotten.\nm2\nBe kind.\n", 1, true), said)
      assert.is_nil(said:find("never", 1, true))
      said = output({ "chat", "--load", path }, { BEDROCK_MODEL = "" },
        "/history\n/model\n/help\n")
      assert.truthy(said:find("  one\n" .. MODEL, 1, true), said)
      assert.truthy(said:find("/document FILE", 1, true))
      local got = command({ "chat" }, {}, "/modle\n/load /nonexistent\n"
        .. "/image x.tiff\n/retry\n/save\n")
      assert.truthy(got.err:find("did you mean /model?", 1, true))
      assert.truthy(got.err:find("nothing has failed", 1, true))
    end)

    it("attaches what is named, for one question", function()
      local picture = file("cat.png", "\137PNG")
      local said = output({ "chat" }, {}, ("/image %s\nSay: a\n/history\n")
        :format(picture))
      assert.truthy(said:find("> (image)\n> Say: a", 1, true), said)
    end)

    it("is stopped by Ctrl-C, answer after answer, and goes on", function()
      local tmux = "tmux -L bedrock-spec-" .. folder:match "%w+$" .. " "
      if os.execute "command -v tmux >/dev/null" ~= true
          and os.execute "command -v tmux >/dev/null" ~= 0 then
        return pending "tmux is not installed"
      end
      local variables = shell.environment(emulator)
      variables.BEDROCK_MODEL = "emulator.stall-mid-stream"
      local line = shell.line({ shell.lua, "lua/bin/bedrock", "chat" },
        variables) .. "; echo status $?; sleep 60"
      local function keys(...)
        for _, key in ipairs { ... } do
          os.execute(tmux .. "send-keys -t a " .. shell.quote(key))
        end
      end
      -- Looks at the screen until a text has come so often.
      local function await(text, times)
        local screen = folder .. "/screen"
        for _ = 1, 400 do
          os.execute(tmux .. "capture-pane -p -t a >" .. screen)
          local _, n = shell.read(screen):gsub(text, "")
          if n >= times then return end
          os.execute "sleep 0.05"
        end
        error(shell.read(screen))
      end
      os.execute(tmux .. "new-session -d -s a -x 80 -y 40 "
        .. shell.quote(line))
      local ok, err = pcall(function()
        await("\n>", 1)
        for i = 1, 3 do
          keys("Say: a b c d e f", "Enter")
          await("\na b c", i)
          keys "C-c"
          await("stopped", i)
        end
        keys("dropped", "C-c", "/history", "Enter")
        await("  a b c", 3)
        keys(("x"):rep(5000), "Enter")
        await("not sent", 1)
        keys("/model", "Enter") -- nothing of the line is left
        await("\n> /model\nemulator.stall", 1)
        keys "C-d"
        await("status 0", 1)
      end)
      os.execute(tmux .. "kill-server")
      assert.is_true(ok, err)
    end)

    it("says what is in a file", function()
      local said = output({ "chat" }, {}, ("/read %s\n"):format(
        file("question.txt", "Say: a\nb\n\n")))
      assert.equal("a\nb\n", said)
      local got = command({ "chat" }, {}, "/read /nonexistent\n/read "
        .. file("blank.txt", " \n") .. "\n")
      assert.truthy(got.err:find("/nonexistent", 1, true))
      assert.truthy(got.err:find("nothing in it", 1, true))
    end)

    it("asks again what failed", function()
      local got = command({ "chat", "-m", "emulator.throttle" }, {},
        "Say: a\n/model " .. MODEL .. "\n/retry\n")
      assert.truthy(got.out:find "\na\n$", got.out)
    end)
  end)
end)
