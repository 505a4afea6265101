--- botocore's restJson1 protocol cases: each suite is a small service model,
-- generated into rows by the same code as Bedrock's own.

package.path = "tools/?.lua;" .. package.path

local ordered = require "generate.json"
local rows = require "generate.rows"
local json = require "bedrock.json"
local shapes = require "bedrock.service.shapes"
local vectors = require "spec.support.vectors"

local protocol = {}

-- The ordered reader's null is its own; the library's is lua-cjson's.
local function with_null(value)
  if value == ordered.null then return json.null end
  if type(value) == "table" then
    for key, item in pairs(value) do value[key] = with_null(item) end
  end
  return value
end

local function schema_of(suite, given)
  local shape_rows = { rows.from {
    operations = { [given.name] = given }, shapes = suite.shapes,
  } }
  return shapes.new { operations = shape_rows[1], shapes = shape_rows[2] }
end

--- Every case of one direction.
-- @param direction  "input" or "output"
-- @return list of { id, operation, ... the case as it is in the file }
function protocol.cases(direction)
  local list = {}
  local suites = ordered.decode(vectors.read(
    "botocore/tests/unit/protocols/" .. direction .. "/rest-json.json"))
  for _, suite in ipairs(suites) do
    for _, case in ipairs(suite.cases) do
      list[#list + 1] = with_null(case)
      case.endpoint = suite.clientEndpoint
      case.operation = schema_of(suite, case.given):operation(case.given.name)
    end
  end
  return list
end

return protocol
