import { assertEquals, assertRejects } from "@std/assert";
import { connectMailbox, FullError, ServerTimeoutError } from "../../../client/mailbox.ts";
import { SessionLoad, type SessionLoadOptions } from "../../../client/command/bench/session_load.ts";
import type { Server } from "../../../server/server.ts";
import { withServer } from "../../server/serve.ts";

function load(server: Server, options: Partial<SessionLoadOptions> = {}): Promise<SessionLoad> {
  const { port } = server.addresses[0]!;
  return SessionLoad.connect({ port, sessions: 1, inFlight: 32, count: 200, size: 8, ...options });
}

async function stored(server: Server): Promise<number | undefined> {
  await using mailbox = await connectMailbox({ port: server.addresses[0]!.port });
  return (await mailbox.stat()).messages;
}

for (const [sessions, inFlight] of [[1, 1], [1, 1000], [7, 3], [3, 100]] as const) {
  Deno.test(`SessionLoad measures ${inFlight} in flight in ${sessions} sessions, and leaves nothing`, () =>
    withServer({}, async (server) => {
      await using measured = await load(server, { sessions, inFlight });
      await measured.put();
      assertEquals([measured.done, await stored(server)], [200, 200]);
      await measured.receive();
      assertEquals([measured.done, measured.removed, await stored(server)], [200, 200, 0]);
      await measured.pass();
      assertEquals([measured.done, await measured.clear(), measured.removed, await stored(server)], [
        200,
        0,
        400,
        0,
      ]);
    }));
}

Deno.test("SessionLoad puts messages of the length asked for", () =>
  withServer({}, async (server) => {
    await using measured = await load(server, { count: 1, size: 3000 });
    await measured.put();
    await using mailbox = await connectMailbox({ port: server.addresses[0]!.port });
    assertEquals((await mailbox.stat()).bytes, 3000);
    assertEquals(await measured.clear(), 0);
  }));

Deno.test("SessionLoad.put() fails if there is no room, and clear() removes what was stored", () =>
  withServer({ limits: { mailboxMessages: 6 } }, async (server) => {
    await using measured = await load(server, { waitMs: 10 });
    await assertRejects(() => measured.put(), FullError);
    assertEquals(await stored(server), 6);
    assertEquals([await measured.clear(), measured.removed, await stored(server)], [0, 6, 0]);
  }));

Deno.test("SessionLoad.receive() reports that messages were dropped", () =>
  withServer({ limits: { mailboxMessages: 6, whenFull: "drop-oldest" } }, async (server) => {
    await using measured = await load(server, { waitMs: 10 });
    await measured.put();
    await assertRejects(() => measured.receive(), Error, "194 of 200 messages did not come");
  }));

Deno.test("SessionLoad.pass() reports that somebody else has taken a message", () =>
  withServer({}, async (server) => {
    await using measured = await load(server, { count: 10, waitMs: 10 });
    await using other = await connectMailbox({ port: server.addresses[0]!.port });
    const taken = other.messages(`${measured.name}-0`)[Symbol.asyncIterator]().next();
    // it waits once what it has asked afterwards is answered
    await other.stat();
    await assertRejects(() => measured.pass(), Error, "1 of 10 messages did not come");
    assertEquals(await measured.clear(), 1);
    await (await taken).value!.ack();
  }));

for (const what of ["put", "pass"] as const) {
  Deno.test(`SessionLoad.${what}() ends with the error given to stop(), and clear() removes what was stored`, () =>
    withServer({}, async (server) => {
      await using measured = await load(server, { count: 1_000_000, sessions: 2 });
      const measuring = measured[what]();
      await using mailbox = await connectMailbox({ port: server.addresses[0]!.port });
      await mailbox.stat();
      measured.stop(new TypeError("enough"));
      await assertRejects(() => measuring, TypeError, "enough");
      assertEquals([await measured.clear(), await stored(server)], [0, 0]);
    }));
}

Deno.test("SessionLoad says that the server is gone, and has nothing to clear where there never was one", async () => {
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  await using measured = await SessionLoad.connect({
    port,
    timeout: 100,
    sessions: 2,
    inFlight: 4,
    count: 9,
    size: 8,
  });
  await assertRejects(() => measured.put(), ServerTimeoutError);
  assertEquals(await measured.clear(), 0);
  silent.close();
});
