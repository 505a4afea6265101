--- Chunks that are cut-up copies of the whole, put together to it.

local json = require "bedrock.json"
local parts = require "bedrock.answer.parts"

local join, present = parts.join, parts.present

local fold = {}

-- The key under which growing texts wait.
local TEXT = {}

--- Take one of the chunks that are cut-up copies of the whole: strings named
-- in `texts` grow, of any other member the last one that is not null counts.
function fold.take(into, chunk, texts)
  for key, value in pairs(chunk) do
    if texts[key] and type(value) == "string" then
      into[TEXT] = into[TEXT] or {}
      into[TEXT][key] = into[TEXT][key] or parts.text()
      into[TEXT][key]:add(value)
    elseif present(value) or into[key] == nil then
      if key ~= "p" then into[key] = value end
    end
  end
  return into
end

--- What was taken, as one table.
function fold.made(folded)
  local made = {}
  for key, value in pairs(folded) do
    if key ~= TEXT then made[key] = value end
  end
  for key, text in pairs(folded[TEXT] or {}) do made[key] = join(text) end
  return made
end

--- An accumulator out of two functions over one state.
function fold.accumulator(add, response)
  local state = {}
  return {
    state = state,
    add = function(_, chunk) add(state, chunk) end,
    response = function() return response(state) end,
  }
end

--- Flat chunks: the answer is one object with one growing text.
function fold.flat(member)
  local texts = { [member] = true }
  return fold.accumulator(function(state, chunk)
    fold.take(state, chunk, texts)
  end, fold.made)
end

--- Take the items of a list, each by its `index` or its place.
function fold.take_items(items, list, take)
  for place, item in ipairs(list) do
    if type(item) == "table" then
      local at = type(item.index) == "number" and item.index + 1 or place
      items.n = math.max(items.n or 0, at)
      items[at] = take(items[at] or {}, item)
    end
  end
end

--- What was taken of a list, as one.
function fold.made_items(items, made)
  local list = {}
  for at = 1, items.n or 0 do
    if items[at] then list[#list + 1] = made(items[at]) end
  end
  return list[1] and list or json.array {}
end

--- Chunks with a list of flat items: outputs = { { text = } }.
function fold.listed(name)
  local texts = { text = true }
  return fold.accumulator(function(state, chunk)
    state.items = state.items or {}
    state.top = state.top or {}
    for key, value in pairs(chunk) do
      if key == name and type(value) == "table" then
        fold.take_items(state.items, value, function(into, item)
          return fold.take(into, item, texts)
        end)
      elseif present(value) and key ~= "p" then
        state.top[key] = value
      end
    end
  end, function(state)
    local made = parts.copy(state.top or {})
    made[name] = fold.made_items(state.items or {}, fold.made)
    return made
  end)
end

return fold
