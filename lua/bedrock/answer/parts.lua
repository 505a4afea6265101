--- What every assembly of an answer needs: text that comes in pieces, and
-- members nobody knew of.
--
-- Pure functions over tables; no I/O.

local core = require "bedrock.core"
local json = require "bedrock.json"

local parts = {}

--- A text that grows: `:add(piece)`.
parts.text = core.text.new

--- What a growing text has become; `nil` gives "".
function parts.join(text)
  return text and text:get() or ""
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
