// The mailbox on a command line, as tests/e2e/mailbox/session_client.ts wants it.
import process from "node:process";
import { createInterface } from "node:readline";
import { connectMailbox } from "wirepost/mailbox";

const args = process.argv.slice(2), options = {};
const words = [];
while (args.length > 0) {
  const word = args.shift();
  if (word.startsWith("--")) options[word] = args.shift();
  else words.push(word);
}
const [command, id] = words, [hostname, port] = options["--server"].split(":");
const timeout = 1000 * Number(options["--timeout"] ?? 10);
const mailbox = await connectMailbox({ hostname, port: Number(port), timeout });
try {
  if (command === "send") {
    const sending = [];
    for await (const line of createInterface({ input: process.stdin })) {
      sending.push(mailbox.send(id, options["--as"], line));
    }
    await Promise.all(sending);
  } else {
    const wait = 1000 * Number(options["--wait"] ?? 0), count = Number(options["--count"] ?? 1);
    for await (const message of mailbox.messages(id, { wait, count })) {
      process.stdout.write(`${message.text}\n`);
      await message.ack();
    }
  }
} catch (error) {
  process.stderr.write(`session.mjs: ${error.message}\n`);
  process.exitCode = 1;
}
await mailbox.close();
