--- HTTP/1.1 heads and bodies, when memory runs out.
local http1 = require "bedrock.core".http1

local response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
  .. "X-Long: " .. ("z"):rep(1500) .. "\r\nTransfer-Encoding: chunked\r\n\r\n"
  .. "5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n"

local function read(parser)
  local pieces = {}
  while not parser:done() do
    local piece, err = parser:body()
    if err then return nil, err end
    if not piece then break end
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

return function()
  local head, err = http1.request("POST", "/model/x/converse",
    { host = "h", ["content-type"] = "application/json" }, 2)
  if not head then return nil, err end
  local parser, ok, status, headers, body
  parser, err = http1.parser {}
  if not parser then return nil, err end
  ok, err = parser:feed(response)
  if not ok then return nil, err end
  status, headers = parser:head()
  if not status then return nil, headers end
  body, err = read(parser)
  if not body then return nil, err end
  return status == 200 and body == "hello world"
end
