// Bedrock Runtime as AWS's own event-stream codec and signer see it: a server
// that judges our client (our_client.lua).  What it knows of the operations
// is written here by hand; nothing is shared with the library.
//
//   BEDROCK_PEERS=.../node_modules node sdk_server.mjs
//
// Prints "listening on http://127.0.0.1:PORT" and ends with its standard input.
// Every answer carries `seen`, the request as it arrived.
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { operations } from "./sdk_replies.mjs";

const require = createRequire(join(process.env.BEDROCK_PEERS, "from-here.js"));
const { EventStreamCodec, Int64 } = require("@smithy/eventstream-codec");
const { SignatureV4 } = require("@smithy/signature-v4");
const { Sha256 } = require("@aws-crypto/sha256-js");

const REGION = "eu-west-3";
const SERVICE = "bedrock";
const SKEW = 5 * 60 * 1000; // AWS allows five minutes
const KEYS = {
  AKIDPLAIN: { secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
  ASIASESSION: { secretAccessKey: "other/secret+key",
    sessionToken: "FwoGZXIvYXdzEBYaD/+==token/with+signs=" },
};
const MUST_SIGN = /^(host|content-type|x-amz-.*)$/;

const utf8 = (bytes) => Buffer.from(bytes).toString("utf8");
const codec = new EventStreamCodec(utf8, (text) => Buffer.from(text, "utf8"));

class Refusal extends Error {
  constructor(status, name, message, headers = {}) {
    super(message);
    Object.assign(this, { status, name, headers });
  }
}

// "/path?a=b%20c&a" as the signer wants it: the path as it is on the wire,
// names and values of the query decoded.
function cut(url) {
  const [path, text = ""] = url.split("?", 2);
  const query = {};
  for (const pair of text.split("&").filter(Boolean)) {
    const [name, value = ""] = pair.split(/=(.*)/s).map(decodeURIComponent);
    query[name] = name in query ? [query[name], value].flat() : value;
  }
  return { path, query };
}

function parseAuthorization(text = "") {
  const found = text.match(new RegExp("^AWS4-HMAC-SHA256 "
    + "Credential=([^/]+)/(\\d{8})/([^/]+)/([^/]+)/aws4_request, "
    + "SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$"));
  if (!found) {
    throw new Refusal(403, "MissingAuthenticationTokenException",
      "Missing Authentication Token");
  }
  const [, id, day, region, service, names] = found;
  return { id, day, region, service, names: names.split(";") };
}

function signingDate(text = "") {
  const iso = text.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5");
  const date = new Date(iso);
  if (!(Math.abs(date - Date.now()) < SKEW)) {
    throw new Refusal(403, "InvalidSignatureException",
      `Signature not yet current or expired: ${text}`);
  }
  return date;
}

function checkHeaders(headers, names, body) {
  for (const name of Object.keys(headers)) {
    if (MUST_SIGN.test(name) && !names.includes(name)) {
      throw new Refusal(403, "InvalidSignatureException",
        `'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
    }
  }
  const hash = createHash("sha256").update(body).digest("hex");
  if (headers["x-amz-content-sha256"] !== hash) {
    throw new Refusal(403, "InvalidSignatureException",
      "The provided 'x-amz-content-sha256' header does not match");
  }
}

// Sign the request again, with AWS's own signer, and compare the header whole.
async function verify(request, body) {
  const { headers } = request;
  const claim = parseAuthorization(headers.authorization);
  const key = KEYS[claim.id];
  if (!key || headers["x-amz-security-token"] !== key.sessionToken) {
    throw new Refusal(403, "UnrecognizedClientException",
      "The security token included in the request is invalid.");
  }
  const date = signingDate(headers["x-amz-date"]);
  checkHeaders(headers, claim.names, body);
  const signer = new SignatureV4({ credentials: { accessKeyId: claim.id,
    ...key }, region: REGION, service: SERVICE, sha256: Sha256,
    uriEscapePath: true });
  const signed = await signer.sign({ method: request.method,
    protocol: "http:", hostname: "127.0.0.1", ...cut(request.url),
    headers: Object.fromEntries(claim.names.map((name) =>
      [name, headers[name]])), body,
  }, { signingDate: date, signableHeaders: new Set(claim.names) });
  if (signed.headers.authorization !== headers.authorization) {
    throw new Refusal(403, "InvalidSignatureException",
      "The request signature we calculated does not match the signature you "
      + "provided. Check your AWS Secret Access Key and signing method.\n\n"
      + "The Canonical String for this request should have been\n"
      + `'${headers["x-amz-security-token"]}'`);
  }
}

// ---- frames ---------------------------------------------------------------

const string = (value) => ({ type: "string", value });
const EVERY_TYPE = {
  yes: { type: "boolean", value: true },
  no: { type: "boolean", value: false },
  byte: { type: "byte", value: -7 },
  short: { type: "short", value: -30000 },
  integer: { type: "integer", value: 2147483647 },
  long: { type: "long", value: Int64.fromNumber(-9007199254740991) },
  binary: { type: "binary", value: Uint8Array.from([0, 255, 128, 10]) },
  text: string("Grüße € 🌙"),
  empty: string(""),
  when: { type: "timestamp", value: new Date(1700000000123) },
  id: { type: "uuid", value: "01234567-89ab-cdef-0123-456789abcdef" },
};

const encode = (headers, body) => Buffer.from(codec.encode({ headers, body }));

// One message of a script: [event, payload, options] as sdk_replies.mjs says.
function frame([name, payload, { kind = "event", more, raw } = {}]) {
  const headers = { ...(more ? EVERY_TYPE : {}),
    ":message-type": string(kind) };
  if (kind === "error") {
    headers[":error-code"] = string(name);
    headers[":error-message"] = string(payload);
    return encode(headers, new Uint8Array());
  }
  headers[`:${kind}-type`] = string(name);
  headers[":content-type"] = string("application/json");
  return encode(headers, Buffer.from(raw ?? JSON.stringify(payload)));
}

const pause = () => new Promise((done) => setImmediate(done));

// Bytes in pieces that no frame's border knows of.
async function write(response, bytes, size) {
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    await pause();
  }
}

async function stream(response, id, { frames, headers, damage, size = 97 }) {
  response.writeHead(200, { "content-type":
    "application/vnd.amazon.eventstream", "x-amzn-requestid": id, ...headers });
  let bytes = Buffer.concat(frames.map(frame));
  if (damage === "cut") bytes = bytes.subarray(0, -10);
  if (damage === "flip") bytes[bytes.length - 30] ^= 4;
  await write(response, bytes, size);
  response.end();
}

// ---- requests -------------------------------------------------------------

const headerTypes = (headers) => Object.fromEntries(
  Object.entries(headers).map(([name, { type, value }]) => [name, [type,
    type === "binary" ? Buffer.from(value).toString("hex")
      : type === "timestamp" ? value.getTime()
        : type === "long" ? String(value) : value]]));

// Without a signature: the codec by itself, both ways.
const CODEC = {
  "/codec/frames": () => encode(EVERY_TYPE, Buffer.from([1, 0, 2])),
  "/codec/decode": (body) => {
    const message = codec.decode(body);
    return JSON.stringify({ headers: headerTypes(message.headers),
      body: Buffer.from(message.body).toString("hex") });
  },
};

let count = 0;

async function answer(request, response, body) {
  const id = `request-${++count}`;
  await verify(request, body);
  const { path, query } = cut(request.url);
  const seen = { method: request.method, url: request.url, path, query,
    headers: request.headers, body: utf8(body) };
  for (const { method, match, reply } of operations) {
    const found = method === request.method && path.match(match);
    if (!found) continue;
    const labels = found.slice(1).map(decodeURIComponent);
    const made = reply({ seen, labels, Refusal,
      json: body.length ? JSON.parse(utf8(body)) : undefined });
    if (made.frames) return stream(response, id, made);
    response.writeHead(200, { "content-type": "application/json",
      "x-amzn-requestid": id, ...made.headers });
    return response.end(JSON.stringify({ ...made.body, seen }));
  }
  throw new Refusal(404, "UnknownOperationException", path);
}

function refuse(response, error) {
  if (response.headersSent) return response.destroy(error);
  const { status = 500, name, message, headers, ...more } = error;
  response.writeHead(status, { "content-type": "application/json",
    "x-amzn-requestid": `request-${count}`,
    "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/x/`,
    ...headers });
  response.end(JSON.stringify({ message, ...more }));
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  try {
    const plain = CODEC[request.url];
    if (plain) response.end(plain(body));
    else await answer(request, response, body);
  } catch (error) {
    refuse(response, error);
  }
});

process.stdin.resume().on("end", () => process.exit());
server.listen(0, "127.0.0.1", () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`));
