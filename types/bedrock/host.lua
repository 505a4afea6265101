-- Annotations for lua-language-server; nothing here is ever run.
---@meta

-- luacheck: ignore

---@class bedrock.Host
---@field begin function? as `send`, but never waits: see the reply's `head`
local Host = {}

---@param request { method: string, url: string, headers: table, body: string? }
---@param deadlines { connect: number?, idle: number?, total: number? }
---@return bedrock.Reply? reply
---@return bedrock.Error? err
function Host:send(request, deadlines) end

---@param seconds number
function Host:sleep(seconds) end

--- Let everything on this host go on; not on hosts that never block.
---@param seconds number?
function Host:wait(seconds) end

---@return number seconds since the epoch
function Host:now() end

---@return number seconds that are never set back
function Host:clock() end

---@class bedrock.Reply
---@field status integer? once the head is there
---@field headers table<string, string>?
---@field head function? of `begin`: true; false is not yet; nil, err
---@field take function? as `read`, but never waits: false is nothing yet
---@field due function? until when it is fine that nothing comes, or nil
---@field source any what has to change meanwhile
local Reply = {}

---@return string? bytes nil at the end
---@return bedrock.Error? err
function Reply:read() end

function Reply:close() end

---@class bedrock.ReplayOptions
---@field match ("strict"|"loose")?
---@field timing boolean? everything takes the time it took
---@field mode ("none"|"once"|"all")? when to record
---@field host bedrock.Host? that records, or whose clock `timing` uses
---@field remove string[]? header names

---@class bedrock.ReplayHost: bedrock.Host
---@field unused fun(self): table[]

---@class bedrock.hosts
local hosts = {}

---@return bedrock.Host
function hosts.curl() end

---@class bedrock.LoopHost: bedrock.Host
---@field uv table? of `hosts.luv`: the libuv module
local LoopHost = {}

--- Run `work()` in a coroutine of its own.
---@param work function
---@param done function? called with what it returned, or nil and its error
---@return thread
function LoopHost:spawn(work, done) end

--- Seconds until `act` is due at the latest; nil: not before a descriptor is
--- ready, or nobody waits.
---@return number?
function LoopHost:due() end

--- Let transfers go on and wake who waits.
function LoopHost:act() end

--- Does anybody wait?
---@return boolean
function LoopHost:awaited() end

--- Have everybody look again soon, though nothing may have arrived.
function LoopHost:wake() end

--- The descriptor to watch for reading; nil: watch each of `sockets`.
---@return integer?
function LoopHost:fd() end

---@return { fd: integer, events: "r"|"w"|"rw" }[]
function LoopHost:sockets() end

---@param uv table? the libuv module
---@return bedrock.LoopHost
function hosts.luv(uv) end

---@return bedrock.Host
function hosts.cqueues() end

--- For an event loop of your own.
---@return bedrock.LoopHost
function hosts.loop() end

---@param options table?
---@return bedrock.Host
function hosts.nginx(options) end

---@param host bedrock.Host? libcurl's, if nil
---@param file string|{ write: function }
---@param options { remove: string[]? }?
---@return bedrock.Host? host
---@return bedrock.Error? err
function hosts.record(host, file, options) end

---@param file string|bedrock.Readable
---@param options bedrock.ReplayOptions?
---@return bedrock.ReplayHost? host
---@return bedrock.Error? err
function hosts.replay(file, options) end
