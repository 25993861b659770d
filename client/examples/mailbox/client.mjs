// Mailbox: node client.mjs HOST PORT send ME TO TEXT, or node client.mjs HOST PORT receive ME
import { createSocket } from "node:dgram";
import process from "node:process";

const [host = "", port, command, me, to, text] = process.argv.slice(2);
const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
/** @param {string} request */
const send = (request) => new Promise((sent) => socket.send(request, Number(port), host, sent));
if (command === "send") {
  // nothing answers this: what must arrive is sent with `wirepost send`, or through a session
  await send(`F, ${to}, ${me}, ${text}`);
} else {
  const reply = new Promise((resolve) => socket.once("message", (bytes) => resolve(bytes.toString())));
  await send(`R, ${me}`);
  const late = setTimeout(() => process.exit(1), 5000);
  const [word, , sender, ...rest] = (await reply).replace(/[\0\r\n]+$/, "").split(", ");
  clearTimeout(late);
  if (word === "X") process.exitCode = 3;
  else process.stdout.write(`${sender}: ${rest.join(", ")}\n`);
}
socket.close();
