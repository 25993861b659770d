/** A server without room for one more client, as a user of the program sees it. */

import { assertEquals, assertMatch } from "@std/assert";
import { encodeAnswers } from "../../../protocol/session.ts";
import { FROM_SOURCE } from "../../program.ts";

/** Answers every session by its challenge, and then by `busy`, until there is room. */
class BusyServer implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #reading: Promise<void>;
  /** What is answered in the place of `busy`, by the kind of the first request. */
  room: Record<string, string> | undefined;

  constructor() {
    this.#reading = this.#read();
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async #read() {
    for await (const [datagram, from] of this.#socket) {
      const [header = "", ...lines] = new TextDecoder().decode(datagram).split("\n");
      if (header.startsWith("S1>")) {
        const [, id, startId] = header.split(" ");
        const answer = startId === "-" ? "1111111111111111 challenge" : "- busy";
        await this.#socket.send(new TextEncoder().encode(`S1< ${id} 00000001 ${answer}`), from);
        continue;
      }
      const session = header.split(" ")[1]!, [kind = ""] = (lines[0] ?? "").split(",");
      const isFirst = header.split(" ")[2] === "-";
      const answer = this.room?.[kind] ?? (this.room === undefined ? "busy" : undefined);
      const answers = isFirst || answer === undefined ? [] : [answer];
      const cookie = isFirst ? "1".repeat(28) : "";
      await this.#socket.send(
        encodeAnswers({ session, startId: "00000001", cookie, done: 0 }, answers),
        from,
      );
    }
  }

  async [Symbol.asyncDispose]() {
    this.#socket.close();
    await this.#reading;
  }
}

/** A command of the program that runs, with what it says on standard error. */
class Running implements AsyncDisposable {
  err = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #said = Promise.withResolvers<void>();

  constructor(args: readonly string[]) {
    const [program = "", ...before] = FROM_SOURCE;
    this.#child = new Deno.Command(program, {
      args: [...before, ...args],
      env: { WIREPOST_PASSWORD: "secret" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  async #read() {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.err += text;
      if (this.err.includes("\n")) this.#said.resolve();
    }
    this.#said.resolve();
  }

  /** The first line that it says. */
  async firstLine(): Promise<string> {
    await this.#said.promise;
    return this.err.split("\n")[0]!;
  }

  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose]() {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.ended();
  }
}

// session.md 3.10
Deno.test("send, receive and forum say that the server is busy, once, and go on when it has room", async () => {
  await using server = new BusyServer();
  const address = `127.0.0.1:${server.port}`, busy = "the server is busy; trying again";
  await using send = new Running(["send", "bob", "hi", "--from", "alice", "--server", address]);
  await using receive = new Running(["receive", "bob", "--server", address]);
  await using follow = new Running(["receive", "bob", "--follow", "--server", address]);
  const options = ["127.0.0.1", `${server.port}`, "--user", "yoda", "LST"];
  await using forum = new Running(["forum", ...options]);
  assertEquals(await send.firstLine(), `wirepost send: ${busy} for up to 60 s`);
  assertEquals(await receive.firstLine(), `wirepost receive: ${busy} for up to 60 s`);
  assertEquals(await follow.firstLine(), `wirepost receive: ${busy}`);
  assertEquals(await forum.firstLine(), `wirepost forum: ${busy} for up to 60 s`);
  server.room = { put: "ok,1", lease: "none,1" };
  assertEquals([await send.ended(), await receive.ended()], [0, 3]);
  // once, however often the server says so
  for (const { err } of [send, receive]) assertMatch(err, /^[^\n]*\n$/);
});
