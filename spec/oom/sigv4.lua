--- Signing, when memory runs out: keys are derived and remembered anew.
local sigv4 = require "bedrock.core".sigv4

local request = {
  method = "POST", path = "/model/a.b-v1%3A0/converse-stream", query = "a=b",
  headers = { host = "h", ["x-amz-date"] = "20260115T123456Z",
    ["x-amz-meta"] = ("long  value "):rep(40) },
  payload_hash = ("0"):rep(64),
}
local keys = { access_key_id = "AKID", secret_access_key = "secret",
  session_token = ("token"):rep(100) }

return function()
  local signer, err = sigv4.signer()
  if not signer then return nil, err end
  local first, again
  first, err = signer:sign(request, keys, "us-east-1", "bedrock",
    "20260115T123456Z")
  if not first then return nil, err end
  again, err = signer:sign(request, keys, "us-east-1", "bedrock",
    "20260115T123456Z")
  if not again then return nil, err end
  return first == again
end
