/** HTTP over kill -9 of the server (http.md 8.3, 8.5, 8.7). */

import { assertEquals } from "@std/assert";
import { HttpPeer, type HttpReply } from "../../http.ts";
import { ServerProcess, temporaryDirectory } from "../../program.ts";

/** Clients that put at the same time, and messages of each. */
const CLIENTS = 8, MESSAGES = 40;

/** Puts the messages of one client, each with a key, until the server is gone. Returns the answers of those that had one. */
async function putAll(port: number, client: number, answers: Map<string, string>, onAnswer: () => void) {
  using peer = await HttpPeer.connect(port);
  for (let i = 0; i < MESSAGES; i++) {
    const key = `${client}-${i}`;
    let reply: HttpReply;
    try {
      reply = await peer.request("POST /mailbox/bob", { headers: { "idempotency-key": key }, body: key });
    } catch {
      return;
    }
    assertEquals(reply.status, 201, reply.body);
    // what was answered before the crash is answered the same after it
    assertEquals(answers.get(key) ?? reply.body, reply.body);
    answers.set(key, reply.body);
    onAnswer();
  }
}

Deno.test("each put with a key is stored once, although the server is killed in between and all are sent again", async () => {
  await using data = await temporaryDirectory();
  const options = ["mailbox", "0", "--data", data.path], answers = new Map<string, string>();
  const clients = Array.from({ length: CLIENTS }, (_, i) => i);
  {
    await using server = await ServerProcess.start(options);
    const port = await server.ready("http"), half = Promise.withResolvers<void>();
    const onAnswer = () => answers.size >= CLIENTS * MESSAGES / 2 && half.resolve();
    const puts = clients.map((client) => putAll(port, client, answers, onAnswer));
    await half.promise;
    await server.end("SIGKILL");
    await Promise.all(puts);
  }
  await using server = await ServerProcess.start(options);
  const port = await server.ready("http");
  await Promise.all(clients.map((client) => putAll(port, client, answers, () => {})));
  using bob = await HttpPeer.connect(port);
  const taken: string[] = [];
  for (let reply; (reply = await bob.request("POST /mailbox/bob/receive?max=64")).status === 200;) {
    taken.push(...reply.body.trim().split("\n"));
  }
  const expected = clients.flatMap((client) => Array.from({ length: MESSAGES }, (_, i) => `${client}-${i}`));
  assertEquals(taken.toSorted(), expected.toSorted());
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
