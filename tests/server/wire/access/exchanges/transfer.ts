import { TransferError } from "../../../../../client/forum.ts";
import type { Credentials } from "../../../../../client/session/seal/login.ts";
import { LinePeer } from "../../../../stream.ts";
import { Relay } from "../../../../relay.ts";
import { PASSWORD, type World } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";
import { asUser } from "./forum.ts";
import { nothing } from "./sessions.ts";

/** Uploads a file through a relay, and says what is in the thread then, and whose it is. */
async function upload(
  world: World,
  credentials: Credentials,
  attack: (relay: Relay) => Promise<string> = nothing,
  change: (bytes: Uint8Array<ArrayBuffer>, relay: Relay) => void = () => {},
): Promise<string> {
  using relay = new Relay(world.port("forum"));
  const title = `thread${world.next()}`, path = `${world.directory}/${title}`;
  await Deno.writeTextFile(path, "hello");
  return await asUser(world, credentials, async (forum) => {
    await forum.create(title);
    relay.change = (bytes) => {
      change(bytes, relay);
      return [bytes];
    };
    const error = await forum.upload(title, "notes", path).then(() => undefined, (error) => error);
    if (error !== undefined && !(error instanceof TransferError)) throw error;
    const files: string[] = error === undefined ? [] : [error.code ?? error.message];
    relay.change = (bytes) => [bytes];
    for await (const entry of forum.read(title)) {
      if (!("file" in entry)) continue;
      const copy = `${path}.copy`;
      await forum.download(title, "notes", copy);
      files.push(`${await Deno.readTextFile(copy)} of ${entry.user}`);
    }
    const told = await attack(relay);
    return [...files, told].filter((text) => text !== "").join("; ");
  }, relay.port);
}

/** Bob has uploaded a file, and somebody uploads another one of that name. */
async function replace(world: World, credentials: Credentials): Promise<string> {
  const title = `thread${world.next()}`, path = `${world.directory}/${title}`;
  await Deno.writeTextFile(path, "bob's");
  await asUser(world, { name: "bob", password: world.bobsToken }, async (forum) => {
    await forum.create(title);
    await forum.upload(title, "notes", path);
    return "";
  });
  return await asUser(world, credentials, async (forum) => {
    const error = await forum.upload(title, "notes", path).then(() => undefined, (error) => error);
    return error === undefined ? "replaced" : error.reason ?? error.code ?? error.message;
  });
}

/** What bytes that come on a connection of their own are answered. */
async function answerTo({ port }: World, bytes: Uint8Array): Promise<string> {
  using peer = await LinePeer.connect(port("forum"));
  await peer.write(bytes);
  return await peer.next() ?? "closed";
}

const encoder = new TextEncoder();

export const transfer: Exchanges = {
  "no account": (world) => answerTo(world, encoder.encode(`P1 upload ${"A".repeat(22)}\n`)),
  "account of the forum alone": (world) => upload(world, { name: "carla", password: PASSWORD }),
  "right password": (world) => upload(world, { name: "alice", password: PASSWORD }),
  "absent password": (world) => answerTo(world, encoder.encode("P1 upload\n")),
  "token": (world) => upload(world, { name: "alice", password: world.token }),
  "other's name": (world) => replace(world, { name: "alice", password: world.token }),
  "replay": (world) =>
    upload(
      world,
      { name: "alice", password: world.token },
      async ({ chunks }) =>
        await answerTo(world, new Uint8Array(await new Blob(chunks.slice(0, 2)).arrayBuffer())),
    ),
  "changed": (world) =>
    upload(world, { name: "alice", password: world.token }, nothing, (bytes, relay) => {
      // what comes last of an attempt is the proof; the next attempt is left alone
      const isOfFirst = relay.connections === 1 && relay.chunks.at(-1) === bytes;
      if (isOfFirst && bytes.length > 40) bytes[bytes.length - 20]! ^= 1;
    }),
  "role user": (world) => replace(world, { name: "alice", password: world.token }),
  "role admin": (world) => replace(world, { name: "ada", password: world.adasToken }),
};
