// What sdk_server.mjs answers: one row per operation, JSON by hand.
//
// reply({ json, labels, Refusal }) gives { body, headers } or { frames, ... };
// a frame is [event name, payload, { kind, more, raw }]: `kind` is "event",
// "exception" or "error"; `more` adds a header of every type there is.

const USAGE = { inputTokens: 12, outputTokens: 34, totalTokens: 46 };
const METRICS = { latencyMs: 321 };
const ARN = "arn:aws:bedrock:eu-west-3:123456789012:async-invoke/abcdef123456";
const BLOB = Buffer.from([0, 1, 254, 255, 10]).toString("base64");

const question = (json) => json.messages.at(-1).content[0].text;

// ---- Converse ---------------------------------------------------------------

const ANSWERS = {
  tool: { stopReason: "tool_use", content: [{ text: "Let me look." },
    { toolUse: { toolUseId: "tooluse_1", name: "get_weather",
      input: { city: "Paris", days: [1, 2.5, 1e21],
        none: {}, nothing: [] } } }] },
  reasoning: { stopReason: "end_turn", content: [
    { reasoningContent: { reasoningText: { text: "Hm.", signature: "c2ln" } } },
    { reasoningContent: { redactedContent: BLOB } }, { text: "So." }] },
};

const ERRORS = {
  throttled: [429, "ThrottlingException", "Too many requests", {}],
  model: [424, "ModelErrorException", "The model failed",
    { originalStatusCode: 400, resourceName: "abc" }],
  "not ready": [429, "ModelNotReadyException", "warming up", {}],
  denied: [403, "AccessDeniedException", "no access", {}],
};

function converse({ json, Refusal }) {
  const asked = question(json);
  const error = ERRORS[asked];
  if (error) {
    const [status, name, message, more] = error;
    throw Object.assign(new Refusal(status, name, message), more);
  }
  const { stopReason, content } = ANSWERS[asked]
    ?? { stopReason: "end_turn", content: [{ text: `You said: ${asked}` }] };
  return { body: { output: { message: { role: "assistant", content } },
    stopReason, usage: USAGE, metrics: METRICS,
    additionalModelResponseFields: { deep: [{}, [], null, ""] } } };
}

// ---- ConverseStream ---------------------------------------------------------

const START = ["messageStart", { role: "assistant", p: "abc" }, { more: true }];
const delta = (index, value, more) => ["contentBlockDelta",
  { contentBlockIndex: index, delta: value, p: "abcdefgh" }, more];
const stop = (index) => ["contentBlockStop", { contentBlockIndex: index }];
const end = (stopReason) => [["messageStop", { stopReason }],
  ["metadata", { usage: USAGE, metrics: METRICS }, { more: true }]];
const exception = (name, payload) => [name, payload, { kind: "exception" }];

const TEXT = ["Grüße", " € ", "🌙", " \"q\" \\ \u0001 \u2028", " end"];
const text = [START, ...TEXT.map((piece) => delta(0, { text: piece })),
  stop(0), ...end("end_turn")];
const toolStart = (index, id) => ["contentBlockStart", {
  contentBlockIndex: index,
  start: { toolUse: { toolUseId: id, name: "get_weather" } } }];
const input = (index, piece) => delta(index, { toolUse: { input: piece } });

const SCRIPTS = {
  text: { frames: text, size: 1 },
  tool: { frames: [START, delta(0, { text: "Looking." }), stop(0),
    toolStart(1, "tooluse_1"), toolStart(2, "tooluse_2"),
    input(1, ""), input(2, "{\"ci"), input(1, "{\"city\":\"Par"),
    input(2, "ty\":\"Rome\"}"), input(1, "is\",\"n\":[]}"),
    stop(1), stop(2), toolStart(3, "tooluse_3"), stop(3),
    ...end("tool_use")], size: 61 },
  reasoning: { frames: [START,
    delta(0, { reasoningContent: { text: "Let me " } }),
    delta(0, { reasoningContent: { text: "think." } }),
    delta(0, { reasoningContent: { signature: "c2lnbmF0dXJl" } }), stop(0),
    delta(1, { reasoningContent: { redactedContent: BLOB } }), stop(1),
    delta(2, { text: "Answer" }, { more: true }), stop(2),
    ...end("end_turn")] },
  citations: { frames: [START, delta(0, { text: "Cited." }),
    delta(0, { citation: { title: "T", sourceContent: [{ text: "s" }],
      location: { documentChar: { documentIndex: 0, start: 1, end: 5 } } } }),
    stop(0), ...end("end_turn")] },
  "of tomorrow": { frames: [START, ["somethingNew", { a: [1, {}] }],
    delta(0, { hologram: { x: 1 } }), delta(1, { text: "Fine" }),
    ...end("brand_new_reason")] },
  "exception first": { frames: [
    exception("throttlingException", { message: "Too many tokens" })] },
  "exception midway": { frames: [START, delta(0, { text: "Half an" }),
    exception("modelStreamErrorException", { message: "model fell over",
      originalStatusCode: 500, originalMessage: "boom" })] },
  "error midway": { frames: [START, delta(0, { text: "Half an" }),
    ["InternalError", "something broke", { kind: "error" }]] },
  "no end": { frames: text.slice(0, 4) },
  cut: { frames: text, damage: "cut" },
  flipped: { frames: text, damage: "flip" },
  "not json": { frames: [START, delta(0, { text: "x" }),
    ["contentBlockDelta", null, { raw: "{not json" }]] },
  long: { frames: [START, ...Array.from({ length: 3000 }, (_, i) =>
    delta(0, { text: `${i} ` }, { more: i % 100 === 0 })),
    ...end("end_turn")], size: 16384 },
  big: { frames: [START, delta(0, { text: "x".repeat(3e6) }),
    ...end("end_turn")], size: 65536 },
};

function converseStream({ json, seen }) {
  const script = SCRIPTS[question(json)];
  if (script) return script;
  return { frames: [START, delta(0, { text: JSON.stringify(seen) }), stop(0),
    ...end("end_turn")] };
}

// ---- InvokeModel ------------------------------------------------------------

const TIER = { "x-amzn-bedrock-performanceconfig-latency": "optimized",
  "x-amzn-bedrock-service-tier": "flex" };

const chunk = (value, more) => ["chunk", { p: "abcdef", bytes:
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value))
    .toString("base64") }, more];

const CHUNKS = [
  { type: "message_start", message: { id: "msg_1", type: "message",
    role: "assistant", model: "claude", content: [], stop_reason: null,
    usage: { input_tokens: 3, output_tokens: 1 } } },
  { type: "content_block_start", index: 0,
    content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0,
    delta: { type: "text_delta", text: "Grüße " } },
  { type: "content_block_delta", index: 0,
    delta: { type: "text_delta", text: "🌙" } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn",
    stop_sequence: null }, usage: { output_tokens: 7 } },
  { type: "message_stop", "amazon-bedrock-invocationMetrics":
    { inputTokenCount: 3, outputTokenCount: 7, invocationLatency: 9,
      firstByteLatency: 5 } },
];

function invokeStream({ json, seen }) {
  const headers = { ...TIER,
    "x-amzn-bedrock-content-type": "application/json" };
  const frames = {
    "not json": [chunk("\u0000\u0001plain, no JSON")],
    exception: [chunk(CHUNKS[0]), exception("modelTimeoutException",
      { message: "took too long" })],
    seen: [chunk({ seen })],
  }[json.prompt] ?? CHUNKS.map((value, i) =>
    chunk(value, { more: i === 2 }));
  return { frames, headers, size: 53 };
}

// ---- the others -------------------------------------------------------------

const JOB = { invocationArn: ARN, modelArn: "arn:aws:bedrock:::model/x",
  status: "Completed", clientRequestToken: "token-1",
  submitTime: "2026-01-15T10:20:30.250Z",
  outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://bucket/x" } } };

function list({ seen }) {
  const page = Number(seen.query.nextToken?.match(/\d+/) ?? 0);
  const jobs = [0, 1].map((i) => ({ ...JOB,
    invocationArn: `${ARN}-${page * 2 + i}` }));
  return { body: { asyncInvokeSummaries: page < 2 ? jobs : jobs.slice(1),
    ...(page < 2 ? { nextToken: `page ${page + 1}/+=&é` } : {}) } };
}

const guardrail = ({ labels }) => ({ body: {
  usage: { topicPolicyUnits: 1 }, action: "GUARDRAIL_INTERVENED",
  outputs: [{ text: labels.join("@") }],
  assessments: [{ wordPolicy: { customWords: [
    { match: "bad", action: "BLOCKED" }], managedWordLists: [] } }] } });

const checks = () => ({ body: { results: { contentFilter: { results: [
  { category: "VIOLENCE", severityScore: 0.95 }] } },
usage: { contentFilter: { textUnits: 1 } } } });

export const operations = [
  ["POST", "/model/([^/]+)/converse", converse],
  ["POST", "/model/([^/]+)/converse-stream", converseStream],
  ["POST", "/model/([^/]+)/invoke", ({ labels }) =>
    ({ body: { model: labels[0] }, headers: { ...TIER,
      "x-amzn-bedrock-input-token-count": "3" } })],
  ["POST", "/model/([^/]+)/invoke-with-response-stream", invokeStream],
  ["POST", "/model/([^/]+)/count-tokens", () =>
    ({ body: { inputTokens: 77 } })],
  ["POST", "/guardrail/([^/]+)/version/([^/]+)/apply", guardrail],
  ["POST", "/guardrail-checks/invoke", checks],
  ["POST", "/async-invoke", () => ({ body: { invocationArn: ARN } })],
  ["GET", "/async-invoke/([^/]+)", ({ labels }) =>
    ({ body: { ...JOB, invocationArn: labels[0] } })],
  ["GET", "/async-invoke", list],
].map(([method, path, reply]) =>
  ({ method, match: new RegExp(`^${path}$`), reply }));
