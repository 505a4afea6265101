// AWS's own SDK as a second reader and writer of the model's shapes: for each
// line it is given, what it would send, or what it reads.
//
//   BEDROCK_PEERS=.../node_modules node shapes_peer.mjs FILE
//
//   { operation, params }        -> { method, path, query, headers, body }
//   { operation, params, body }  -> { answer }, or its { events } where the
//                                   body is an event stream (`streams`)
//
// Bodies are in base64; values.lua explains the marks.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";

const require = createRequire(join(process.env.BEDROCK_PEERS, "from-here.js"));
const sdk = require("@aws-sdk/client-bedrock-runtime");

const UNMARK = {
  $blob: (value) => new Uint8Array(Buffer.from(value, "base64")),
  $time: (value) => new Date(value),
  $number: Number,
  $document: (value) => value,
};

function unmark(value) {
  if (Array.isArray(value)) return value.map(unmark);
  if (value === null || typeof value !== "object") return value;
  const [first] = Object.keys(value);
  if (UNMARK[first]) return UNMARK[first](value[first]);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, unmark(item)]));
}

function mark(value) {
  if (value instanceof Uint8Array) {
    return { $blob: Buffer.from(value).toString("base64") };
  }
  if (value instanceof Date) return { $time: value.getTime() };
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { $number: String(value) };
  }
  if (Array.isArray(value)) return value.map(mark);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([name, item]) => [name, mark(item)]));
}

let sent;
let reply;
let streaming;
const client = new sdk.BedrockRuntimeClient({
  region: "us-east-1", endpoint: "http://sdk.example", maxAttempts: 1,
  credentials: { accessKeyId: "a", secretAccessKey: "b" },
  logger: { debug() {}, info() {}, warn() {}, error() {}, trace() {} },
  requestHandler: {
    metadata: {}, updateHttpClientConfig() {}, httpHandlerConfigs: () => ({}),
    async handle(request) {
      sent = request;
      if (reply === undefined) throw new Error("nobody is there");
      return { response: { statusCode: 200, body: Readable.from([reply]),
        headers: { "content-type": streaming
          ? "application/vnd.amazon.eventstream" : "application/json" } } };
    },
  },
});

function request() {
  const { method, path, query, headers, body } = sent;
  return { method, path, query, headers, body: body === undefined ? null
    : Buffer.from(body).toString("base64") };
}

async function listed(stream) {
  const events = [];
  for await (const event of stream) events.push(mark(event));
  return { events };
}

async function ask({ operation, params, body, streams }) {
  sent = undefined;
  streaming = streams;
  reply = body === undefined ? undefined : Buffer.from(body, "base64");
  try {
    const answer = await client.send(
      new sdk[`${operation}Command`](unmark(params)));
    if (streams) return await listed(answer.stream ?? answer.body);
    delete answer.$metadata;
    return { answer: mark(answer) };
  } catch (error) {
    return sent && body === undefined ? request() : { error: String(error) };
  }
}

for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  if (line) console.log(JSON.stringify(await ask(JSON.parse(line))));
}
