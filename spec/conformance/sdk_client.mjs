// AWS's own SDK for JavaScript against the emulator: an independent judge of
// its signatures' examiner, its frames and its shapes.
//
//   cd DIR-WITH-node_modules && node .../sdk_client.mjs URL
//   NODE_EXTRA_CA_CERTS=CA.pem node .../sdk_client.mjs URL CA.pem
//
// With TLS both are needed: fetch and the SDK's HTTP/2 handler trust what Node
// trusts.  Each run wants an emulator of its own.
// Prints TAP lines and at the end "N passed, N failed".
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { Agent as HttpsAgent } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

const require = createRequire(join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const sdk = await load("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = await load("@smithy/node-http-handler");

const [endpoint, caFile] = process.argv.slice(2);
const KEYS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

function http1() {
  const ca = caFile && readFileSync(caFile);
  return new NodeHttpHandler(ca ? { httpsAgent: new HttpsAgent({ ca }) } : {});
}

function client(options = {}) {
  return new sdk.BedrockRuntimeClient({
    region: "us-east-1", endpoint, credentials: KEYS, requestHandler: http1(),
    ...options,
  });
}

const aws = client();
const once = client({ maxAttempts: 1 });
let passed = 0;
let failed = 0;

async function test(name, body) {
  try {
    await body();
    passed++;
    console.log(`ok ${passed + failed} - ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${passed + failed} - ${name}`);
    console.log(`# ${String(error.stack ?? error).replaceAll("\n", "\n# ")}`);
  }
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a refusal");
}

const say = (text) => [{ role: "user", content: [{ text }] }];
const converse = (modelId, text, more = {}, from = aws) =>
  from.send(new sdk.ConverseCommand({ modelId, messages: say(text), ...more }));
const converseStream = (modelId, text, more = {}, from = aws) =>
  from.send(new sdk.ConverseStreamCommand(
    { modelId, messages: say(text), ...more }));

async function events(response) {
  const all = [];
  for await (const event of response.stream ?? response.body) all.push(event);
  return all;
}

const textOf = (all) => all.map(
  (event) => event.contentBlockDelta?.delta?.text ?? "").join("");
const stats = async () => (await (await fetch(`${endpoint}/stats`)).json());

const TOOLS = { tools: ["get_weather", "get_time"].map((name) => ({
  toolSpec: { name, inputSchema: { json: { type: "object", properties: {
    city: { type: "string" } } } } } })) };

await test("Converse", async () => {
  const reply = await converse("any.model", "What is Lua?");
  assert.equal(reply.$metadata.httpStatusCode, 200);
  assert.match(reply.$metadata.requestId, /^[0-9a-f-]{36}$/);
  assert.match(reply.output.message.content[0].text, /^Lua is a small/);
  assert.equal(reply.stopReason, "end_turn");
  assert.equal(reply.usage.totalTokens,
    reply.usage.inputTokens + reply.usage.outputTokens);
});

for (const id of ["anthropic.claude-3-5-haiku-20241022-v1:0",
  "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
  "us.amazon.nova-lite-v1:0"]) {
  await test(`Converse with model ${id}`, async () => {
    assert.ok((await converse(id, "Hello")).output);
  });
}

await test("ConverseStream in the order of events", async () => {
  const all = await events(await converseStream("any.model", "What is Lua?"));
  const kinds = all.map((event) => Object.keys(event)[0]);
  assert.equal(kinds[0], "messageStart");
  assert.deepEqual(kinds.slice(-3),
    ["contentBlockStop", "messageStop", "metadata"]);
  assert.match(textOf(all), /^Lua is .* at once\.$/);
  assert.ok(all.at(-1).metadata.usage.outputTokens > 10);
  assert.equal(all[1].contentBlockDelta.contentBlockIndex, 0);
});

await test("every character survives", async () => {
  const text = "Grüße € 🌙 \"q\" \\ / \u0001 \u2028 end  ";
  const all = await events(await converseStream("m.m", `Say:${text}`));
  assert.equal(textOf(all), text);
});

await test("parallel tool calls, and their results", async () => {
  const text = 'get_weather{"city":"Paris"} get_weather{"city":"Rome"} get_time';
  const all = await events(await converseStream("m.m", text,
    { toolConfig: TOOLS }));
  const calls = {};
  for (const { contentBlockStart: start, contentBlockDelta: delta } of all) {
    if (start) calls[start.contentBlockIndex] = { ...start.start.toolUse,
      input: "" };
    if (delta?.delta?.toolUse) {
      calls[delta.contentBlockIndex].input += delta.delta.toolUse.input;
    }
  }
  const list = Object.values(calls);
  assert.deepEqual(list.map((call) => call.name),
    ["get_weather", "get_weather", "get_time"]);
  assert.deepEqual(list.map((call) => JSON.parse(call.input)),
    [{ city: "Paris" }, { city: "Rome" }, { city: "example" }]);
  assert.equal(all.at(-2).messageStop.stopReason, "tool_use");
  const unary = await converse("m.m", text, { toolConfig: TOOLS });
  assert.deepEqual(unary.output.message.content[1].toolUse.input,
    { city: "Paris" });
  const reply = await aws.send(new sdk.ConverseCommand({ modelId: "m.m",
    toolConfig: TOOLS, messages: [...say(text), unary.output.message,
      { role: "user", content: unary.output.message.content.slice(1).map(
        ({ toolUse }) => ({ toolResult: { toolUseId: toolUse.toolUseId,
          content: [{ text: `sunny in ${toolUse.input.city}` }] } })) }] }));
  assert.match(reply.output.message.content[0].text, /sunny in Rome/);
});

await test("reasoning, redacted reasoning, citations", async () => {
  const thinking = await converse("m.m", "Hello",
    { additionalModelRequestFields: { thinking: { type: "enabled" } } });
  assert.ok(thinking.output.message.content[0].reasoningContent
    .reasoningText.signature);
  const hidden = await converse("emulator.redacted", "Hello");
  assert.ok(hidden.output.message.content[0].reasoningContent
    .redactedContent instanceof Uint8Array);
  const all = await events(await converseStream("emulator.reasoning", "Hi"));
  const deltas = all.map((event) =>
    event.contentBlockDelta?.delta?.reasoningContent).filter(Boolean);
  assert.ok(deltas.at(-1).signature);
  const cited = await events(await converseStream("emulator.citations", "Hi"));
  assert.equal(cited.filter((event) =>
    event.contentBlockDelta?.delta?.citation).length, 2);
});

await test("bytes of an image, limits, response fields", async () => {
  const reply = await aws.send(new sdk.ConverseCommand({ modelId: "m.m",
    messages: [{ role: "user", content: [{ text: "Hello" }, { image: {
      format: "png", source: { bytes: new Uint8Array([1, 2, 3, 4, 5]) } } }] }],
    inferenceConfig: { stopSequences: ["help"] },
    additionalModelResponseFieldPaths: ["/stop_sequence"] }));
  assert.match(reply.output.message.content[0].text, /png image of 5 bytes/);
  assert.equal(reply.stopReason, "stop_sequence");
  assert.equal(reply.additionalModelResponseFields.stop_sequence, "help");
  const cut = await converse("m.m", "Count to 100",
    { inferenceConfig: { maxTokens: 5 } });
  assert.equal(cut.output.message.content[0].text, "1 2 3 4 5");
  assert.equal(cut.stopReason, "max_tokens");
});

const FAMILIES = {
  "anthropic.claude-3-haiku-20240307-v1:0": [
    { anthropic_version: "bedrock-2023-05-31", max_tokens: 50,
      messages: [{ role: "user", content: "Hello" }] },
    (body) => body.content[0].text, (chunk) => chunk.delta?.text],
  "amazon.nova-lite-v1:0": [{ messages: say("Hello") },
    (body) => body.output.message.content[0].text,
    (chunk) => chunk.contentBlockDelta?.delta.text],
  "amazon.titan-text-express-v1": [{ inputText: "Hello" },
    (body) => body.results[0].outputText, (chunk) => chunk.outputText],
  "meta.llama3-8b-instruct-v1:0": [{ prompt: "Hello" },
    (body) => body.generation, (chunk) => chunk.generation],
  "mistral.mistral-7b-instruct-v0:2": [{ prompt: "Hello" },
    (body) => body.outputs[0].text, (chunk) => chunk.outputs?.[0].text],
  "cohere.command-r-v1:0": [{ message: "Hello" },
    (body) => body.text, (chunk) => chunk.text],
  "cohere.command-text-v14": [{ prompt: "Hello" },
    (body) => body.generations[0].text, (chunk) => chunk.text],
};
for (const [modelId, [request, whole, piece]] of Object.entries(FAMILIES)) {
  const body = JSON.stringify(request);
  await test(`InvokeModel of ${modelId}`, async () => {
    const reply = await aws.send(new sdk.InvokeModelCommand({ modelId, body,
      contentType: "application/json", accept: "application/json",
      serviceTier: "flex" }));
    assert.equal(reply.contentType, "application/json");
    assert.equal(reply.serviceTier, "flex");
    assert.match(whole(JSON.parse(reply.body.transformToString())), /^Hello!/);
  });
  await test(`InvokeModelWithResponseStream of ${modelId}`, async () => {
    const reply = await aws.send(new sdk.InvokeModelWithResponseStreamCommand(
      { modelId, body, contentType: "application/json" }));
    assert.equal(reply.contentType, "application/json");
    const chunks = (await events(reply)).map(({ chunk }) =>
      JSON.parse(Buffer.from(chunk.bytes).toString()));
    assert.equal(chunks.map((chunk) => piece(chunk) ?? "").join(""),
      "Hello! How can I help you today?");
    assert.ok(chunks.at(-1)["amazon-bedrock-invocationMetrics"]);
  });
}

await test("InvokeModel of an embedding model", async () => {
  const reply = await aws.send(new sdk.InvokeModelCommand({
    modelId: "amazon.titan-embed-text-v2:0",
    body: JSON.stringify({ inputText: "x" }) }));
  assert.equal(JSON.parse(reply.body.transformToString()).embedding.length,
    256);
});

await test("CountTokens, both inputs", async () => {
  for (const input of [{ converse: { messages: say("Hello") } },
    { invokeModel: { body: Buffer.from('{"prompt":"Hello"}') } }]) {
    const reply = await aws.send(new sdk.CountTokensCommand(
      { modelId: "m.m", input }));
    assert.ok(reply.inputTokens > 0);
  }
});

await test("ApplyGuardrail", async () => {
  const apply = (text) => aws.send(new sdk.ApplyGuardrailCommand({
    guardrailIdentifier: "abc123", guardrailVersion: "DRAFT", source: "INPUT",
    content: [{ text: { text } }] }));
  const fine = await apply("nice");
  assert.equal(fine.action, "NONE");
  assert.deepEqual(fine.outputs, []);
  const blocked = await apply("a forbidden thing");
  assert.equal(blocked.action, "GUARDRAIL_INTERVENED");
  assert.equal(blocked.assessments[0].wordPolicy.customWords[0].match,
    "forbidden");
  const masked = await apply("write to a.b@example.com");
  assert.equal(masked.outputs[0].text, "write to {EMAIL}");
});

await test("InvokeGuardrailChecks", async () => {
  const reply = await aws.send(new sdk.InvokeGuardrailChecksCommand({
    messages: [{ role: "user", content: [{ text: "violence, x@example.com" }] }],
    checks: { contentFilter: { categories: [{ category: "VIOLENCE" }] },
      sensitiveInformation: { entities: [{ type: "EMAIL" }] } } }));
  assert.equal(reply.results.contentFilter.results[0].severityScore, 0.95);
  const found = reply.results.sensitiveInformation.results[0];
  assert.deepEqual([found.beginOffset, found.endOffset], [10, 23]);
});

await test("asynchronous invocations", async () => {
  const start = (clientRequestToken, more = {}) => aws.send(
    new sdk.StartAsyncInvokeCommand({ clientRequestToken,
      modelId: "amazon.nova-reel-v1:0", modelInput: { seed: 1, deep: [{}, []] },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://bucket/x" } },
      ...more }));
  const { invocationArn } = await start("token-1");
  assert.equal((await start("token-1")).invocationArn, invocationArn);
  const conflict = await refusal(start("token-1", { modelInput: { seed: 2 } }));
  assert.equal(conflict.name, "ConflictException");
  const states = [];
  for (let i = 0; i < 3; i++) {
    const job = await aws.send(new sdk.GetAsyncInvokeCommand(
      { invocationArn }));
    assert.ok(job.submitTime instanceof Date);
    states.push(job.status);
  }
  assert.deepEqual(states, ["InProgress", "InProgress", "Completed"]);
  for (let i = 0; i < 4; i++) await start(`more-${i}`);
  const pages = sdk.paginateListAsyncInvokes({ client: aws, pageSize: 2 },
    { statusEquals: "InProgress", sortOrder: "Ascending" });
  const sizes = [];
  for await (const page of pages) sizes.push(page.asyncInvokeSummaries.length);
  assert.deepEqual(sizes, [2, 2]);
});

await test("wrong secret", async () => {
  const other = client({ credentials: { ...KEYS, secretAccessKey: "x" } });
  const error = await refusal(converse("m.m:0", "Hello", {}, other));
  assert.equal(error.name, "InvalidSignatureException");
  assert.match(error.message, /Canonical String.*\n'POST\n\/model\/m\.m%253A0/);
});

await test("unknown key, unknown token, no key", async () => {
  const unknown = client({ credentials: { ...KEYS, accessKeyId: "AKIDX" } });
  assert.equal((await refusal(converse("m.m", "x", {}, unknown))).name,
    "UnrecognizedClientException");
  const token = client({ credentials: { ...KEYS, sessionToken: "x" } });
  assert.equal((await refusal(converse("m.m", "x", {}, token))).name,
    "UnrecognizedClientException");
});

await test("bearer token", async () => {
  const good = client({ credentials: undefined,
    token: { token: "bedrock-api-key-emulator" },
    authSchemePreference: ["httpBearerAuth"] });
  assert.ok((await converse("m.m", "Hello", {}, good)).output);
  const bad = client({ credentials: undefined, token: { token: "nonsense" },
    authSchemePreference: ["httpBearerAuth"] });
  assert.equal((await refusal(converse("m.m", "x", {}, bad))).name,
    "AccessDeniedException");
});

await test("refusals carry names, statuses and messages", async () => {
  for (const [scenario, name, status] of [
    ["throttle", "ThrottlingException", 429],
    ["internal-error", "InternalServerException", 500],
    ["unavailable", "ServiceUnavailableException", 503],
    ["model-timeout", "ModelTimeoutException", 408],
    ["model-error", "ModelErrorException", 424],
    ["access-denied", "AccessDeniedException", 403],
    ["not-found", "ResourceNotFoundException", 404],
    ["type-in-body", "ThrottlingException", 429],
    ["expired-token", "ExpiredTokenException", 403]]) {
    const error = await refusal(converse(`emulator.${scenario}`, "Hello", {},
      once));
    assert.equal(error.name, name, scenario);
    assert.equal(error.$metadata.httpStatusCode, status, scenario);
  }
  const missing = await refusal(converse("no-such-model", "Hello"));
  assert.equal(missing.name, "ValidationException");
});

await test("retries until it works", async () => {
  const reply = await converse("emulator.throttle-twice:sdk", "Hello");
  assert.equal(reply.$metadata.attempts, 3);
});

await test("follows the server's clock", async () => {
  const fresh = client();
  const reply = await converse("emulator.skewed-clock", "Hello", {}, fresh);
  assert.equal(reply.$metadata.attempts, 2);
});

await test("exceptions in the stream", async () => {
  for (const name of ["throttlingException", "validationException",
    "internalServerException", "modelStreamErrorException",
    "serviceUnavailableException"]) {
    const class_ = name[0].toUpperCase() + name.slice(1);
    for (const place of ["first", "mid"]) {
      const error = await refusal(converseStream(
        `emulator.exception-${place}-${name}`, "What is Lua?").then(events));
      assert.equal(error.name, class_);
    }
  }
});

await test("broken frames are noticed", async () => {
  for (const [scenario, message] of [["bad-prelude-crc", /checksum/],
    ["bad-message-crc", /checksum/], ["cut-mid-frame", /./],
    ["reset-mid-stream", /./]]) {
    const error = await refusal(converseStream(`emulator.${scenario}`,
      "What is Lua?").then(events));
    assert.match(String(error.message), message, scenario);
  }
});

await test("unusual but right streams are read", async () => {
  for (const scenario of ["drip", "one-chunk", "unknown-member", "no-padding",
    "all-header-types", "chunk-extensions", "trailers", "until-close",
    "content-length", "interim", "connection-close", "unicode"]) {
    const all = await events(await converseStream(`emulator.${scenario}`,
      "What is Lua?"));
    assert.ok(all.at(-1).metadata, scenario);
  }
});

await test("the emulator sees a client leave", async () => {
  const before = (await stats()).streams.disconnected;
  const stop = new AbortController();
  const reply = await aws.send(new sdk.ConverseStreamCommand({
    modelId: "emulator.slow:50", messages: say("Count to 1000") }),
    { abortSignal: stop.signal });
  for await (const event of reply.stream) if (event.contentBlockDelta) break;
  stop.abort();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await stats()).streams.disconnected, before + 1);
});

await test("HTTP/2", async () => {
  const two = client({ requestHandler: undefined });
  assert.ok((await converse("m.m", "Hello", {}, two)).output);
  const all = await Promise.all([1, 2, 3, 4].map(async () =>
    textOf(await events(await converseStream("m.m", "What is Lua?", {},
      two)))));
  assert.equal(new Set(all).size, 1);
  assert.match(all[0], /at once\.$/);
  const error = await refusal(converseStream("emulator.exception-mid", "Hello",
    {}, two).then(events));
  assert.equal(error.name, "ModelStreamErrorException");
  two.destroy();
});

await test("InvokeModelWithBidirectionalStream", async () => {
  const two = client({ requestHandler: undefined });
  const talk = async (from) => {
    let answered;
    const first = new Promise((resolve) => { answered = resolve; });
    async function* say() {
      const part = (event) => ({ chunk: { bytes:
        new TextEncoder().encode(JSON.stringify({ event })) } });
      yield part({ sessionStart: {} });
      yield part({ textInput: { content: "one" } });
      await first; // the reply comes while the request is still open
      yield part({ textInput: { content: "two" } });
    }
    const reply = await from.send(
      new sdk.InvokeModelWithBidirectionalStreamCommand(
        { modelId: "amazon.nova-sonic-v1:0", body: say() }));
    const texts = [];
    for await (const { chunk } of reply.body) {
      const { event } = JSON.parse(Buffer.from(chunk.bytes).toString());
      texts.push(event.textOutput?.content ?? Object.keys(event)[0]);
      if (texts.length === 2) answered();
    }
    return texts;
  };
  assert.deepEqual(await talk(two), ["received", "You said: one",
    "You said: two", "completionEnd"]);
  const thief = client({ requestHandler: undefined,
    credentials: { ...KEYS, secretAccessKey: "x" } });
  assert.equal((await refusal(talk(thief))).name,
    "InvalidSignatureException");
  two.destroy();
  thief.destroy();
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
