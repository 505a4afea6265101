--- Hashes and encodings, when memory runs out.
local bytes = require "bedrock.core".bytes

local text = ("Amazon Bedrock "):rep(200)

return function()
  local encoded, err = bytes.base64_encode(text)
  if not encoded then return nil, err end
  local decoded
  decoded, err = bytes.base64_decode(encoded)
  if not decoded then return nil, err end
  for _, name in ipairs { "sha256", "sha256_hex", "sha1_hex", "hex",
    "uri_encode" } do
    local result
    result, err = bytes[name](text)
    if not result then return nil, err end
  end
  return decoded == text
end
