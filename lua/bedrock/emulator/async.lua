-- Asynchronous invocations: jobs that complete after they were looked at a
-- few times.
local json = require "bedrock.emulator.json"

local async = {}

local get = json.get

-- The oldest job is forgotten when one more than these is started.
local MOST_JOBS = 1000
-- Bedrock's own default and limit of maxResults.
local PAGE, LARGEST_PAGE = 100, 1000

local methods = {}
local async_mt = { __index = methods }

--- An empty list of jobs.  `polls`: how many GetAsyncInvoke calls see a job
-- in progress before it completes.
function async.new(polls)
  return setmetatable({ jobs = {}, polls = polls, made = 0 }, async_mt)
end

local function invalid(message)
  return nil, "ValidationException", message
end

local function iso(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

local function find(self, member, value)
  for _, job in ipairs(self.jobs) do
    if job[member] == value then return job end
  end
end

local function check_start(request)
  local output = get(get(request, "outputDataConfig", "table"),
    "s3OutputDataConfig", "table")
  if not get(request, "modelId", "string") then
    return invalid("The modelId field is required.")
  elseif not get(request, "modelInput", "table") then
    return invalid("The modelInput field is required.")
  elseif not (get(output, "s3Uri", "string") or ""):find("^s3://") then
    return invalid("Invalid S3 URI: outputDataConfig.s3OutputDataConfig."
      .. "s3Uri must begin with s3://")
  end
  return output
end

local function model_arn(id, region)
  if id:find("^arn:") then return id end
  return ("arn:aws:bedrock:%s::foundation-model/%s"):format(region, id)
end

--- StartAsyncInvoke at time `now`: body | nil, exception name, message.
-- The same clientRequestToken gives the same job, or a conflict if the rest
-- of the request differs.
function methods:start(request, text, region, now)
  local output, name, message = check_start(request)
  if not output then return nil, name, message end
  local token = get(request, "clientRequestToken", "string")
  local known = token and find(self, "token", token)
  if known and known.request ~= text then
    return nil, "ConflictException"
  elseif not known then
    self.made = self.made + 1
    known = { token = token, request = text, polls = 0, submitted = now,
      model = model_arn(request.modelId, region), output = output,
      fails = request.modelId:find("fail%-async") ~= nil,
      arn = ("arn:aws:bedrock:%s:123456789012:async-invoke/%012d"):format(
        region, self.made) }
    table.insert(self.jobs, known)
    if #self.jobs > MOST_JOBS then table.remove(self.jobs, 1) end
  end
  return json.encode { invocationArn = known.arn }
end

local function advance(job, polls, now)
  job.polls = job.polls + 1
  if job.polls > polls and not job.ended then job.ended = now end
end

local function status(job)
  if not job.ended then return "InProgress" end
  return job.fails and "Failed" or "Completed"
end

local function describe(job)
  return {
    invocationArn = job.arn, modelArn = job.model,
    clientRequestToken = job.token, status = status(job),
    failureMessage = status(job) == "Failed" and "The job failed." or nil,
    submitTime = iso(job.submitted),
    lastModifiedTime = iso(job.ended or job.submitted),
    endTime = job.ended and iso(job.ended),
    outputDataConfig = { s3OutputDataConfig = job.output },
  }
end

--- GetAsyncInvoke: body | nil, exception name, message.
function methods:get(arn, now)
  local job = find(self, "arn", arn)
  if not job then
    return invalid("No async invocation found for " .. arn)
  end
  advance(job, self.polls, now)
  return json.encode(describe(job))
end

local function wanted(job, query)
  local submitted = iso(job.submitted)
  return (not query.statusEquals or query.statusEquals == status(job))
    and (not query.submitTimeAfter or submitted >= query.submitTimeAfter)
    and (not query.submitTimeBefore or submitted <= query.submitTimeBefore)
end

local function selected(self, query)
  local out = {}
  for _, job in ipairs(self.jobs) do
    if wanted(job, query) then out[#out + 1] = job end
  end
  if query.sortOrder ~= "Ascending" then -- newest first is the default
    for i = 1, math.floor(#out / 2) do
      out[i], out[#out - i + 1] = out[#out - i + 1], out[i]
    end
  end
  return out
end

--- ListAsyncInvokes with a decoded query: body | nil, name, message.
function methods:list(query)
  local size = tonumber(query.maxResults or PAGE)
  if not size or size < 1 or size > LARGEST_PAGE or size % 1 ~= 0 then
    return invalid("Value at 'maxResults' failed to satisfy constraint: "
      .. "Member must be between 1 and 1000")
  end
  local first = 1
  if query.nextToken then
    first = tonumber(query.nextToken:match("^page%-(%d+)$"))
    if not first then return invalid("Invalid nextToken") end
  end
  local found, page = selected(self, query), json.list()
  for i = first, math.min(#found, first + size - 1) do
    page[#page + 1] = describe(found[i])
  end
  local more = first + size <= #found
  return json.encode { asyncInvokeSummaries = page,
    nextToken = more and ("page-%d"):format(first + size) or nil }
end

return async
