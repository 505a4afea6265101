--- The test data that is not ours: AWS's vectors, recordings, the model.
-- They lie beside the checkout, in `../shared`, or where $BEDROCK_VECTORS
-- points; where they are absent the specs that need them are pending.

local vectors = {}

local ROOT = os.getenv "BEDROCK_VECTORS" or "../shared"

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- Full path of `name` below the data's root: "recorded/...", "model/...",
-- or without a folder of these, below "vectors/".
function vectors.path(name)
  if name:sub(1, 1) == "/" or name:sub(1, #ROOT) == ROOT then return name end
  if name:match "^recorded/" or name:match "^model/" then
    return ROOT .. "/" .. name
  end
  return ROOT .. "/vectors/" .. name
end

--- Is the data there?
function vectors.available()
  return exists(ROOT .. "/vectors/js-golden/requests.json")
end

--- The bytes of one file; raises if it is not there.
function vectors.read(name)
  local file = assert(io.open(vectors.path(name), "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

local function find(arguments)
  local list = {}
  if not vectors.available() then return list end
  local pipe = io.popen("find " .. arguments .. " | LC_ALL=C sort")
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

--- The folders right below `name`, sorted, as full paths.
function vectors.directories(name)
  return find(("'%s' -mindepth 1 -maxdepth 1 -type d"):format(
    vectors.path(name)))
end

--- All files below `name` whose name ends in `suffix`, sorted, full paths.
function vectors.files(name, suffix)
  return find(("'%s' -type f -name '*%s'"):format(
    vectors.path(name), suffix or ""))
end

return vectors
