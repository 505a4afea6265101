--- The known name that someone probably meant: the "did you mean" of errors.

local nearest = {}

-- Names that differ only in case and separators are the same name to a
-- reader: max_tokens, maxTokens, MaxTokens.
local function plain(name)
  return (name:gsub("[_%-%s]", ""):lower())
end

-- Edits (insert, delete, replace, swap of neighbours) that turn a into b, or
-- `limit + 1` when there are more (optimal string alignment distance).
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then return limit + 1 end
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    local least = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local cost = math.min(last[j] + 1, row[j - 1] + 1,
        last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
        and a:byte(i - 1) == b:byte(j) then
        cost = math.min(cost, before[j - 2] + 1)
      end
      row[j] = cost
      least = math.min(least, cost)
    end
    if least > limit then return limit + 1 end
    before, last = last, row
  end
  return last[#b]
end

-- The shortest name that goes on from what was written, where that is no mere
-- letter or two.
local function longer(wanted, names)
  local best
  for _, candidate in ipairs(#wanted >= 4 and names or {}) do
    if plain(candidate):sub(1, #wanted) == wanted
      and (not best or #candidate < #best) then
      best = candidate
    end
  end
  return best
end

--- The name that differs in case and separators only, or nil.
function nearest.same(name, names)
  for _, candidate in ipairs(names) do
    if plain(candidate) == plain(name) then return candidate end
  end
end

--- The nearest of some known names, or nil when none is near.
-- Near means at most one edit for each three letters, at least one; the same
-- letters with other case or separators are nearest of all.  Where none is
-- near, one that begins with what was written.
-- @param name   what was written
-- @param names  list of the known names
function nearest.find(name, names)
  local wanted = plain(name)
  local limit = math.max(1, math.floor(#wanted / 3))
  local best, least
  for _, candidate in ipairs(names) do
    local edits = distance(wanted, plain(candidate), limit)
    if edits <= limit and (not best or edits < least
      or edits == least and candidate < best) then
      best, least = candidate, edits
    end
  end
  return best or longer(wanted, names)
end

return nearest
