/** `wirepost receive` beside other receivers of a mailbox: it takes no more than it works on. */

import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { connectMailbox, type Mailbox } from "../../../client/mailbox.ts";
import { FROM_SOURCE, ServerProcess } from "../../program.ts";

/** Runs with a server that has these messages for bob, and a receiver, `wirepost receive bob` with these arguments. */
async function withReceiver(
  texts: readonly string[],
  args: readonly string[],
  use: (mailbox: Mailbox) => Promise<void>,
) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using mailbox = await connectMailbox({ port: server.port });
  await Promise.all(texts.map((text) => mailbox.send("bob", "alice", text)));
  const [program = "", ...before] = FROM_SOURCE;
  const receiver = new Deno.Command(program, {
    args: [...before, "receive", "bob", "--server", server.address, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    await use(mailbox);
  } finally {
    receiver.kill("SIGTERM");
    await receiver.status;
    await receiver.stdout.cancel();
  }
}

/** Takes what bob has until nothing comes for longer than a receiver may hold what it has not come to. */
async function takeOthers(mailbox: Mailbox): Promise<{ taken: number; attempts: Set<number> }> {
  const attempts = new Set<number>();
  let taken = 0;
  for await (const message of mailbox.messages("bob", { wait: 2500 })) {
    attempts.add(message.attempt);
    taken++;
    message.ack();
  }
  return { taken, attempts };
}

/** Waits until the counts of bob's mailbox are so. */
async function until(mailbox: Mailbox, isSo: (counts: Record<string, number>) => boolean) {
  while (!isSo(await mailbox.stat("bob")));
}

const COUNT = 2000;

// session.md 6.10
Deno.test("a receiver whose output nobody reads holds a batch, and leaves the rest to others", () => {
  const texts = Array.from({ length: COUNT }, (_, i) => `${i} `.padEnd(500, "."));
  return withReceiver(texts, ["--follow", "--json"], async (mailbox) => {
    // it has begun, and a pipe holds about a hundred
    await until(mailbox, ({ messages = 0 }) => messages < COUNT - 50);
    const { taken, attempts } = await takeOthers(mailbox);
    assertEquals([...attempts], [1]);
    assertGreater(taken, COUNT / 2);
    assertLessOrEqual((await mailbox.stat("bob")).messages ?? 0, 64);
  });
});

Deno.test("a receiver that runs a command has the message that the command works on, and no other", () =>
  withReceiver(["1", "2", "3", "4", "5"], ["--follow", "--exec", "exec sleep 600"], async (mailbox) => {
    await until(mailbox, ({ leased }) => leased === 1);
    assertEquals(await takeOthers(mailbox), { taken: 4, attempts: new Set([1]) });
    assertEquals((await mailbox.stat("bob")).messages, 1);
  }));
