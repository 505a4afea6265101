--- A key read and a signature made of ES256, when memory runs out.
local ecdsa = require "bedrock.core".ecdsa

-- Made for this file by openssl(1), and known to nobody.
local PEM = [[
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEj/a9gqOzOEX/rUaFK7RcLHRiFlefl1kRMS3D2Toem1oAoGCCqGSM49
AwEHoUQDQgAEjREf/RDZrz/FQm6TUKwKOAoZT+RAH+lFK3MV5teFfSKOlfnhlqW7
NiiGMVxzbjvS9JKyfNP2LCKBD2SwuZx24g==
-----END EC PRIVATE KEY-----
]]

return function()
  local signature, err = ecdsa.sign(PEM, "message")
  if not signature then return nil, err end
  return #signature == 64
end, 29 -- libcrypto asks thousands of times
