/** The limits of the file transfer as `wirepost serve` takes them, and a server that runs out of descriptors. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Forum } from "../../../client/forum.ts";
import { SessionConnection } from "../../../client/session/seal/session_connection.ts";
import { Session } from "../../../client/session/session.ts";
import { decodeForumAnswer } from "../../../protocol/forum.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory } from "../../program.ts";
import { TransferPeer } from "../../client/transfer/peer.ts";
import { CuttingProxy } from "../../client/transfer/proxy.ts";

/** A forum whose files go to this port, and its commands to the server. */
async function connect(server: ServerProcess, name: string, files = server.port): Promise<Forum> {
  const connection = await SessionConnection.open(
    { port: server.port, as: { name, password: "jedi", make: true } },
    { service: "forum", port: server.port, keepAlive: true },
    (environment) => new Session(environment, decodeForumAnswer),
  );
  const { session } = connection;
  return new Forum({
    request: (...change) => session.request(...change),
    query: (query) => session.query(query),
    close: (limit) => connection.close(limit),
    transferKeys: (ticket) => connection.transferKeys(ticket),
  }, { hostname: "127.0.0.1", port: files });
}

Deno.test("with --max-files files, another one is refused before it is sent", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["forum", "0", "--memory", "--max-files", "1"]);
  await using yoda = await connect(server, "yoda");
  const path = `${directory.path}/notes.txt`;
  await Deno.writeTextFile(path, "5 Ω");
  await yoda.create("thread0");
  await yoda.upload("thread0", "one", path);
  const error = await assertRejects(() => yoda.upload("thread0", "two", path), Error);
  assertMatch(error.message, /no ticket there may be 1 files/);
  await yoda.remove("thread0");
  await yoda.create("thread0");
  // what was removed goes piece by piece
  for (let isDone = false; !isDone;) {
    isDone = await yoda.upload("thread0", "two", path).then(() => true, (error) => {
      assertMatch(error.message, /there may be 1 files/);
      return false;
    });
  }
});

Deno.test("--max-transfers limits simultaneous transfers", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["forum", "0", "--memory", "--max-transfers", "1"]);
  const fell = Promise.withResolvers<void>();
  await using proxy = await CuttingProxy.start(
    server.port,
    () => ({ cut: "silence", after: 100, then: fell.resolve }),
  );
  await using yoda = await connect(server, "yoda", proxy.port);
  await using luke = await connect(server, "luke");
  const path = `${directory.path}/notes.txt`;
  await Deno.writeTextFile(path, "5 Ω".repeat(100));
  await yoda.create("thread0");

  const ended = new Error("it has been seen");
  const first = new AbortController(), second = new AbortController();
  const slow = assertRejects(() => yoda.upload("thread0", "one", path, { signal: first.signal }), Error);
  await fell.promise;
  let why = "";
  const onRetry = (reason: string) => {
    why = reason;
    second.abort(ended);
  };
  const upload = () => luke.upload("thread0", "two", path, { signal: second.signal, onRetry });
  assertEquals(await assertRejects(upload, Error), ended);
  assertEquals(why, "the server answers: too many transfers at the same time");
  first.abort(ended);
  assertEquals(await slow, ended);
});

Deno.test("with --file-connections connections, a new one replaces one without a ticket", async () => {
  await using server = await ServerProcess.start(["forum", "0", "--memory", "--file-connections", "1"]);
  using first = await TransferPeer.connect(server.port);
  using second = await TransferPeer.connect(server.port);
  assertEquals(await first.line().catch(() => null), null);
  await second.send("x".repeat(81));
  assertEquals(await second.line(), "P1 no malformed");
});

Deno.test(
  "the forum continues when it runs out of descriptors",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const [deno = "", ...rest] = FROM_SOURCE;
    const command = ["sh", "-c", 'ulimit -n 60; exec "$0" "$@"', deno, ...rest];
    await using server = await ServerProcess.start(["forum", "0", "--memory"], { command });
    const peers: TransferPeer[] = [];
    try {
      // the kernel takes them, the server can't
      for (let i = 0; i < 64; i++) peers.push(await TransferPeer.connect(server.port));
      await server.logged(" warn forum - cannot accept a connection: ");
      for (const peer of peers.splice(0, 60)) peer[Symbol.dispose]();
      for (const peer of peers) {
        await peer.send("x\n");
        assertEquals(await peer.line(), "P1 no malformed");
      }
    } finally {
      for (const peer of peers) peer[Symbol.dispose]();
    }
    assertEquals((await server.end()).code, 0);
  },
);
