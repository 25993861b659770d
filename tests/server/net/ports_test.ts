/** Ports that another process has. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ServiceName } from "../../../server/start/service_sockets.ts";
import { Peer } from "../../program.ts";
import { withServer } from "../serve.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 0 };

/** Who has a port of this process, as far as that can be seen here. */
const BY = Deno.build.os === "linux" ? ", by another service of this server" : "";

Deno.test("a service that was not named is left out if its port is in use, with a warning; the others run", async () => {
  using taken = Deno.listen(ADDRESS);
  const { port } = taken.addr;
  await withServer(
    { ports: { mailbox: 0, channels: port, room: 0, forum: port }, leaveOutTaken: true },
    async (server, log) => {
      assertEquals(server.listening.map(({ name }) => name), ["mailbox", "room", "http"]);
      using peer = new Peer(server.addresses[0]!.port);
      assertEquals(await peer.ask("R, bob"), "X");
      const warnings = log.join("").split("\n").filter((line) => line.includes(" warn "));
      assertEquals(
        warnings.map((line) => line.replace(/^\S+Z /, "")),
        ["channels", "forum"].map((name) =>
          `warn ${name} - left out: Cannot listen on tcp 127.0.0.1:${port}: Address already in use${BY}; ` +
          `'wirepost serve ${name} PORT' takes another port`
        ),
      );
    },
  );
});

/** A start that fails, and its error. */
async function failed(ports: Partial<Record<ServiceName, number>>, leaveOutTaken: boolean): Promise<string> {
  const error = await assertRejects(
    () => withServer({ ports, leaveOutTaken }, () => Promise.resolve()),
    Error,
  );
  return error.message;
}

Deno.test("a port that was asked for and is taken ends the start, and so do taken ports alone", async () => {
  // a client has a port, too
  using taken = new Peer(1);
  const { port } = taken;
  const busy = `Cannot listen on udp 127.0.0.1:${port}: Address already in use${BY}`;
  assertEquals(
    await failed({ room: 0, mailbox: port }, false),
    `${busy}; 'wirepost serve mailbox PORT' takes another port`,
  );
  assertEquals(
    await failed({ mailbox: port, forum: port }, true),
    `${busy}; the ports of forum are in use too; 'wirepost serve mailbox PORT' takes another port`,
  );
  // an address that isn't there is no port that is taken
  const foreign = withServer(
    { hosts: ["192.0.2.1"], ports: { mailbox: 0, room: 0 }, leaveOutTaken: true },
    () => Promise.resolve(),
  );
  assertMatch((await assertRejects(() => foreign, Error)).message, /^Cannot listen on udp 192\.0\.2\.1:0: /);
});
