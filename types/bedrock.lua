-- Annotations for lua-language-server; nothing here is ever run.  Written by
-- hand; what AWS's model says is in bedrock/shapes.lua.
---@meta bedrock

-- luacheck: ignore

---@class bedrock
---@field _VERSION string
---@field null lightuserdata JSON's null, the same value as lua-cjson's
---@field host bedrock.hosts
---@field answer bedrock.answer
local bedrock = {}

--- Any JSON value; `bedrock.null`, `bedrock.array` and `bedrock.object` say
--- what a Lua table cannot.
---@alias bedrock.Document any

--- Seconds since the epoch; ISO 8601 text is taken too.
---@alias bedrock.Timestamp number|string

--- Raw bytes, or what has them to be read.
---@alias bedrock.Blob string|bedrock.Readable

--- Raw bytes; a table is sent as JSON.
---@alias bedrock.Body string|table|bedrock.Readable

---@alias bedrock.Readable file*|{ read: fun(self, format?: string): string? }

---@class bedrock.Error
---@field kind bedrock.ErrorKind
---@field message string
---@field code bedrock.ServiceErrorCode? AWS's exception, or a short name
---@field status integer? of the HTTP response
---@field request_id string?
---@field retryable boolean may the same call succeed later?
---@field stage ("request"|"response"|"stream")?
---@field attempts integer?
---@field operation string?
---@field cause any
---@field throttling boolean? was it refused because of too many requests?
---@field retry_after number? seconds that the service asked to wait
---@field seconds number? of kind "timeout": how long that was
---@field problems { path: string, message: string }[]? of kind "validation"
---@field text string? the answer, of code "OutputInvalid"

---@alias bedrock.ErrorKind
---| "service"
---| "transport"
---| "timeout"
---| "protocol"
---| "credentials"
---| "config"
---| "validation"
---| "closed"

---@class bedrock.Keys
---@field access_key_id string
---@field secret_access_key string
---@field session_token string?
---@field expiration (number|string)? seconds since the epoch, or ISO 8601
---@field account_id string?

---@alias bedrock.CredentialsOption
---| bedrock.Keys
---| bedrock.Credentials
---| fun(): bedrock.Keys?, any

---@class bedrock.Options
---@field region string?
---@field profile string?
---@field credentials bedrock.CredentialsOption?
---@field mfa_code (fun(serial: string): string?, any)?
---@field bearer_token (string|fun(): string?, any)?
---@field auth ("sigv4"|"bearer")?
---@field endpoint_url string?
---@field use_fips boolean?
---@field use_dualstack boolean?
---@field connect_timeout number? seconds (10)
---@field idle_timeout number? seconds between two bytes (300)
---@field total_timeout number? seconds (none)
---@field max_attempts integer? the first one included (3)
---@field retry_mode ("standard"|"adaptive"|"off")?
---@field retry_timeouts boolean? after an idle timeout too (false)
---@field proxy string? "" for none
---@field ca_bundle string? PEM file
---@field http_version ("1.1"|"2")?
---@field max_event_bytes integer? (24 MiB)
---@field validate boolean? check parameters before sending (true)
---@field app_id string? goes into the User-Agent
---@field host bedrock.Host? what waits (libcurl)
---@field env (table<string, string>|fun(name: string): string?)?
---@field log (fun(level: string, message: string, fields: table))?

---@class bedrock.Metadata
---@field request_id string?
---@field status integer
---@field headers table<string, string>

--- A client; nothing is read, opened or asked.
---@param options bedrock.Options?
---@return bedrock.Client client
function bedrock.new(options) end

--- Credentials that several clients share.
---@param options bedrock.Options?
---@return bedrock.Credentials credentials
function bedrock.credentials(options) end

--- What a client with these options would do, and why: print it.
---@param options bedrock.Options?
---@return bedrock.Report report
function bedrock.doctor(options) end

--- Events of several streams as they come, whichever stream they come from;
--- at its end a stream comes once more, without event: `stream, nil, err`.
---@param streams (bedrock.Stream|bedrock.Turn)[]
---@return bedrock.Each|(fun(): bedrock.Stream, any, bedrock.Error?) each
function bedrock.each(streams) end

---@class bedrock.Each
local Each = {}

---@param stream bedrock.Stream|bedrock.Turn
---@return bedrock.Each each the same
function Each:add(stream) end

---@param timeout number? seconds
---@return (bedrock.Stream|bedrock.Turn)? stream nil when all are over
---@return any event nil at the stream's end
---@return bedrock.Error? err
function Each:next(timeout) end

---@return (bedrock.Stream|bedrock.Turn|false)? stream false: nothing yet
---@return any event
---@return bedrock.Error? err
function Each:poll() end

--- Close all the streams.
function Each:close() end

--- Request id, status and headers of a response.
---@param response table
---@return bedrock.Metadata?
function bedrock.metadata(response) end

---@param value any
---@return boolean
function bedrock.is_error(value) end

--- Mark a table as a JSON array, also when it is empty.
---@generic T: table
---@param t T?
---@return T
function bedrock.array(t) end

--- Mark a table as a JSON object.
---@generic T: table
---@param t T?
---@return T
function bedrock.object(t) end

---@class bedrock.Credentials
local Credentials = {}

---@return bedrock.Keys? keys
---@return bedrock.Error? err
function Credentials:get() end

---@class bedrock.Report
---@field versions table
---@field settings { name: string, value: any, source: string? }[]
---@field files { path: string, state: string }[]
---@field providers { name: string, answer: string }[]
---@field auth table
---@field plan string?
---@field credentials table?
---@field endpoint table?
---@field clock_offset integer?
---@field problems string[] empty: all is well

---@class bedrock.Client
---@field host bedrock.Host
local Client = {}

--- An operation by AWS's name.
---@param name string
---@param params table
---@return any response a stream where the operation streams
---@return bedrock.Error? err
function Client:call(name, params) end

--- The jobs of all pages; a failure is raised.
---@param params bedrock.ListAsyncInvokesRequest?
---@return fun(): bedrock.AsyncInvokeSummary
function Client:each_async_invoke(params) end

--- Is there somebody to ask as?  Sends nothing to Bedrock.
---@return true? ok
---@return bedrock.Error? err
function Client:check_credentials() end

--- Many calls at once: index, response, err as each finishes.
---@param list table[]|(fun(index: integer): table?) parameters of each call
---@param options bedrock.MapOptions?
---@return bedrock.Map|(fun(): integer, any, bedrock.Error?) map
function Client:map(list, options) end

---@class bedrock.MapOptions
---@field operation string? "converse"; of one that streams the whole answer
---@field concurrency integer? calls under way at most (16)
---@field ordered boolean? in the order of the list (false)
---@field progress (fun(done: integer, total: integer?))?
---@field patience number? seconds of nothing but throttling (60)

---@class bedrock.Map
local Map = {}

---@return integer? index nil at the end
---@return any response
---@return bedrock.Error? err
function Map:next() end

---@return (integer|false)? index false: none yet
---@return any response
---@return bedrock.Error? err
function Map:poll() end

--- Give up what is under way; nothing more is sent.
function Map:close() end

---@param options bedrock.ConversationOptions
---@return bedrock.Conversation
function Client:conversation(options) end

--- What `conversation:save()` wrote; tools and hooks are given again.
---@param text string
---@param options bedrock.ConversationOptions?
---@return bedrock.Conversation? conversation
---@return bedrock.Error? err
function Client:load_conversation(text, options) end

--- What every stream has.
---@class bedrock.Stream
---@field request_id string?
---@field status integer?
---@field headers table<string, string>?
---@field content_type string?
local Stream = {}

--- The pieces of text; a failure is raised.
---@return fun(): string
function Stream:text() end

--- End it; the model stops, and billing with it.
function Stream:close() end

--- A tool as `client:conversation` takes it.
---@class bedrock.OwnTool
---@field name string
---@field description string?
---@field input_schema (table|string)? JSON Schema
---@field strict boolean?
---@field run (fun(input: table, context: bedrock.ToolContext): any, any)?

---@class bedrock.ToolContext
---@field toolUse bedrock.ToolUseBlock
---@field conversation bedrock.Conversation
---@field turn bedrock.Turn
---@field round integer
---@field user any the conversation's `context`

---@alias bedrock.Approve
---| fun(call: bedrock.ToolUseBlock, context: bedrock.ToolContext): boolean, any

--- Beside these, any member of ConverseStreamRequest.
---@class bedrock.ConversationOptions: bedrock.ConverseStreamRequest
---@field modelId string?
---@field system (string|bedrock.SystemContentBlock[])?
---@field tools (bedrock.OwnTool|bedrock.Tool)[]?
---@field messages bedrock.Message[]?
---@field approve bedrock.Approve?
---@field context any
---@field max_rounds integer? (16)
---@field output_schema (table|string)?
---@field usage table<string, integer>?

---@alias bedrock.Content
---| string
---| bedrock.ContentBlock
---| bedrock.ContentBlock[]
---| bedrock.Message

---@class bedrock.Conversation
---@field messages bedrock.Message[]
---@field params bedrock.ConverseStreamRequest
---@field usage table<string, integer>
local Conversation = {}

--- Say something; the request goes out at once.
---@param content bedrock.Content
---@return bedrock.Turn|(fun(): bedrock.ConverseStreamOutput) turn
function Conversation:send(content) end

--- The schema that answers have to follow, or nil.
---@return table?
function Conversation:output_schema() end

--- The conversation as JSON.
---@return string? text
---@return bedrock.Error? err
function Conversation:save() end

---@class bedrock.Turn
---@field usage table<string, integer> of all rounds
---@field responses bedrock.ConverseResponse[] of all rounds
---@overload fun(): bedrock.ConverseStreamOutput?
local Turn = {}

---@param timeout number? seconds to wait for the model
---@return bedrock.ConverseStreamOutput? event
---@return bedrock.Error? err
function Turn:next(timeout) end

---@return (bedrock.ConverseStreamOutput|false)? event
---@return bedrock.Error? err
function Turn:poll() end

---@return fun(): string
function Turn:text() end

---@return bedrock.ConverseResponse? last
---@return bedrock.Error? err
function Turn:response() end

---@return bedrock.ConverseResponse?
function Turn:partial() end

--- The answer as `output_schema` describes it.
---@return any value
---@return bedrock.Error? err
function Turn:result() end

--- Go on with a turn that failed.
---@return bedrock.Turn|(fun(): bedrock.ConverseStreamOutput) turn
function Turn:resume() end

function Turn:close() end

---@class bedrock.answer
local answer = {}

---@return bedrock.Accumulator
function answer.converse() end

---@param model_id string?
---@return bedrock.InvokeAccumulator
function answer.invoke(model_id) end

--- The piece of text in an event.
---@param event table
---@return string?
function answer.text(event) end

--- The raw text of a tool's input that was cut off, and why.
---@param block bedrock.ContentBlock
---@return string? text
---@return string? reason
function answer.incomplete(block) end

---@class bedrock.Accumulator
local Accumulator = {}

---@param event table
function Accumulator:add(event) end

---@return table? response
---@return bedrock.Error? err
function Accumulator:response() end

---@return table
function Accumulator:partial() end

--- The piece of text in an event.
---@param event table
---@return string? text
---@return bedrock.Error? err the chunk is of no known family
function Accumulator:text(event) end

--- Accumulates the chunks of `invoke`.
---@class bedrock.InvokeAccumulator: bedrock.Accumulator
local InvokeAccumulator = {}

--- The family of models that the chunks belong to.
---@return string? name
---@return bedrock.Error? err
function InvokeAccumulator:family() end

return bedrock
