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

--- On one line, and no more of it than an error should hold.
function text.excerpt(given)
  given = text.trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and given:sub(1, SHOWN) .. "..." or given
end

--- The same, of its end: what a program says last explains its failure.
function text.last_words(given)
  given = text.trim((given:gsub("[%c%s]+", " ")))
  return #given > SHOWN and "..." .. given:sub(-SHOWN) or given
end

return text
