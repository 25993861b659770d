/** What a running server takes over of options that are read again. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connectForum } from "../../client/forum.ts";
import { AT_START, type OptionName, OPTIONS, type OptionValues } from "../../server/options/options.ts";
import { serveOptions } from "../../server/options/serve_options.ts";
import { DEFAULT_OPTIONS } from "../default_options.ts";
import type { Server } from "../../server/server.ts";
import { HttpPeer } from "../http.ts";
import { Peer } from "../program.ts";
import { type Administered, withAdministrator } from "./administrator.ts";

const { values: DEFAULTS, given } = DEFAULT_OPTIONS;

/** Has the server read options that differ from its defaults in these. */
const reload = (server: Server, values: Partial<OptionValues>) =>
  server.reload(() => Promise.resolve(serveOptions({ ...DEFAULTS, ...values }, given)));

const logged = (log: string[], text: string) => log.join("").includes(text);

/** What the rows of `limits` say about an option. */
async function limitsOf({ control }: Administered, option: string): Promise<number[]> {
  const limits: number[] = [];
  let at = 0;
  for (let rows = await control("limits"); rows.length > 0; rows = await control(`limits, ${at}`)) {
    at += rows.length;
    for (const row of rows) {
      const [, name, , limit] = row.split(",");
      if (name === option) limits.push(Number(limit));
    }
  }
  return limits;
}

/** A value, and what the rows of `limits` say then, where that is not it. */
const IN_ROWS: Partial<Record<OptionName, [value: number, rows?: number[]]>> = {
  "mailbox-messages": [7],
  "mailbox-bytes": [70_000],
  "max-messages": [700],
  "max-bytes": [700_000],
  "max-mailboxes": [70],
  "address-mailboxes": [7],
  "address-bytes": [7000, [7000, 7000, 7000]],
  "address-channels": [3],
  "max-channels": [70],
  "history-bytes": [700_000],
  "max-connections": [70],
  // of channels and room, and of HTTP
  "address-connections": [70, [70, 70]],
  "message-rate": [70],
  "http-connections": [70],
  "http-rate": [70],
  // of the original wire, and of all others
  "creation-rate": [70, [700, 700]],
  // of the forum's files; that of connections is how many an address may have
  "connection-rate": [70, [1000, 1000, 70]],
  "max-pending": [300_000],
  "max-pending-all": [2_000_000],
  "max-threads": [70],
  "thread-entries": [70],
  "max-entries": [70],
  "max-posts": [70_000],
  "file-size": [70_000],
  "max-files": [70],
  "max-file-bytes": [700_000],
  "max-transfers": [7],
  "file-connections": [70],
  "datagram-rate": [70, [70, 70]],
  "original-rate": [7000],
};

Deno.test("a limit that is read again holds from then on", () =>
  withAdministrator({}, async (administered) => {
    const { server, log } = administered;
    for (const [option, [value, rows = [value]]] of Object.entries(IN_ROWS)) {
      await reload(server, { [option]: value });
      assertEquals((await limitsOf(administered, option)).sort(), rows.sort(), `--${option}`);
      assertStringIncludes(log.join(""), `options that hold from now on: --${option}\n`);
      log.length = 0;
      // and its default again
      await reload(server, {});
      log.length = 0;
    }
  }));

/** What HTTP answers under this name of the server. */
async function statusUnder(
  host: string,
  port: number,
  headers: Record<string, string> = {},
): Promise<number> {
  using peer = await HttpPeer.connect(port);
  return (await peer.request("GET /healthz", { headers: { host, ...headers } })).status;
}

/** Options that no row shows: what is seen of each when it changes. */
const OTHERS: Partial<Record<OptionName, (administered: Administered) => Promise<void>>> = {
  async "when-full"({ server, port }) {
    using peer = new Peer(port("mailbox"));
    await reload(server, { "when-full": "drop-oldest", "mailbox-messages": 1 });
    await peer.send("F, full, al, one");
    await peer.send("F, full, al, two");
    assertEquals((await peer.ask("R, full")).replace(/ \S+Z,/, ""), "N, al, two");
  },
  async "share"(administered) {
    await reload(administered.server, { "max-mailboxes": 100, "share": 10 });
    assertEquals((await limitsOf(administered, "share")).includes(10), true);
  },
  async "timestamps"({ server, port }) {
    using peer = new Peer(port("mailbox"));
    await reload(server, { "timestamps": "off" });
    await peer.send("for, hello");
    assertEquals(await peer.ask("req"), "nxt, hello");
  },
  async "original-from"({ server, port }) {
    using peer = new Peer(port("mailbox"));
    await reload(server, { "original-from": ["192.0.2.0/24"] });
    await peer.send("F, nobody, al, not stored");
    using http = await HttpPeer.connect(port("http"));
    for (let refused = ""; refused !== "1";) {
      const { body } = await http.request("GET /metrics");
      refused = /^wirepost_refused_total\{reason="address not answered"\} (\d+)$/m.exec(body)![1]!;
    }
    await reload(server, {});
    assertEquals(await peer.ask("R, nobody"), "X");
  },
  async "web-host"({ server, port }) {
    const asked = async () => await statusUnder("lab.example", port("http"));
    assertEquals(await asked(), 403);
    await reload(server, { "web-host": ["lab.example"] });
    assertEquals(await asked(), 200);
  },
  async "trusted-proxy"({ server, port }) {
    await reload(server, { "trusted-proxy": ["127.0.0.1"], "http-rate": 1 });
    // each client of the proxy has a rate of its own
    for (const client of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
      assertEquals(await statusUnder("localhost", port("http"), { "x-forwarded-for": client }), 200);
    }
  },
  async "accounts"({ server, port, log }) {
    const serverKey = /the server's key is (\S+)/.exec(log.join(""))![1]!;
    const made = (name: string) =>
      connectForum({ port: port("forum"), serverKey, as: { name, password: "correct horse", make: true } });
    await using _ = await made("ann");
    await reload(server, { "accounts": "admin" });
    await assertRejects(() => made("ben"), Error, "ben");
  },
  async "log-level"({ server, port, log }) {
    using peer = new Peer(port("mailbox"));
    await reload(server, { "log-level": "debug" });
    await peer.ask("R, nobody");
    assertEquals(logged(log, " debug mailbox "), true);
  },
};

/** Kept in one object with `max-pending`; it would take time to be seen. */
const UNSEEN: readonly OptionName[] = ["stall"];

/** Files are read again with each reload: `tests/server/wire/hub/tls`. Whether they may change is below. */
const CERTIFICATE: readonly OptionName[] = ["tls-cert", "tls-key"];

for (const [option, changes] of Object.entries(OTHERS)) {
  Deno.test(`--${option} that is read again holds from then on`, () => withAdministrator({}, changes));
}

Deno.test("every option is taken over or needs a restart", () => {
  const known = [...AT_START, ...Object.keys(IN_ROWS), ...Object.keys(OTHERS), ...UNSEEN, ...CERTIFICATE];
  assertEquals(known.sort(), Object.keys(OPTIONS).sort());
});

Deno.test("an option that needs a restart is named each time, and changes nothing", () =>
  withAdministrator({}, async (administered) => {
    const { server, log } = administered;
    for (let times = 1; times <= 2; times++) {
      log.length = 0;
      await reload(server, {
        "host": ["192.0.2.1"],
        "tls-cert": "c",
        "tls-key": "k",
        "history": 7,
        "max-channels": 7,
      });
      assertStringIncludes(
        log.join(""),
        " warn server - options that need a restart: --host, --tls-cert, --tls-key, --history\n",
      );
      assertEquals(await limitsOf(administered, "history"), [DEFAULTS.history]);
      assertEquals(await limitsOf(administered, "max-channels"), [7]);
    }
    log.length = 0;
    await reload(server, { "max-channels": 7 });
    assertEquals(
      log.join("").replace(/^\S+ /, ""),
      "info server - options were read again, and are as they were\n",
    );
  }));

Deno.test("options that can't be used, or not together, change nothing", () =>
  withAdministrator({}, async (administered) => {
    const { server, log } = administered;
    await reload(server, { "max-channels": 7, "max-pending": 200_000_000, "max-pending-all": 1_000_000 });
    await server.reload(() => Promise.reject(new Error("wirepost.conf:3: no option")));
    assertEquals(await limitsOf(administered, "max-channels"), [DEFAULTS["max-channels"]]);
    const errors = log.join("").split("\n").filter((line) => line.includes(" error "));
    assertEquals(errors.map((line) => line.replace(/^\S+ /, "")), [
      "error server - Cannot use --max-pending-all 1000000: expected at least --max-pending; the options stay as they were",
      "error server - wirepost.conf:3: no option; the options stay as they were",
    ]);
  }));

Deno.test("a limit that the administrator has set stays until its option changes", () =>
  withAdministrator({}, async (administered) => {
    const { server, control } = administered;
    await control("limit, 5");
    await reload(server, { "max-messages": 700 });
    assertEquals(await limitsOf(administered, "mailbox-messages"), [5]);
    await reload(server, { "mailbox-messages": 9 });
    assertEquals(await limitsOf(administered, "mailbox-messages"), [9]);
  }));
