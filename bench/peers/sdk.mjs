// AWS's SDK for JavaScript (v3), measured.  The command line and the modes
// are those of bench/floor.c and bench/micro.c:
//
//   cd DIR-WITH-node_modules
//   node .../sdk.mjs MODE ENDPOINT MODEL COUNT [CA-FILE]
//   node .../sdk.mjs framing FILE SIZE        node .../sdk.mjs sign
import { createHash, createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const [mode, endpoint, model, count, ca] = process.argv.slice(2);
const KEYS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const SMALL = "tiny.whole.16384.1";

const now = () => Number(process.hrtime.bigint()) * 1e-9;
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e-6;
};
const say = (fields) =>
  console.log(Object.entries(fields).map((pair) => pair.join("=")).join(" "));
const status = (name) => {
  const text = readFileSync("/proc/self/status", "latin1");
  return Number(text.match(new RegExp(name + ":\\s*(\\d+)"))[1]);
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

let sdk, client;
async function connect() {
  sdk = await load("@aws-sdk/client-bedrock-runtime");
  const { NodeHttpHandler } = await load("@smithy/node-http-handler");
  const options = { keepAlive: true, maxSockets: 4096 };
  client = new sdk.BedrockRuntimeClient({
    region: "us-east-1", endpoint, credentials: KEYS,
    requestHandler: new NodeHttpHandler({
      httpAgent: new HttpAgent(options),
      httpsAgent: new HttpsAgent({ ...options, ca: ca && readFileSync(ca) }),
    }),
  });
}

const hello = { role: "user", content: [{ text: "Hello" }] };
const converse = (messages = [hello], more = {}) =>
  client.send(new sdk.ConverseCommand({ modelId: model, messages, ...more }));

async function* events(modelId) {
  const command = new sdk.ConverseStreamCommand({ modelId, messages: [hello] });
  yield* (await client.send(command)).stream;
}

async function drain(modelId, each = () => {}) {
  let n = 0;
  for await (const event of events(modelId)) {
    n++;
    each(event);
  }
  return n;
}

const modes = {
  async start() {
    let seen;
    await drain(model, () => (seen ||= console.log("first") || true));
  },

  async stream() {
    await drain(SMALL);
    const used = cpu(), began = now();
    const n = await drain(model);
    say({ events: n, cpu: cpu() - used, wall: now() - began });
  },

  async first() {
    await drain(model);
    const latency = [], used = cpu();
    for (let i = 0; i < count; i++) {
      const began = now();
      let seen;
      await drain(model, () => (seen ??= now() - began));
      latency.push(seen);
    }
    say({ latency: median(latency), cpu: (cpu() - used) / count });
  },

  async unary() {
    await converse();
    const used = cpu(), began = now();
    for (let i = 0; i < count; i++) await converse();
    say({ rate: count / (now() - began), cpu: (cpu() - used) / count });
  },

  async slow() {
    await drain(SMALL);
    const before = status("VmRSS"), used = cpu();
    let n = 0, gap = 0;
    const one = async () => {
      let last;
      await drain(model, () => {
        const time = now();
        n++;
        if (last) gap = Math.max(gap, time - last);
        last = time;
      });
    };
    await Promise.all(Array.from({ length: Number(count) }, one));
    say({ events: n, cpu: (cpu() - used) / n, gap,
      kib: (status("VmHWM") - before) / count });
  },

  // `count` messages of about 400 bytes, as bench/requests.lua has them.
  async history() {
    const text = "The quick brown fox jumps over the lazy dog. ".repeat(9);
    const messages = Array.from({ length: Number(count) }, (_, i) => ({
      role: i % 2 ? "assistant" : "user", content: [{ text }],
    }));
    await converse(messages);
    const used = cpu();
    let n = 0;
    while (cpu() - used < 0.5) {
      await converse(messages);
      n++;
    }
    say({ cpu: (cpu() - used) / n });
  },

  async image() {
    await converse();
    const before = status("VmHWM"), used = cpu();
    const bytes = Buffer.alloc(Number(count), "\x89PNG", "latin1");
    await converse([{ role: "user", content: [
      { text: "Hello" }, { image: { format: "png", source: { bytes } } }] }]);
    say({ body: (count / 3) * 4, cpu: cpu() - used,
      grown: (status("VmHWM") - before) * 1024 });
  },
};

// ---- in memory: no client ------------------------------------------------

async function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size)
    yield bytes.subarray(at, at + size);
}

// Nanoseconds of CPU per call, once it is warm.
async function cost(work) {
  let n = 0;
  for (let i = 0; i < 200; i++) await work();
  const used = cpu();
  while (cpu() - used < 0.5) {
    await work();
    n++;
  }
  return ((cpu() - used) / n) * 1e9;
}

async function framing(file, size) {
  const { EventStreamCodec } = await load("@smithy/eventstream-codec");
  const decoder = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString("utf8"), Buffer.from);
  const bytes = readFileSync(file);
  // Frames are cut by the SDK's own chunker, as it does for a response.
  const { getChunkedStream } = await load("@smithy/core/event-streams")
    .catch(() => ({}));
  let n = 0, used = cpu(), rounds = 0;
  const cut = getChunkedStream ?? frames;
  while (cpu() - used < 0.5 || rounds < 2) {
    if (++rounds === 2) [n, used] = [0, cpu()];
    for await (const frame of cut(pieces(bytes, Number(size)))) {
      decoder.decode(frame);
      n++;
    }
  }
  say({ ours: ((cpu() - used) / n) * 1e9, bytes: 0 });
}

// Where the SDK does not export its chunker.
async function* frames(source) {
  let rest = Buffer.alloc(0);
  for await (const piece of source) {
    rest = Buffer.concat([rest, piece]);
    let at = 0;
    while (rest.length - at >= 4) {
      const size = rest.readUInt32BE(at);
      if (rest.length - at < size) break;
      yield rest.subarray(at, (at += size));
    }
    rest = rest.subarray(at);
  }
}

class Sha256 {
  constructor(key) {
    this.hash = key ? createHmac("sha256", key) : createHash("sha256");
  }
  update(bytes) { this.hash.update(bytes); }
  async digest() { return new Uint8Array(this.hash.digest()); }
}

async function sign() {
  const { SignatureV4 } = await load("@smithy/signature-v4");
  const signer = new SignatureV4({ service: "bedrock", region: "us-east-1",
    credentials: KEYS, sha256: Sha256, uriEscapePath: true });
  const hostname = "bedrock-runtime.us-east-1.amazonaws.com";
  const path = "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/converse";
  const body = Buffer.alloc(1024, "x");
  const cached = await cost(() => signer.sign({
    method: "POST", protocol: "https:", hostname, path, query: {}, body,
    headers: { host: hostname, "content-type": "application/json",
      "amz-sdk-invocation-id": "5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11",
      "amz-sdk-request": "attempt=1; max=3" },
  }));
  say({ cached });
}

if (mode === "framing") await framing(endpoint, model);
else if (mode === "sign") await sign();
else {
  await connect();
  await modes[mode]();
}
process.exit(0);
