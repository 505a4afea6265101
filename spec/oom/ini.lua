--- Shared files, when memory runs out.
local ini = require "bedrock.core".ini

local text = "[profile a]\nName = value ; comment\n  -continued "
  .. ("x"):rep(500) .. "\ns3 =\n  nested = " .. ("y"):rep(200)
  .. "\n[services b]\nsts =\n  endpoint_url = http://x\n"

return function()
  local sections, err = ini.parse(text)
  if not sections then return nil, err end
  local nested = ini.nested(sections[2].properties.sts)
  return sections[1].properties.name:sub(1, 16) == "value\n-continued"
    and nested.endpoint_url == "http://x"
end
