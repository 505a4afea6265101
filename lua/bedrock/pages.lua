--- Operations that answer in pages, entry by entry.

local errors = require "bedrock.errors"
local shapes = require "bedrock.service.shapes"

local pages = {}

-- The token of the page after one; nil after the last.  A service that gives
-- the token it was given would be asked for ever.
local function next_token(operation, page, given)
  local token = page[operation.pages.next_token]
  if token == "" then return nil end
  if token ~= nil and token == given then
    error(errors.new("protocol", "the service gave the same page again", {
      code = "InvalidResponse", operation = operation.name,
      stage = "response" }), 0)
  end
  return token
end

--- The entries of an operation's pages, one after another; a failure is
-- raised.
-- @param name "ListAsyncInvokes"
function pages.each(client, name, params)
  local request, entries, at = {}, nil, 0
  local operation = shapes.bedrock():operation(name)
  local members = operation.pages
  for key, value in pairs(params or {}) do request[key] = value end
  return function()
    at = at + 1
    while not entries or (at > #entries and request[members.token]) do
      local page, err = client:call(name, request)
      if not page then error(err, 0) end
      entries, at = page[members.items] or {}, 1
      request[members.token] = next_token(operation, page,
        request[members.token])
    end
    return entries[at]
  end
end

return pages
