/** A program that computes for a while, and reads neither timers nor sockets meanwhile. */

import { assertEquals } from "@std/assert";
import { connectMailbox } from "../../../client/mailbox.ts";

/** Answers the puts of one session; `answered` is called when the answer to a number is in the client's socket. */
class AnsweringServer implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  /** The numbers of all puts that came. */
  readonly puts: number[] = [];

  constructor(answered: (n: number) => void) {
    this.#serving = this.#serve(answered);
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async #serve(answered: (n: number) => void) {
    for await (const [datagram, from] of this.#socket) {
      const [header = "", ...lines] = new TextDecoder().decode(datagram).split("\n");
      const [, session, startId] = header.split(" ");
      const answer = (text: string) =>
        this.#socket.send(new TextEncoder().encode(`P1< ${session} 00000001 ${text}`), from);
      if (startId === "-") {
        await answer(`${"0".repeat(28)} 0`);
        continue;
      }
      for (const line of lines) {
        const n = Number(/^put,(\d+),/.exec(line)?.[1] ?? 0);
        if (n === 0) continue;
        this.puts.push(n);
        await answer(`- ${n}\nok,${n}`);
        answered(n);
      }
    }
  }

  async [Symbol.asyncDispose]() {
    this.#socket.close();
    await this.#serving;
  }
}

// session.md 9.1
Deno.test("an answer that came while the program computed is read before its request counts as lost", async () => {
  const COUNT = 60;
  await using server = new AnsweringServer((n) => {
    // longer than the time-out, once round trips are known; on this thread, as the client
    if (n <= 30 || n % 5 !== 0) return;
    for (const since = performance.now(); performance.now() - since < 100;);
  });
  await using mailbox = await connectMailbox({ port: server.port });
  for (let i = 1; i <= COUNT; i++) await mailbox.send("bob", "alice", `${i}`);
  assertEquals(server.puts, Array.from({ length: COUNT }, (_, i) => i + 1), "each once");
});
