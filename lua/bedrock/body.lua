--- The whole body of a reply at once, where it is not streamed.

local errors = require "bedrock.errors"

local body = {}

--- The whole body of a reply.
-- @param max bytes at most; more is an error of kind "protocol"
-- @return string; or nil, err, what had come
function body.read_all(reply, max)
  local pieces, size = {}, 0
  while true do
    local bytes, err = reply:read()
    if not bytes then
      local text = table.concat(pieces)
      if err then return nil, err, text end
      return text
    end
    size = size + #bytes
    pieces[#pieces + 1] = bytes
    if size > max then
      reply:close()
      return nil, errors.new("protocol",
        ("the response is larger than %d bytes"):format(max),
        { code = "LimitExceeded" }), table.concat(pieces):sub(1, max)
    end
  end
end

return body
