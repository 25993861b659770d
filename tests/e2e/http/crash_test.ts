/** HTTP over kill -9 of the server (http.md 8.3, 8.5, 8.7). */

import { assertEquals } from "@std/assert";
import { HttpPeer, type HttpReply } from "../../http.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** Clients that send at the same time, and requests of each. */
const CLIENTS = 8, REQUESTS = 40;

/** What each client sends: its texts, each of which is its key too. */
const TEXTS = Array.from(
  { length: CLIENTS },
  (_, client) => Array.from({ length: REQUESTS }, (_, i) => `${client}-${i}`),
);

/** Requests with keys, and what they were answered. */
class KeyedRequests {
  readonly #request: string;
  readonly #headers: Record<string, string>;
  readonly #answers = new Map<string, string>();

  constructor(request: string, headers: Record<string, string> = {}) {
    this.#request = request;
    this.#headers = headers;
  }

  /** Sends those of all clients, and kills the server when half of them are answered. */
  async sendAndKill(server: ServerProcess) {
    const port = await server.ready("http"), half = Promise.withResolvers<void>();
    const onAnswer = () => this.#answers.size >= CLIENTS * REQUESTS / 2 && half.resolve();
    const sending = TEXTS.map((texts) => this.#send(port, texts, onAnswer));
    await half.promise;
    await server.end("SIGKILL");
    await Promise.all(sending);
  }

  /** Sends all of them again. */
  async sendAgain(port: number) {
    await Promise.all(TEXTS.map((texts) => this.#send(port, texts, () => {})));
    assertEquals(this.#answers.size, CLIENTS * REQUESTS);
  }

  /** Until the server is gone. */
  async #send(port: number, texts: readonly string[], onAnswer: () => void) {
    using peer = await HttpPeer.connect(port);
    for (const text of texts) {
      const headers = { ...this.#headers, "idempotency-key": text };
      let reply: HttpReply;
      try {
        reply = await peer.request(this.#request, { headers, body: text });
      } catch {
        return;
      }
      assertEquals(reply.status, 201, reply.body);
      // what was answered before the crash is answered the same after it
      assertEquals(this.#answers.get(text) ?? reply.body, reply.body);
      this.#answers.set(text, reply.body);
      onAnswer();
    }
  }
}

Deno.test("each put with a key is stored once, although the server is killed in between and all are sent again", async () => {
  await using data = await temporaryDirectory();
  const options = ["mailbox", "0", "--data", data.path], puts = new KeyedRequests("POST /mailbox/bob");
  await using killed = await ServerProcess.start(options);
  await puts.sendAndKill(killed);
  await using server = await ServerProcess.start(options);
  const port = await server.ready("http");
  await puts.sendAgain(port);
  using bob = await HttpPeer.connect(port);
  const taken: string[] = [];
  for (let reply; (reply = await bob.request("POST /mailbox/bob/receive?max=64")).status === 200;) {
    taken.push(...reply.body.trim().split("\n"));
  }
  assertEquals(taken.toSorted(), TEXTS.flat().toSorted());
});

Deno.test("each post with a key is in its thread once, although the server is killed in between and all are sent again", async () => {
  await using data = await temporaryDirectory();
  const options = ["mailbox", "0", "forum", "0", "--data", data.path], env = { WIREPOST_PASSWORD: "wise@!@" };
  const headers = { authorization: `Basic ${btoa(`yoda:${env.WIREPOST_PASSWORD}`)}` };
  const posts = new KeyedRequests("POST /thread/plans", headers);
  await using killed = await ServerProcess.start(options);
  const added = await wirepost(["account", "add", "yoda", "--data", data.path], { env });
  assertEquals(added, { code: 0, out: "", err: "" });
  {
    using yoda = await HttpPeer.connect(await killed.ready("http"));
    assertEquals((await yoda.request("POST /thread", { headers, body: "plans" })).status, 201);
  }
  await posts.sendAndKill(killed);
  await using server = await ServerProcess.start(options);
  const port = await server.ready("http");
  await posts.sendAgain(port);
  using yoda = await HttpPeer.connect(port);
  const texts: string[] = [];
  const accept = { ...headers, accept: "application/json" };
  for (let after = 0, more = true; more;) {
    const page = JSON.parse(
      (await yoda.request(`GET /thread/plans?after=${after}`, { headers: accept })).body,
    );
    for (const { id, text } of page.entries) [after] = [id, texts.push(text)];
    more = page.more;
  }
  assertEquals(texts.toSorted(), TEXTS.flat().toSorted());
});

Deno.test("a lease is acknowledged by its ID after the server was killed, and what was taken is not given again", async () => {
  await using data = await temporaryDirectory();
  const options = ["mailbox", "0", "--data", data.path];
  let lease: string;
  {
    await using server = await ServerProcess.start(options);
    using peer = await HttpPeer.connect(await server.ready("http"));
    for (const body of ["taken", "leased", "left"]) await peer.request("POST /mailbox/bob", { body });
    assertEquals((await peer.request("POST /mailbox/bob/receive")).body, "taken\n");
    const { body, headers } = await peer.request("POST /mailbox/bob/receive?lease=1h");
    assertEquals(body, "leased\n");
    lease = headers["wirepost-lease"]!;
    await server.end("SIGKILL");
  }
  await using server = await ServerProcess.start(options);
  using peer = await HttpPeer.connect(await server.ready("http"));
  assertEquals((await peer.request("POST /mailbox/bob/receive?max=9")).body, "left\n");
  assertEquals((await peer.request(`DELETE /lease/${lease}`)).status, 204);
  const { body } = await peer.request("GET /mailbox/bob", { headers: { accept: "application/json" } });
  const { ready, leased, dead } = JSON.parse(body);
  // what was taken is not there for anybody, though it may still be counted with what is leased
  assertEquals([ready, dead, leased <= 1], [0, 0, true]);
});
