--- A value as text: equal values give equal texts in every Lua and process.
-- Keys are sorted, numbers are doubles, JSON's null and empty tables of both
-- kinds are told apart.

local json = require "bedrock.json"

local canonical

local function members(value)
  local keys, list = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    list[i] = ("%q:%s"):format(key, canonical(value[key]))
  end
  return list
end

function canonical(value)
  if value == json.null then return "null" end
  if type(value) == "number" then return ("%.17g"):format(value) end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  if not json.is_array(value) then
    return "{" .. table.concat(members(value), ",") .. "}"
  end
  local list = {}
  for i, item in ipairs(value) do list[i] = canonical(item) end
  return "[" .. table.concat(list, ",") .. "]"
end

return canonical
