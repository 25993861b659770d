// Channels: node client.mjs HOST PORT NAME CHANNEL; each line of standard input is a message
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

const FRAME = 200;

/** @param {string} text */
function frame(text) {
  const bytes = Buffer.from(text);
  if (bytes.length > FRAME) throw new RangeError(`a message has at most ${FRAME} bytes`);
  return Buffer.concat([bytes, Buffer.alloc(FRAME - bytes.length, " ")]);
}

const [host, port, name = "", channel] = process.argv.slice(2);
const socket = connect(Number(port), host);
// if it exists, the answer says so, and nothing changes
for (const text of [name, `/create ${channel}`, `/join ${channel}`]) socket.write(frame(text));
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => socket.write(frame(line)));
lines.on("close", () => socket.end());

let pending = Buffer.alloc(0);
for await (const bytes of socket) {
  pending = Buffer.concat([pending, bytes]);
  for (; pending.length >= FRAME; pending = pending.subarray(FRAME)) {
    process.stdout.write(`${pending.subarray(0, FRAME).toString().replace(/[\0\s]+$/, "")}\n`);
  }
}
