-- The editor's annotations say what there is: no more, no less.
local bedrock = require "bedrock"
local shapes = require "bedrock.service.shapes"
local shell = require "spec.support.shell"

local FILES = { "types/bedrock.lua", "types/bedrock/shapes.lua",
  "types/bedrock/host.lua", "types/bedrock/emulator/child.lua" }

local schema = shapes.bedrock()
local text = ""
for _, file in ipairs(FILES) do text = text .. "\n" .. shell.read(file) end

-- Functions of a class in the annotations: name -> true.
local function annotated(class, separator)
  local names = {}
  for name in text:gmatch("\nfunction " .. class .. separator .. "(%w[%w_]*)%(")
  do names[name] = true end
  return names
end

local function defined()
  local names = {}
  for name in text:gmatch "%-%-%-@class ([%w_.]+)" do names[name] = true end
  for name in text:gmatch "%-%-%-@alias ([%w_.]+)" do names[name] = true end
  return names
end

describe("editor types", function()
  it("are the ones that the generator writes", function()
    local path = package.path
    package.path = "tools/?.lua;" .. package.path
    local types = require "generate.types"
    package.path = path
    assert.equal(types.text(schema), shell.read "types/bedrock/shapes.lua")
  end)

  it("are Lua that can be loaded", function()
    for _, file in ipairs(FILES) do assert(loadfile(file)) end
  end)

  it("refer to nothing that is not there", function()
    local names = defined()
    for line in text:gmatch "%-%-%-[@|][^\n]*" do
      for name in line:gmatch "%f[%w]bedrock%.%u[%w_.]*" do
        assert.is_true(names[name:gsub("%.$", "")], name)
      end
    end
  end)

  it("define nothing twice", function()
    local seen = {}
    for kind, name in text:gmatch "%-%-%-@(%l+) (bedrock%.[%w_.]+)" do
      if (kind == "class" or kind == "alias") and name ~= "bedrock.Client" then
        assert.is_nil(seen[name], name)
        seen[name] = true
      end
    end
  end)

  it("know every shape, and every member as a field", function()
    local names = defined()
    for _, name in ipairs(schema:shape_names()) do
      local kind = schema:shape(name).kind
      assert.is_true(kind == "exception" or names["bedrock." .. name], name)
    end
    local block = text:match
      "%-%-%-@class bedrock.InferenceConfiguration\n(.-)\n\n"
    for _, name in ipairs(schema:shape "InferenceConfiguration".order) do
      assert.truthy(block:find("@field " .. name .. " ", 1, true), name)
    end
  end)

  it("leave LDoc nothing to complain about", function()
    if shell.run { "sh", "-c", "command -v ldoc" }.status ~= 0 then
      return pending "ldoc is not installed"
    end
    local folder = os.tmpname()
    os.remove(folder)
    local got = shell.run { "env", "-u", "LUA_PATH", "-u", "LUA_CPATH", "ldoc",
      "-d", folder, "." }
    os.execute("rm -r " .. folder)
    for line in (got.out .. got.err):gmatch "[^\n]+" do
      assert.truthy(line:find "^reading configuration"
        or line:find "^output written", line)
    end
  end)

  it("tell events apart by their one member", function()
    local union = text:match
      "%-%-%-@alias bedrock.ConverseStreamOutput\n(.-)\n\n"
    for _, name in ipairs { "messageStart", "contentBlockStart",
        "contentBlockDelta", "contentBlockStop", "messageStop", "metadata" } do
      assert.truthy(union:find("ConverseStreamOutput." .. name, 1, true))
    end
    assert.is_nil(union:find("Exception", 1, true))
  end)

  it("name the functions and methods that there are", function()
    local client = bedrock.new { region = "us-east-1" }
    local methods = annotated("Client", ":")
    for name in pairs(methods) do
      assert.equal("function", type(client[name]), name)
    end
    for _, name in ipairs(schema:operation_names()) do
      assert.equal(schema:operation(name).reply ~= "duplex",
        methods[shapes.method_name(name)] or false, name)
    end
    for name in pairs(annotated("bedrock", "%.")) do
      assert.equal("function", type(bedrock[name]), name)
    end
    for name, value in pairs(bedrock) do
      if type(value) == "function" then
        assert.is_true(annotated("bedrock", "%.")[name], name)
      end
    end
    for name in pairs(bedrock.host) do
      assert.is_true(annotated("hosts", "%.")[name], name)
    end
    for name in pairs(annotated("answer", "%.")) do
      assert.equal("function", type(bedrock.answer[name]), name)
    end
  end)

  it("name the methods of a conversation and its turns", function()
    local talk = bedrock.new { region = "us-east-1", endpoint_url =
      "http://127.0.0.1:1", credentials = { access_key_id = "a",
      secret_access_key = "b" } }:conversation { modelId = "m" }
    for name in pairs(annotated("Conversation", ":")) do
      assert.equal("function", type(talk[name]), name)
    end
    local turn = talk:send "Hello"
    for name in pairs(annotated("Turn", ":")) do
      assert.equal("function", type(turn[name]), name)
    end
    turn:close()
  end)

  it("name every method of what users hold, and no other", function()
    -- For bedrock.each and the like, and what a loop calls.
    local INTERNAL = { step = true, waits = true, attend = true, begin = true,
      send = true, wait = true }
    local client = bedrock.new { region = "us-east-1", endpoint_url =
      "http://127.0.0.1:1", credentials = { access_key_id = "a",
      secret_access_key = "b" } }
    local talk = client:conversation { modelId = "m" }
    local stream = client:converse_stream { modelId = "m" }
    local about = { Conversation = talk, Turn = talk:send "Hello",
      Stream = stream, Each = bedrock.each { stream }, Map = client:map {},
      LoopHost = bedrock.host.loop(), Accumulator = bedrock.answer.converse() }
    local of_streams = text:match "%-%-%-@class bedrock.ConverseStream:.-\n\n"
    for class, object in pairs(about) do
      local names = annotated(class, ":")
      for name in pairs(names) do
        assert.equal("function", type(object[name]), class .. ":" .. name)
      end
      for name, value in pairs(getmetatable(object).__index) do
        local known = names[name] or INTERNAL[name] or name:find "^__"
          or class == "Stream" and of_streams:find("@field " .. name .. " ")
        assert.truthy(known or type(value) ~= "function",
          class .. ":" .. name)
      end
    end
    talk.turn:close()
    stream:close()
  end)

  it("name every option of a client", function()
    local options = text:match "%-%-%-@class bedrock.Options\n(.-)\n\n"
    local names = {}
    for name in options:gmatch "@field ([%w_]+)" do names[name] = true end
    for name in pairs(names) do
      local ok, why = pcall(bedrock.new, { [name] = 0 / 0 })
      assert.is_true(ok or not why:find("unknown option", 1, true), name)
    end
    for name in shell.read "lua/bedrock/options.lua"
        :gmatch 'known%("([%w_]+)"' do
      assert.is_true(names[name], name)
    end
  end)
end)
