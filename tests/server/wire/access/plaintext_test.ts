/** Who is let in with `--plaintext off`: every wire that has TLS or a seal, with it and without. */

import { assertEquals } from "@std/assert";
import { connectForum, RefusedError } from "../../../../client/forum.ts";
import { refusedText } from "../../../../protocol/forum/forum_text.ts";
import { TLS_ONLY_TEXT } from "../../../../protocol/channels.ts";
import { HttpPeer } from "../../../http.ts";
import { FramePeer, LinePeer } from "../../../stream.ts";
import { PASSWORD, withWorld, type World } from "./world.ts";

/** What a client comes to that shows its ticket, or asks for it, in this way. */
const NO_TICKET = "P1 no ticket unknown, used or too old";
const REFUSED = "Cannot transfer notes: the server takes no files in the clear";

/** channels.md 10.6, transfer.md 10.18 */
const TABLE = {
  "channels": "TLS only, closed",
  "channels over TLS": "in",
  "room": "no port",
  "room's port for TLS, without it": "TLS only, closed",
  "room over TLS": "in",
  "http": "closed",
  "http over TLS": "200",
  "upload, sealed": "sent",
  "upload in the clear": REFUSED,
  "download, sealed": "hello",
  "download in the clear": REFUSED,
  "transfer with a made-up ticket, in the clear": NO_TICKET,
  "counted": "channels 1, room 1, http 1, forum 2, in the clear 0",
};

type Exchange = (world: World) => Promise<string>;

/** Says what it is told, and whether that was all. */
async function told(peer: FramePeer | LinePeer): Promise<string> {
  using _ = peer;
  await peer.send("Bob");
  const text = await peer.next(), end = await peer.next();
  return `${text === TLS_ONLY_TEXT ? "TLS only" : text}, ${end ?? "closed"}`;
}

/** What becomes of a transfer, in the words that a user reads. */
async function transfer(
  { port, knownServers, directory }: World,
  kind: "UPD" | "DWN",
  isPlain: boolean,
): Promise<string> {
  const path = `${directory}/notes`, title = "tea", file = "notes";
  const alice = { name: "alice", password: PASSWORD };
  await using forum = await connectForum({ port: port("forum"), knownServers, as: alice });
  await Deno.writeTextFile(path, "hello");
  try {
    if (kind === "DWN") {
      await forum.download(title, file, `${path}.copy`, { isPlain });
      return await Deno.readTextFile(`${path}.copy`);
    }
    if (!isPlain) await forum.create(title);
    await forum.upload(title, file, path, { isPlain });
    return "sent";
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return refusedText({ kind, title, file }, error.reason);
  }
}

const EXCHANGES: Readonly<Record<keyof typeof TABLE, Exchange>> = {
  "channels": async ({ port }) => await told(await FramePeer.connect(port("channels"))),
  async "channels over TLS"({ port, cert }) {
    using peer = await FramePeer.overTls(port("channels"), cert);
    await peer.send("Bob");
    return (await peer.settle()).length === 0 ? "in" : "not in";
  },
  "room": ({ server }) =>
    Promise.resolve(server.listening.some(({ name }) => name === "room") ? "a port" : "no port"),
  "room's port for TLS, without it": async ({ port }) => await told(await LinePeer.connect(port("room-tls"))),
  async "room over TLS"({ port, cert }) {
    using alice = await LinePeer.overTls(port("room-tls"), cert);
    await alice.send("/login");
    return await alice.next() === undefined ? "closed" : "in";
  },
  async "http"({ port }) {
    using peer = await HttpPeer.connect(port("http"));
    await peer.send("GET /healthz");
    return await peer.rest() === "" ? "closed" : "answered";
  },
  async "http over TLS"({ port, cert }) {
    using peer = await HttpPeer.overTls(port("http"), cert);
    return `${(await peer.request("GET /healthz")).status}`;
  },
  "upload, sealed": (world) => transfer(world, "UPD", false),
  "upload in the clear": (world) => transfer(world, "UPD", true),
  "download, sealed": (world) => transfer(world, "DWN", false),
  "download in the clear": (world) => transfer(world, "DWN", true),
  async "transfer with a made-up ticket, in the clear"({ port }) {
    using peer = await LinePeer.connect(port("forum"));
    await peer.send(`P1 upload ${"A".repeat(22)}`);
    return await peer.next() ?? "closed";
  },
  async "counted"({ control }) {
    const rows: string[] = [];
    for (
      let more = await control("status");
      more.length > 0;
      more = await control(`status, ${rows.length}`)
    ) {
      rows.push(...more);
    }
    const count = (name: string) =>
      rows.map((row) => new RegExp(`^${name} (\\d+)$`).exec(row)?.[1]).find((found) => found) ?? "0";
    return `channels ${count("channels plaintext refused")}, room ${count("room plaintext refused")}, ` +
      `http ${count("http plaintext refused")}, forum ${count("refused files in the clear")}, ` +
      `in the clear ${count("files in the clear")}`;
  },
};

Deno.test("who is let in with --plaintext off", () =>
  withWorld("open", async (world) => {
    const outcomes: Record<string, string> = {};
    for (const [name, exchange] of Object.entries(EXCHANGES)) {
      outcomes[name] = await exchange(world).catch((error) => `${error.stack}`);
    }
    assertEquals(outcomes, TABLE);
  }, { takesPlain: false }));
