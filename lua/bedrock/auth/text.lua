--- Texts that come from outside: of any size, and in time linear to it.

local text = {}

--- Without the white space at both ends.  (`^%s*(.-)%s*$`, which would also
-- do, takes a minute for some 100 KiB of blanks with a letter behind them.)
function text.trim(given)
  local first = given:find "%S"
  return first and given:match(".*%S", first) or ""
end

-- Bytes of somebody else's words that an error repeats.
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
function text.excerpt(given, secrets)
  for _, secret in ipairs(secrets or {}) do
    if secret ~= "" then given = without(given, secret) end
  end
  given = text.trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and given:sub(1, SHOWN) .. "..." or given
end

--- The same, of its end: what a program says last explains its failure.
function text.last_words(given)
  given = text.trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and "..." .. given:sub(-SHOWN) or given
end

return text
