--- One value out of the values that came for it, in order: strings join,
-- lists append, objects merge member by member; of anything else the last
-- one counts.

local is_list = require "bedrock.answer.parts".is_list

local concat = table.concat

local function merge(values)
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
  for key, all in pairs(members) do members[key] = merge(all) end
  return members
end

return merge
