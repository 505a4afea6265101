// The foreign mock of Bedrock, @copilotkit/aimock, as a server of ours: its
// own command line, on a free port, saying only where it listens, and ended
// with its standard input.
//
//   BEDROCK_PEERS=.../node_modules node aimock_server.mjs [its options]
import { join } from "node:path";
import { pathToFileURL } from "node:url";

for (const name of ["log", "warn"]) {
  const say = console[name];
  console[name] = (...words) =>
    words.join(" ").includes("listening on ") && say(...words);
}
process.stdin.resume().on("end", () => process.exit());
process.argv.splice(2, 0, "-p", "0");
await import(pathToFileURL(join(process.env.BEDROCK_PEERS,
  "@copilotkit/aimock/dist/cli.js")).href);
