-- Every snippet of the documentation runs: Lua as a process of its own
-- against the emulator, shell at least parses.
local child = require "bedrock.emulator.child"
local shell = require "spec.support.shell"

local DOCUMENTS = { "README.md", "doc/cookbook.md", "doc/boto3.md",
  "doc/hosts.md", "doc/limits.md" }

-- What the snippets find in their folder.
local FILES = { ["cat.png"] = "\137PNG\r\n\26\n",
  ["contract.pdf"] = "%PDF-1.4 It ends in June." }

local emulator, folder, variables

-- List of { where, text } of a document's blocks of one language.
local function blocks(document, language)
  local list, number, block = {}, 0, nil
  for line in io.lines(document) do
    number = number + 1
    if block and line:find "^```%s*$" then
      list[#list + 1] = { ("%s:%d"):format(document, block.from),
        table.concat(block, "\n") .. "\n" }
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line == "```" .. language then
      block = { from = number + 1 }
    end
  end
  return list
end

-- A search path that means the same in every folder.
local function absolute(path, here)
  return ((path or ""):gsub("[^;]+", function(entry)
    return entry:find "^/" and entry or here .. "/" .. entry:gsub("^%./", "")
  end))
end

local function here()
  local pipe = assert(io.popen "pwd")
  local path = pipe:read()
  pipe:close()
  return path
end

-- The module that a snippet needs and this machine lacks, or nil.
local function absent(text)
  for _, pattern in ipairs { "bedrock%.host%.(luv)%(",
      "bedrock%.host%.(cqueues)%(", 'require "(luv)"', 'require "(cqueues)"',
      'require "(socket)"' } do
    local name = text:match(pattern)
    if name and not pcall(require, name) then return name end
  end
end

describe("the documentation", function()
  setup(function()
    emulator = assert(child.start {})
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    for name, text in pairs(FILES) do
      shell.write(folder .. "/" .. name, text)
    end
    variables = shell.environment(emulator)
    variables.AWS_REGION = ""
    variables.PATIENCE = "0.01"
    variables.LUA_PATH = absolute(os.getenv "LUA_PATH" or package.path, here())
    variables.LUA_CPATH = absolute(os.getenv "LUA_CPATH" or package.cpath,
      here())
  end)
  teardown(function()
    emulator:stop()
    os.execute("rm -r " .. folder)
  end)

  for _, document in ipairs(DOCUMENTS) do
    for _, block in ipairs(blocks(document, "lua")) do
      it("runs " .. block[1], function()
        local module = absent(block[2])
        if module then return pending("no " .. module .. " here") end
        shell.write(folder .. "/snippet.lua", block[2])
        local program = ("cd %s && exec %s snippet.lua"):format(folder,
          shell.quote(shell.lua))
        local got = shell.run({ "sh", "-c", program }, variables)
        assert.equal("", got.err)
        assert.equal(0, got.status)
      end)
    end
    for _, block in ipairs(blocks(document, "sh")) do
      it("parses " .. block[1], function()
        local got = shell.run({ "sh", "-n" }, {}, block[2])
        assert.equal("", got.err)
        assert.equal(0, got.status)
      end)
    end
  end

  it("has examples that run", function()
    for _, words in ipairs { { "examples/demo.lua" },
        { "examples/chat.lua", "amazon.nova-lite-v1:0", "What is Lua?" } } do
      local got = shell.run({ shell.lua, (table.unpack or unpack)(words) },
        variables)
      assert.equal("", got.err)
      assert.equal(0, got.status)
      assert.truthy(got.out:find("born in Rio de Janeiro", 1, true))
    end
  end)

  it("has links that lead somewhere", function()
    for _, document in ipairs(DOCUMENTS) do
      local text = shell.read(document)
      local base = document:match "^(.*/)" or ""
      local anchors = {}
      for title in ("\n" .. text):gmatch "\n#+ ([^\n]+)" do
        anchors["#" .. title:lower():gsub("[^%w%- _]", ""):gsub(" ", "-")] =
          true
      end
      for target in text:gmatch "%]%(([^)]+)%)" do
        if target:find "^#" then
          assert.is_true(anchors[target], document .. ": " .. target)
        elseif not target:find "^https?:" then
          local file = io.open(base .. target:gsub("#.*", ""))
          assert.truthy(file, document .. ": " .. target)
          file:close()
        end
      end
    end
  end)
end)
