--- What is wrong with a request: every problem with its path, one error.
--
-- Paths are Lua's: names joined by dots, indices from 1.

local errors = require "bedrock.errors"

local problems = {}

-- More than this many are counted, not told.
local TOLD = 20

-- Keys of a path that are told; the model's own nest 12 deep at most.
local LONGEST = 24

local Problems = {}
Problems.__index = Problems

local function add_key(path, key)
  if type(key) == "number" then
    return ("%s[%s]"):format(path, tostring(key))
  elseif type(key) == "string" and key:find("^[%a_][%w_]*$") then
    return path == "" and key or path .. "." .. key
  end
  return ("%s[%q]"):format(path, tostring(key))
end

--- A path in words: { "messages", 1, "content" } is messages[1].content.
-- @param keys  list of keys     @param count  how many of them
function problems.path(keys, count)
  local path = ""
  count = count or #keys
  for i = 1, math.min(count, LONGEST) do path = add_key(path, keys[i]) end
  return count > LONGEST and path .. " ..." or path
end

--- What a value is, for "expected ..., got ...".
-- @param null  the value that stands for JSON's null
function problems.describe(value, null)
  if value == null then return "null" end
  local kind = type(value)
  if kind ~= "table" then
    return (kind == "userdata" and "" or "a ") .. kind
  end
  if next(value) == nil then return "an empty table" end
  return value[1] ~= nil and "a list" or "a table"
end

--- Note a problem at a path; the same one twice counts once.
function Problems:add(path, message)
  local line = path == "" and message or path .. ": " .. message
  if self.seen[line] then return end
  self.seen[line] = true
  self.paths[path] = true
  self[#self + 1] = { path = path, message = message, line = line }
end

-- Tables are walked in no particular order; what is told has one, in which
-- index 10 comes after 9.
local function in_order(list)
  local keys = {}
  for i = 1, #list do
    local path = list[i].path:gsub("%d+", function(digits)
      return ("0"):rep(9 - #digits) .. digits
    end)
    keys[list[i]] = path .. "\0" .. list[i].message
  end
  table.sort(list, function(a, b) return keys[a] < keys[b] end)
end

--- The validation error that tells all of them, or nil when there are none.
-- Its `problems` is the list of { path, message }.
function Problems:error(operation)
  if #self == 0 then return nil end
  in_order(self)
  local lines, list = {}, {}
  for i = 1, #self do
    if i <= TOLD then lines[i] = self[i].line end
    list[i] = { path = self[i].path, message = self[i].message }
  end
  if #self > TOLD then
    lines[#lines + 1] = ("and %d more"):format(#self - TOLD)
  end
  return errors.new("validation", table.concat(lines, "; "), {
    code = "InvalidParameters", operation = operation, stage = "request",
    problems = list,
  })
end

--- Is there a problem at that very path?
function Problems:at(path)
  return self.paths[path] or false
end

--- An empty collection.
function problems.new()
  return setmetatable({ seen = {}, paths = {} }, Problems)
end

return problems
