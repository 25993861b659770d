/** A server that may open few files (`ulimit -n 64`), while somebody takes all of them. */

import { assertEquals, assertGreater } from "@std/assert";
import { connectForum } from "../../client/forum.ts";
import { connectMailbox } from "../../client/mailbox.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../program.ts";
import { FramePeer } from "../stream.ts";
import { FULL, report } from "./form.ts";
import { PATIENCE_MS } from "../patience.ts";

/** Files that the server may have open, and connections that are made to it. */
const LIMIT = 64, CONNECTIONS = 100;

/** Bytes of a message, and messages: in the full form so many that the store needs another file for them. */
const BYTES = 1000, MESSAGES = FULL ? 40_000 : 3000, WINDOW = 64;

/** Milliseconds for which a message waits while the store refuses it. */
const WAIT_MS = 120_000;

Deno.test("a server without a descriptor left loses nothing, and all services go on when there are some again", async () => {
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  const [deno = "", ...rest] = FROM_SOURCE;
  const command = ["sh", "-c", `ulimit -n ${LIMIT}; exec "$0" "$@"`, deno, ...rest];
  const args = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0", "--data", data];
  await using server = await ServerProcess.start(args, { command });
  const port = await server.ready("mailbox"), channels = await server.ready("channels");
  await server.logged("the server's key is ");
  const as = { name: "alice", password: "of alice", make: true };
  const serverKey = /key is (\S+)/.exec(server.err)![1]!;
  await using forum = await connectForum({
    port: await server.ready("forum"),
    serverKey,
    as,
    timeout: PATIENCE_MS,
  });
  await forum.create("thread");

  await using sender = await connectMailbox({ port, timeout: PATIENCE_MS }),
    receiver = await connectMailbox({ port, timeout: PATIENCE_MS });
  const open: FramePeer[] = [], text = "x".repeat(BYTES), received: number[] = [];
  let next = 0;
  const send = async () => {
    while (next < MESSAGES) {
      const number = next++;
      await sender.send("bob", "anna", `${number} ${text}`, { wait: WAIT_MS });
    }
  };
  const receive = async () => {
    for await (const message of receiver.messages("bob", { count: MESSAGES })) {
      received.push(Number.parseInt(message.text));
      await message.ack();
    }
  };
  let isRefused = false;
  try {
    while (open.length < CONNECTIONS) open.push(await FramePeer.connect(channels));
    const passing = Promise.all([receive(), ...Array.from({ length: WINDOW }, send)]);
    // a store that can't open the files that it needs refuses what needs space, and goes on later
    const refused = server.logged("cannot write to disk").then(() => isRefused = true, () => {});
    await Promise.race([passing, refused]);
    for (const peer of open.splice(0)) peer[Symbol.dispose]();
    await passing;
    assertEquals(received, received.map((_, i) => i), "in order, each once");
  } finally {
    for (const peer of open) peer[Symbol.dispose]();
  }
  await forum.post("thread", "there are descriptors again");
  const path = `${directory.path}/file`;
  await Deno.writeTextFile(path, "content");
  await forum.upload("thread", "file", path);
  using talker = await FramePeer.named("dora", channels);
  await talker.send("/create tea");
  assertEquals(await talker.settle(), []);
  const refused = server.err.match(/accept/g)?.length ?? 0;
  assertGreater(refused, 0, `${CONNECTIONS} connections were accepted with ${LIMIT} descriptors`);
  assertEquals((await server.end()).code, 0, server.err);
  report(
    `${MESSAGES} messages of ${BYTES} bytes passed while ${CONNECTIONS} connections took every descriptor, ${
      isRefused ? "some" : "none"
    } of them after a refusal`,
  );
});
