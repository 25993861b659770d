/** A mailbox whose waiting receivers end, by SIGTERM or by SIGKILL. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { connectMailbox, type Mailbox } from "../../client/mailbox.ts";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory } from "../program.ts";
import { FULL, report } from "./form.ts";
import { PATIENCE_MS } from "../patience.ts";

/** Receivers that end, one after the other; one more stays. */
const ENDING = FULL ? 20 : 4;

/** Messages that are sent at once, around the end of each. */
const BURST = 3;

/** Milliseconds from the call of `send` to the printed line; a machine with much else to do takes its time. */
const LATEST_MS = 100;

/**
 * A message that is given to a killed receiver comes a second later (session.md 7.6), and nothing before it. Each receiver
 * says that it has its message before it prints it, so two that print at the same time may do so in any order.
 */
const OVERTAKEN_MS = 500;

/** `receive --follow` in several processes, which print into one pipe: so what they print has one order. */
class Receivers implements AsyncDisposable {
  readonly lines: string[] = [];
  /** When each of these was printed. */
  readonly #times: number[] = [];
  readonly #path: string;
  readonly #pipe: Deno.FsFile;
  readonly #children: Deno.ChildProcess[];
  readonly #reading: Promise<void>;
  /** Callers that wait for a line. */
  readonly #expected = new Map<string, () => void>();

  private constructor(path: string, pipe: Deno.FsFile, children: Deno.ChildProcess[]) {
    this.#path = path;
    this.#pipe = pipe;
    this.#children = children;
    this.#reading = this.#read();
  }

  static async start(count: number, directory: string, address: string): Promise<Receivers> {
    const path = `${directory}/printed`;
    assertEquals((await runCommand(["mkfifo", path])).code, 0);
    // for writing too, so that opening it waits for nobody, and reading does not end
    const pipe = await Deno.open(path, { read: true, write: true });
    const script = `exec "$@" >>'${path}'`;
    const args = ["-c", script, "sh", ...FROM_SOURCE, "receive", "bob", "--follow", "--server", address];
    const children = Array.from(
      { length: count },
      () => new Deno.Command("sh", { args, stdin: "null", stderr: "inherit" }).spawn(),
    );
    return new Receivers(path, pipe, children);
  }

  async #read() {
    const buffer = new Uint8Array(65_536), decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const length = await this.#pipe.read(buffer) ?? 0;
      const lines = (rest + decoder.decode(buffer.subarray(0, length))).split("\n");
      rest = lines.pop()!;
      if (lines.includes("the end")) return;
      this.lines.push(...lines);
      this.#times.push(...lines.map(() => performance.now()));
      for (const line of lines) this.#expected.get(line)?.();
    }
  }

  /** Lines of which a later one, by its number, was printed {@linkcode OVERTAKEN_MS} before. */
  get overtaken(): string[] {
    const isOvertaken = (line: string, at: number) =>
      this.lines.some((other, i) =>
        Number(other) > Number(line) && this.#times[i]! + OVERTAKEN_MS < this.#times[at]!
      );
    return this.lines.filter(isOvertaken);
  }

  /** Resolves when this line was printed. */
  async printed(line: string) {
    if (!this.lines.includes(line)) await new Promise<void>((resolve) => this.#expected.set(line, resolve));
  }

  kill(i: number, signal: Deno.Signal) {
    this.#children[i]!.kill(signal);
  }

  ended(i: number): Promise<Deno.CommandStatus> {
    return this.#children[i]!.status;
  }

  async [Symbol.asyncDispose]() {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await child.status;
    }
    // through another file: this one is being read
    await Deno.writeTextFile(this.#path, "the end\n", { append: true, create: false });
    await this.#reading;
    this.#pipe.close();
  }
}

/** Runs receivers. Gives a function that sends messages, and resolves to how late the last of them was printed. */
async function withReceivers(
  use: (receivers: Receivers, send: (count: number) => Promise<number>, mailbox: Mailbox) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--log-level", "debug"]);
  await using receivers = await Receivers.start(ENDING + 1, directory.path, server.address);
  await using mailbox = await connectMailbox({ port: server.port, timeout: PATIENCE_MS });
  // everybody waits
  await server.logged("in a session: lease mailbox 'bob'", ENDING + 1);
  let sent = 0;
  const send = async (count: number) => {
    const latencies = Array.from({ length: count }, async () => {
      const text = `${++sent}`, since = performance.now();
      await Promise.all([mailbox.send("bob", "alice", text), receivers.printed(text)]);
      return performance.now() - since;
    });
    return Math.max(...await Promise.all(latencies));
  };
  await use(receivers, send, mailbox);
  assertEquals((await mailbox.stat("bob")).dead, 0);
}

// session.md 7.3
Deno.test("receivers that are ended by SIGTERM delay no message, lose none, and leave the order as it was", () =>
  withReceivers(async (receivers, send, mailbox) => {
    let latest = 0;
    for (let i = 0; i < ENDING; i++) {
      latest = Math.max(latest, await send(1));
      // with messages on their way to it, and from it
      const before = send(i % BURST);
      receivers.kill(i, "SIGTERM");
      latest = Math.max(latest, await send(BURST - i % BURST), await before);
      assertEquals((await receivers.ended(i)).code, 143);
    }
    latest = Math.max(latest, await send(BURST));
    while ((await mailbox.stat("bob")).messages !== 0);
    const { lines } = receivers;
    assertEquals(
      lines.toSorted((a, b) => Number(a) - Number(b)),
      lines.map((_, i) => `${i + 1}`),
      "all once",
    );
    assertEquals(receivers.overtaken, []);
    report(
      `latest of ${lines.length} messages while ${ENDING} receivers were ended: ${Math.round(latest)} ms`,
    );
    if (FULL) assertLess(latest, LATEST_MS);
  }));

// session.md 7.4
Deno.test("receivers that are killed while they wait do not let a later message come before an earlier one", () =>
  withReceivers(async (receivers, send, mailbox) => {
    let latest = 0;
    for (let i = 0; i < ENDING; i++) {
      latest = Math.max(latest, await send(1));
      // every printed message is acknowledged
      while ((await mailbox.stat("bob")).messages !== 0);
      receivers.kill(i, "SIGKILL");
      await receivers.ended(i);
      latest = Math.max(latest, await send(BURST));
    }
    const { lines } = receivers;
    assert(lines.length === ENDING * (BURST + 1), `${lines.length} lines`);
    assertEquals(
      lines.toSorted((a, b) => Number(a) - Number(b)),
      lines.map((_, i) => `${i + 1}`),
      "all once",
    );
    assertEquals(receivers.overtaken, []);
    report(
      `latest of ${lines.length} messages while ${ENDING} receivers were killed: ${Math.round(latest)} ms`,
    );
  }));
