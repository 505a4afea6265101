// An HTTP/2 server (clear text, prior knowledge) for specs that misbehaves to
// order; what to do is the model id in the path:
//
//   plain        an event stream, whole
//   refuse-once  RST_STREAM(REFUSED_STREAM) the first time, then as plain
//   reset        RST_STREAM(INTERNAL_ERROR) in the middle of the stream
//   goaway       GOAWAY and the end of the connection in the middle
//   farewell     GOAWAY that lets the running stream end
//   short        the stream ends with half a message
//   flood        50 MiB of events as fast as they are taken
//
// It prints its port, and another where the first connection is turned away:
// GOAWAY that leaves every stream out.  It ends with its standard input, and
// answers GET /state with the bytes that the last flood has written.
import http2 from "node:http2";
import net from "node:net";
import zlib from "node:zlib";

const crcTable = new Int32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes);
  let c = -1;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ -1) >>> 0;
}

function header(name, value) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name),
    Buffer.from([7]), length, Buffer.from(value)]);
}

function event(type, payload) {
  const headers = Buffer.concat([header(":message-type", "event"),
    header(":event-type", type), header(":content-type", "application/json")]);
  const body = Buffer.from(JSON.stringify(payload));
  const message = Buffer.alloc(16 + headers.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headers.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headers.copy(message, 12);
  body.copy(message, 12 + headers.length);
  message.writeUInt32BE(crc32(message.subarray(0, message.length - 4)),
    message.length - 4);
  return message;
}

const FIRST = event("messageStart", { role: "assistant" });
const LAST = event("messageStop", { stopReason: "end_turn" });
const delta = (text) => event("contentBlockDelta",
  { contentBlockIndex: 0, delta: { text } });
const FLOOD = delta("x".repeat(16000)), FLOODS = 3277;
const HEAD = { ":status": 200,
  "content-type": "application/vnd.amazon.eventstream" };

let written = 0, refused = false;
const { constants } = http2;

const play = {
  plain(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    stream.write(delta("Hello"));
    stream.end(LAST);
  },
  "refuse-once"(stream) {
    if (refused) return play.plain(stream);
    refused = true;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  },
  reset(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    setTimeout(() => stream.destroy(new Error("reset")), 30);
  },
  goaway(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    setTimeout(() => {
      stream.session.goaway(constants.NGHTTP2_NO_ERROR);
      stream.session.destroy();
    }, 30);
  },
  farewell(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    stream.session.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
    setTimeout(() => {
      stream.write(delta("Hello"));
      stream.end(LAST);
    }, 30);
  },
  short(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    stream.end(delta("Hello").subarray(0, 50));
  },
  flood(stream) {
    stream.respond(HEAD);
    stream.write(FIRST);
    written = 0;
    let n = 0;
    function more() {
      while (n < FLOODS) {
        n++;
        const room = stream.write(FLOOD, () => { written += FLOOD.length; });
        if (!room) return stream.once("drain", more);
      }
      stream.end(LAST);
    }
    more();
  },
  state(stream) {
    stream.respond({ ":status": 200 });
    stream.end(String(written));
  },
};

const server = http2.createServer();
server.on("sessionError", () => {});
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  const path = headers[":path"];
  const what = path === "/state" ? "state" : path.split("/")[2];
  stream.resume();
  stream.on("end", () => (play[what] || play.plain)(stream));
});

const SETTINGS = Buffer.from("000000040000000000", "hex");
const GOAWAY = Buffer.from("0000080700000000000000000000000000", "hex");
const HEADERS = 1;

// Whole frames of what follows the preface.
function* frames(bytes) {
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    yield bytes[at + 3];
}

let turnedAway = false;
const door = net.createServer((socket) => {
  socket.on("error", () => {});
  if (turnedAway) return server.emit("connection", socket);
  turnedAway = true;
  socket.write(SETTINGS);
  let bytes = Buffer.alloc(0);
  socket.on("data", (more) => {
    bytes = Buffer.concat([bytes, more]);
    if ([...frames(bytes)].includes(HEADERS)) socket.write(GOAWAY);
  });
});

server.listen(0, "127.0.0.1", () => door.listen(0, "127.0.0.1",
  () => console.log(server.address().port, door.address().port)));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
