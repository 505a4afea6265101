--- What every assembly of an answer needs: text that comes in pieces, and
-- members nobody knew of.
--
-- Pure functions over tables; no I/O.

local json = require "bedrock.json"

local concat = table.concat

local parts = {}

-- So many pieces wait to be joined.  It bounds what a long answer costs
-- beyond its own text (a Lua string has 24 bytes of its own, a slot 16),
-- and every byte is still copied only twice.
local FOLD = 64

--- Append `text` to a list of pieces (`{ n = 0 }` is an empty one).
function parts.push(list, text)
  local n = list.n + 1
  if n > FOLD then
    local whole = list.whole
    if not whole then
      whole = {}
      list.whole = whole
    end
    whole[#whole + 1] = concat(list, "", 1, FOLD)
    n = 1
  end
  list[n] = text
  list.n = n
end

--- The text of a list of pieces; `nil` gives "".
function parts.join(list)
  if not list then return "" end
  local rest = concat(list, "", 1, list.n)
  return list.whole and concat(list.whole) .. rest or rest
end

--- Is `v` there at all?  JSON's null counts as absent.
function parts.present(v)
  return v ~= nil and v ~= json.null
end

--- Is there nothing to read in `text`?  Bedrock refuses such text blocks.
function parts.blank(text)
  return not text:find("%S")
end

--- Copy the members of `from` into `into` (nulls too: they were sent).
-- `p` is padding that the service adds against traffic analysis.  What is
-- no table has no members.
function parts.copy(from, into)
  into = into or {}
  if type(from) ~= "table" then return into end
  for key, value in pairs(from) do
    if key ~= "p" then into[key] = value end
  end
  return into
end

--- Is this table a list?  An empty one is if JSON said so.
function parts.is_list(t)
  return #t > 0 or json.is_array(t)
end

return parts
