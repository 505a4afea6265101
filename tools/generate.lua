-- Writes what is generated from AWS's service model:
--
--   lua/bedrock/service/model.lua        operations and shapes
--   lua/bedrock/service/guardrails.lua   shapes of guardrails
--   lua/bedrock/service/partitions.lua   regions and their domains
--   doc/reference.md                     the same, to read
--   types/bedrock/shapes.lua             the same, for editors
--
-- lua5.4 tools/generate.lua [folder of the models], from the repo root.
-- The same models give the same files, byte for byte.

package.path = "tools/?.lua;lua/?.lua;" .. package.path

local json = require "generate.json"
local model = require "generate.model"
local partitions = require "generate.partitions"

local folder = arg[1] or "../shared/model"

local function read(name)
  local file = assert(io.open(folder .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return json.decode(text)
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  print(("%6d bytes  %s"):format(#text, path))
end

write("lua/bedrock/service/model.lua", model.text(
  read("botocore-service-2.json"), read("botocore-paginators-1.json")))
write("lua/bedrock/service/guardrails.lua", model.guardrails(
  read("botocore-service-2.json")))
write("lua/bedrock/service/partitions.lua", partitions.text(
  read("botocore-partitions.json")))

local shapes = require "bedrock.service.shapes"
local reference = require "generate.reference"
write("doc/reference.md", reference.text(shapes.bedrock(),
  require("bedrock.service.model").service))
write("types/bedrock/shapes.lua",
  require "generate.types".text(shapes.bedrock()))
