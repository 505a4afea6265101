--- JSON in both directions, when memory runs out.
local json = require "bedrock.json"

local text = '{"a":[1,2.5,true,null,{"b":"\\u00e9\\ud83d\\ude00"},[],{}],'
  .. '"long":"' .. ("y"):rep(2000) .. '","deep":' .. ("["):rep(40)
  .. ("]"):rep(40) .. '}'

return function()
  local value, err = json.decode(text)
  if value == nil then return nil, err end
  local encoded
  encoded, err = json.encode(value)
  if not encoded then return nil, err end
  return #encoded > 2000
end
