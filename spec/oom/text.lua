--- A growing text, when memory runs out: what had been added stays.
local core = require "bedrock.core"

return function()
  local text = core.text.new()
  for i = 1, 20 do
    local before = text:get()
    local ok, err = pcall(text.add, text, ("x"):rep(i * 50))
    if not ok then
      if text:get() ~= before then return nil, "it has changed" end
      return nil, tostring(err)
    end
  end
  return #text:get() == 10500
end
