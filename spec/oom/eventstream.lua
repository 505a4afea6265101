--- Framing in both directions, when memory runs out.
local eventstream = require "bedrock.core".eventstream

local headers = {
  { ":message-type", "event" }, { ":event-type", "contentBlockDelta" },
  { "number", 7, "long" }, { "id", ("u"):rep(16), "uuid" },
}
local payload = '{"delta":{"text":"' .. ("x"):rep(3000) .. '"}}'

-- In pieces, so that the decoder has to keep what it has.
local function decode(whole)
  local decoder, err = eventstream.decoder()
  if not decoder then return nil, err end
  for from = 1, #whole, 700 do
    local ok, got, fields
    ok, err = decoder:feed(whole:sub(from, from + 699))
    if not ok then return nil, err end
    got, fields, err = decoder:next()
    if got then return got == payload and fields.number == 7 end
    if fields or err then return nil, fields or err end
  end
  return nil, select(2, decoder:finish()) or "nothing came"
end

return function()
  local whole, err = eventstream.encode(headers, payload)
  if not whole then return nil, err end
  return decode(whole)
end
