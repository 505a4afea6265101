--- What every assembly of an answer needs: text that comes in pieces, the
-- input of a tool that is JSON in pieces, and members nobody knew of.
--
-- Pure functions over tables; no I/O.  Users meet only `incomplete`, through
-- `bedrock.answer`.

local json = require "bedrock.json"

local concat = table.concat

local parts = {}

-- So many pieces wait to be joined.  It bounds what a long answer costs
-- beyond its own text (a Lua string has 24 bytes of its own, a slot 16),
-- and every byte is still copied only twice.
local FOLD = 256

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

local function is_list(t)
  return #t > 0 or json.is_array(t)
end

--- One value out of the values that came for it, in order: strings join,
-- lists append, objects merge member by member; of anything else the last
-- one counts.
function parts.merge(values)
  local last = values[#values]
  if #values == 1 then return last end
  if type(last) == "string" then
    local texts = {}
    for _, v in ipairs(values) do
      if type(v) == "string" then texts[#texts + 1] = v end
    end
    return concat(texts)
  elseif type(last) ~= "table" then
    return last
  end
  local list, members, any = {}, {}, false
  for _, v in ipairs(values) do
    if type(v) == "table" and is_list(v) then
      for _, item in ipairs(v) do list[#list + 1] = item end
    elseif type(v) == "table" then
      for key, member in pairs(v) do
        any = true
        members[key] = members[key] or {}
        members[key][#members[key] + 1] = member
      end
    end
  end
  if not any then return #list > 0 and list or last end
  for key, all in pairs(members) do members[key] = parts.merge(all) end
  return members
end

-- Content block -> the raw text of a tool input that is not whole.  Beside
-- the block and not in it, since blocks go back to the service as they are.
local cut = setmetatable({}, { __mode = "k" })
local why = setmetatable({}, { __mode = "k" })

--- The input of a tool out of its JSON text.
-- No text at all is how the service writes an input without members; and
-- it takes nothing but objects back.
-- @return the object, or nil and what is wrong with the text
function parts.input(text)
  if parts.blank(text) then return json.object {} end
  local value, message = json.decode(text)
  if value == nil then return nil, message end
  if type(value) ~= "table" or is_list(value) then
    return nil, "the input is no JSON object"
  end
  return value
end

--- Note that the tool input of `block` is not whole.
-- @param block the content block that holds the tool use
-- @param text what came of the input
-- @param message what is wrong with it
function parts.mark(block, text, message)
  cut[block] = text
  why[block] = message
end

--- Was the tool input in this content block cut, or is it no JSON?
--
-- The block itself holds `{}` then, so that the message may go back to the
-- service as it is; no tool should be run with that.
-- @param block a content block of an assembled answer
-- @return nil when the input is whole (or the block is no tool use); else
--   the raw text that arrived, and a sentence saying what is wrong with it
function parts.incomplete(block)
  return cut[block], why[block]
end

return parts
