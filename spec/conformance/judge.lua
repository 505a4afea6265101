--- What the drivers of conformance share: named checks that go on after a
-- failure, TAP lines, and the last line `N passed, N failed`.

local judge = { passed = 0, failed = 0 }

local function render(value, depth)
  if type(value) == "string" then return ("%q"):format(value):sub(1, 300) end
  if type(value) ~= "table" or depth > 4 then return tostring(value) end
  local list = {}
  for key, item in pairs(value) do
    list[#list + 1] = tostring(key) .. "=" .. render(item, depth + 1)
  end
  table.sort(list)
  return "{" .. table.concat(list, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Raise unless two values are equal all the way down.
function judge.equal(expected, got, what)
  if same(expected, got) then return end
  error(("%sexpected %s, got %s"):format(what and what .. ": " or "",
    render(expected, 0), render(got, 0)), 2)
end

--- Raise unless an error object has these fields; `message` is a pattern.
function judge.is_error(fields, err)
  if type(err) ~= "table" then
    error("expected an error object, got " .. render(err, 0), 2)
  end
  for name, expected in pairs(fields) do
    local fine = err[name] == expected
    if name == "message" then fine = err.message:find(expected) ~= nil end
    if not fine then
      error(("error.%s: expected %s, got %s (%s)"):format(name,
        render(expected, 0), render(err[name], 0), tostring(err)), 2)
    end
  end
end

--- Iterate over a table of names in their order: `for name, value in`.
function judge.by_name(rows)
  local names, at = {}, 0
  for name in pairs(rows) do names[#names + 1] = name end
  table.sort(names)
  return function()
    at = at + 1
    return names[at], rows[names[at]]
  end
end

--- One check; what it raises is its failure.
function judge.test(name, body)
  local ok, message = xpcall(body, function(raised)
    return debug.traceback(tostring(raised), 2)
  end)
  judge[ok and "passed" or "failed"] = judge[ok and "passed" or "failed"] + 1
  print(("%s %d - %s"):format(ok and "ok" or "not ok",
    judge.passed + judge.failed, name))
  if not ok then print("# " .. message:gsub("\n", "\n# ")) end
end

--- Say the sums and end the process.
function judge.finish()
  print(("%d passed, %d failed"):format(judge.passed, judge.failed))
  os.exit(judge.failed == 0, true)
end

return judge
