// Room: node client.mjs HOST PORT; each line of standard input goes to all others
import { connect } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host);
const typed = createInterface({ input: process.stdin });
typed.on("line", (line) => socket.write(`${line}\n`));
typed.on("close", () => socket.end());
// a carriage return in front is for terminals: the line replaces what is being typed
for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
  if (line !== "") process.stdout.write(`${line}\n`);
}
