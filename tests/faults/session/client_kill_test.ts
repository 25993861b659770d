import { assert, assertEquals } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";
import { ServerProcess, temporaryDirectory } from "../../program.ts";
import { ClientProcess } from "../client_process.ts";
import { FULL, obtainSeed, randomNumbers, report } from "../form.ts";
import { PATIENCE_MS } from "../../patience.ts";

/** Senders that are killed, and receivers. */
const CLIENT_KILLS = FULL ? 50 : 2;

/** What is known of the messages of one mailbox, while its senders and receivers are killed. */
class Mail {
  /** By sender, the numbers that it said are stored. */
  readonly stored = new Map<string, number[]>();
  /** Messages by their IDs. */
  readonly given = new Map<number, string>();
  readonly acknowledged = new Set<number>();
  /** Those that a killed receiver had and can't have acknowledged; and those of them that were given out again. */
  readonly owed = new Set<number>();
  again = 0;
  lost = 0;

  give(id: number, text: string) {
    assert(!this.acknowledged.has(id), `message ${id} was acknowledged, and given out again`);
    assertEquals(this.given.get(id) ?? text, text, `message ${id}`);
    this.given.set(id, text);
    if (this.owed.delete(id)) this.again++;
  }

  acknowledge(id: number) {
    assert(!this.acknowledged.has(id), `message ${id} was acknowledged twice`);
    this.acknowledged.add(id);
  }

  /** Takes what a sender printed before it was killed. */
  sender(name: string, lines: readonly string[]) {
    this.stored.set(name, lines.map((line) => Number(/^acknowledged (\d+)$/.exec(line)?.[1])));
  }

  /** Takes what a receiver printed before it was killed. */
  receiver(lines: readonly string[]) {
    const open: number[] = [];
    for (const line of lines) {
      const [, what, id = "", text = ""] = /^(\w+) (\d+)(?: (.*))?$/.exec(line) ?? [];
      if (what === "given") {
        this.give(Number(id), text);
        open.push(Number(id));
        continue;
      }
      assertEquals(Number(id), open.shift(), "acknowledged in the order in which they were given");
      if (what === "acknowledged") this.acknowledge(Number(id));
      else this.lost++;
    }
    // it acknowledged one after the other: whether it has the first, nobody knows
    for (const id of open.slice(1)) this.owed.add(id);
  }
}

Deno.test("kill -9 of clients loses nothing that was acknowledged, and gives out again what was not", async () => {
  const random = randomNumbers(obtainSeed());
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path]);
  await using stack = new AsyncDisposableStack();
  const port = `${server.port}`, mail = new Mail();
  const startSender = (i: number) =>
    stack.use(new ClientProcess("session/sender.ts", [port, "bob", `sender-${i}`]));
  const startReceiver = () => stack.use(new ClientProcess("session/receiver.ts", [port, "bob"]));

  const killSenders = async () => {
    for (let i = 0; i < CLIENT_KILLS; i++) {
      const sender = startSender(i);
      await sender.printed(500 + random(500));
      mail.sender(`sender-${i}`, await sender.kill());
    }
  };
  const killReceivers = async () => {
    for (let i = 0; i < CLIENT_KILLS; i++) {
      const receiver = startReceiver();
      // two lines a message: less than the senders put
      await receiver.printed(100 + random(200));
      mail.receiver(await receiver.kill());
    }
  };
  await Promise.all([killSenders(), killReceivers()]);

  const acknowledged = mail.acknowledged.size, owed = mail.owed.size + mail.again;
  await using connection = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  const receiveLeft = async () => {
    for await (const message of connection.messages("bob", { wait: 1000, prefetch: 32 })) {
      mail.give(message.id, message.text);
      assertEquals(message.sender, message.text.split(" ")[0]);
      if (await message.ack()) mail.acknowledge(message.id);
    }
    return await connection.stat("bob");
  };
  // the last receiver's leases have to end
  let left = await receiveLeft();
  while (left.messages! > left.dead!) left = await receiveLeft();

  const said = [...mail.stored.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  report(
    `kills of clients: ${CLIENT_KILLS} of senders, ${CLIENT_KILLS} of receivers; ${said} messages said to be stored, ` +
      `${mail.given.size} stored; ${acknowledged} acknowledged by the receivers that were killed; ` +
      `${owed} they had and did not acknowledge, ${mail.again} of these given out again; ` +
      `${mail.lost} acknowledged too late`,
  );
  for (const [name, numbers] of mail.stored) {
    // IDs show the order in the store: all up to some number are there, in order, none twice
    const there = [...mail.given].filter(([, text]) => text.startsWith(`${name} `)).toSorted(([a], [b]) =>
      a - b
    )
      .map(([, text]) => Number(text.slice(name.length + 1)));
    assertEquals(there, there.map((_, i) => i), `what ${name} sent`);
    for (const n of numbers) {
      assert(n < there.length, `${name} got the answer that ${n} is stored, and it is not there`);
    }
  }
  assertEquals(left, { ...left, messages: 0, dead: 0 });
  assertEquals([...mail.owed], [], "not given out again");
  assert(mail.again > 0, "no receiver was killed in the midst of its work");
});
