import { assert, assertEquals, assertMatch } from "@std/assert";
import { PATIENCE_MS } from "../../patience.ts";
import { Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, report } from "../form.ts";
import { mount } from "./mount.ts";

const FAILED =
  / error store - cannot write to disk \(.*\): messages are refused, what is stored can be read$/gm;
const WORKS = / warn store - can write to disk again: \d+ requests? (?:was|were) refused meanwhile$/gm;

/** Messages at a time: these always fit into the server's socket. */
const BURST = 32;

/** Bytes of a message, and what the server needs to take it: in the short form few messages fill a disk. */
const BYTES = FULL ? 500 : 3500, LONG_MESSAGES = FULL ? [] : ["--max-datagram", "4096"];

/** Size of the disk that others fill too, and what the server holds back of it: an eighth. */
const DISK_MIB = 12, RESERVE_BYTES = DISK_MIB * 1024 ** 2 / 8;

/** How often a server may be full and not full in turn while hundreds of messages are refused. */
const MAX_TURNS = 4;

/** Numbers of the messages that were put last and taken last. */
interface Numbers {
  put: number;
  taken: number;
}

/** A server, and a client that fills and empties its mailbox `bob`. */
class Disk implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #peer: Peer;
  readonly administrator: Administrator;
  readonly #number: Numbers;
  /** The number of its first message. */
  readonly #first: number;
  #ended = false;

  private constructor(server: ServerProcess, administrator: Administrator, number: Numbers) {
    this.#server = server;
    this.#peer = new Peer(server.port);
    this.administrator = administrator;
    this.#number = number;
    this.#first = number.put;
  }

  static async start(data: string, options: readonly string[], number: Numbers): Promise<Disk> {
    const server = await ServerProcess.start(["mailbox", "0", "--data", data, ...LONG_MESSAGES, ...options]);
    const administrator = await Administrator.of(data, new Peer(server.port));
    return new Disk(server, administrator, number);
  }

  /**
   * Ends the server, which has to have logged that it is full, and in turn that it takes messages again: once, or a few
   * times where a checkpoint made a little room, and not for each message.
   */
  async end(signal: Deno.Signal, { isFull }: { isFull: boolean }) {
    const { failed, works } = await this.#stop(signal);
    assertEquals(failed - works, isFull ? 1 : 0, "the last line says what holds");
    assert(failed >= 1 && failed <= MAX_TURNS, `it was full ${failed} times`);
  }

  /** Gives how often it logged either. */
  async #stop(signal: Deno.Signal): Promise<{ failed: number; works: number }> {
    if (!this.#ended) this.#peer[Symbol.dispose](), this.administrator[Symbol.dispose]();
    this.#ended = true;
    await this.#server.end(signal);
    const count = (line: RegExp) => this.#server.err.match(line)?.length ?? 0;
    return { failed: count(FAILED), works: count(WORKS) };
  }

  async [Symbol.asyncDispose]() {
    await this.#stop("SIGKILL");
  }

  /** Puts messages of about {@linkcode BYTES}, numbered from 0, and waits for their outcomes. */
  async put(count = BURST) {
    for (let i = 0; i < count; i++) {
      await this.#peer.send(`F, bob, alice, ${this.#number.put++} ${"x".repeat(BYTES)}`);
    }
    assertEquals(await this.#peer.ask("R, nobody"), "X");
  }

  /** Messages that were put since the server started, by outcome. */
  async figures(): Promise<{ stored: number; refused: number }> {
    const figures = await this.administrator.figures();
    return { stored: figures("stored"), refused: figures("refused storage") };
  }

  /** Puts messages until some are refused, and then as many again. */
  async fill(): Promise<{ stored: number; refused: number }> {
    while ((await this.figures()).refused === 0) for (let i = 0; i < 8; i++) await this.put();
    for (let i = 0; i < 8; i++) await this.put();
    const figures = await this.figures();
    assertEquals(
      figures.stored + figures.refused,
      this.#number.put - this.#first,
      "stored or counted as refused",
    );
    return figures;
  }

  /** Takes the next message, which has to be a later one than the last. */
  async take(): Promise<boolean> {
    const reply = await this.#peer.ask("R, bob");
    if (reply === "X") return false;
    const [, digits, text = ""] = /^N, \S+, alice, (\d+) (x+)$/.exec(reply) ?? [], number = Number(digits);
    assertEquals(text.length, BYTES);
    assert(number > this.#number.taken, `${number} came after ${this.#number.taken}: ${reply}`);
    this.#number.taken = number;
    return true;
  }

  async takeAll(): Promise<number> {
    let taken = 0;
    while (await this.take()) taken++;
    return taken;
  }

  /** Puts a message again and again into the empty mailbox until one is stored. */
  async putUntilStored() {
    const end = performance.now() + PATIENCE_MS;
    do {
      await this.put(1);
      assert(performance.now() < end, "there is room, and messages are refused");
    } while (!await this.take());
  }
}

interface Full {
  data: string;
  options: readonly string[];
  /** Fills the disk with other things than messages. */
  occupy?: () => Promise<void>;
  /** Undoes it. */
  free?: () => Promise<void>;
}

/** Whether the server is restarted on the full disk, after which signal, and what makes room then. */
interface Way {
  end?: Deno.Signal;
  by: "take" | "clear";
}
const WAYS: Way[] = [{ by: "take" }, { by: "clear" }, { by: "take", end: "SIGKILL" }];
if (FULL) WAYS.push({ by: "take", end: "SIGTERM" }, { by: "clear", end: "SIGKILL" });

async function fillAndEmpty(full: Full, { end, by }: Way) {
  const { data, options, occupy, free } = full;
  const number = { put: 0, taken: -1 };
  await using first = await Disk.start(data, options, number);
  await first.put();
  await occupy?.();
  const { stored, refused } = await first.fill();
  assertEquals(await first.administrator.count("bob"), stored);
  report(`${stored} messages stored, ${refused} refused`);

  let disk = first, expected = stored;
  if (end !== undefined) {
    await first.end(end, { isFull: true });
    await occupy?.();
    disk = await startAgain(full, number);
  }
  await using second = disk;
  if (end !== undefined) {
    assertEquals(await second.administrator.count("bob"), stored, "what is there after the restart");
    expected += (await second.fill()).stored;
  }
  assertEquals([await second.take(), await second.take()], [true, true]);
  if (by === "clear") assertEquals(await second.administrator.ask("clear, bob"), [String(expected - 2)]);
  else assertEquals(await second.takeAll(), expected - 2, "what was counted and what came");
  assertEquals(await second.administrator.count(), 0);
  await free?.();
  await second.putUntilStored();
  await second.end("SIGTERM", { isFull: false });
}

/**
 * A server that was killed in the middle of a checkpoint had released its reserve: if others took that space, it says so,
 * and starts when it has the room again.
 */
async function startAgain({ data, options, free }: Full, number: Numbers): Promise<Disk> {
  const held = await Deno.stat(`${data}/reserve`).then(({ size }) => size, () => 0);
  try {
    return await Disk.start(data, options, number);
  } catch (error) {
    if (free === undefined || held >= RESERVE_BYTES) throw error;
    assertMatch(String(error), /: Cannot write \S+: No space left on device\n$/);
    await free();
    return await Disk.start(data, options, number);
  }
}

/** Uses up the room. */
async function occupy(path: string) {
  using file = await Deno.open(path, { create: true, append: true });
  const block = new Uint8Array(4096);
  for (;;) {
    try {
      file.writeSync(block);
    } catch {
      return;
    }
  }
}

for (const way of WAYS) {
  const how = `by ${way.by}${way.end === undefined ? "" : ` after ${way.end} and a start`}`;

  Deno.test(`a server at --max-file gives out what it has, and then takes messages again: ${how}`, async () => {
    await using directory = await temporaryDirectory();
    await fillAndEmpty({ data: directory.path, options: ["--max-file", "1MiB"] }, way);
  });

  Deno.test(`a server that fills its disk gives out what it has, and then takes messages again: ${how}`, async () => {
    await using disk = await mount(DISK_MIB);
    if (disk) await fillAndEmpty({ data: `${disk.path}/data`, options: [] }, way);
  });

  Deno.test(`a server on a disk that others fill gives out what it has, and takes messages when there is room: ${how}`, async () => {
    await using disk = await mount(DISK_MIB);
    if (disk === undefined) return;
    const file = `${disk.path}/file`;
    await fillAndEmpty({
      data: `${disk.path}/data`,
      options: [],
      occupy: () => occupy(file),
      free: () => Deno.truncate(file),
    }, way);
  });
}
