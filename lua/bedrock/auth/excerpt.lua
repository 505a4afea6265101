--- Somebody else's words in an error: on one line, not too many of them, and
-- without secrets.

local trim = require "bedrock.auth.text".trim

local excerpt = {}

-- Bytes of them that an error repeats.
local SHOWN = 500

-- "****" where the secret stood.
local function without(given, secret)
  local pieces, at = {}, 1
  local from, to = given:find(secret, 1, true)
  while from do
    pieces[#pieces + 1] = given:sub(at, from - 1)
    at = to + 1
    from, to = given:find(secret, at, true)
  end
  pieces[#pieces + 1] = given:sub(at)
  return table.concat(pieces, "****")
end

--- On one line, and no more of it than an error should hold.
-- @param secrets list of texts that are left out, or nil
function excerpt.head(given, secrets)
  for _, secret in ipairs(secrets or {}) do
    if secret ~= "" then given = without(given, secret) end
  end
  given = trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and given:sub(1, SHOWN) .. "..." or given
end

--- The same, of its end: what a program says last explains its failure.
function excerpt.tail(given)
  given = trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and "..." .. given:sub(-SHOWN) or given
end

return excerpt
