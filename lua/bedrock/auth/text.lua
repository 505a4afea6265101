--- Texts that come from outside: of any size, and in time linear to it.

local text = {}

--- Without the white space at both ends.  (`^%s*(.-)%s*$`, which would also
-- do, takes a minute for some 100 KiB of blanks with a letter behind them.)
function text.trim(given)
  local first = given:find "%S"
  return first and given:match(".*%S", first) or ""
end

return text
