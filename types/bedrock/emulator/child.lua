-- Annotations for lua-language-server; nothing here is ever run.
---@meta bedrock.emulator.child

-- luacheck: ignore

local child = {}

---@class bedrock.Emulator
---@field url string
---@field pid integer
---@field options bedrock.Options for `bedrock.new`
---@field ca_file string?
local Emulator = {}

function Emulator:stop() end

--- Start the emulator as a child process and wait until it listens.
---@param options table? of `bedrock-emulator --help`, underscores for hyphens
---@return bedrock.Emulator? emulator
---@return string? why
function child.start(options) end

return child
