import { connectForum, type Forum } from "../../../../../client/forum.ts";
import type { Credentials } from "../../../../../client/session/seal/login.ts";
import { Relay } from "../../../../relay.ts";
import { PASSWORD, tokenOver, type World, WRONG } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";
import { changeSealed, nothing, outcomeOf, reasonOf, replay, spoof } from "./sessions.ts";

/** Does something in the forum as somebody, or says why that is not let in. */
export async function asUser(
  { port, knownServers }: World,
  credentials: Credentials,
  use: (forum: Forum) => Promise<string>,
  other = port("forum"),
): Promise<string> {
  try {
    await using forum = await connectForum({ port: other, knownServers, as: credentials });
    return await use(forum);
  } catch (error) {
    const why = reasonOf(error);
    if (why === undefined) throw error;
    return why;
  }
}

/** Makes a thread. */
const create = (world: World, credentials: Credentials) =>
  asUser(world, credentials, (forum) => outcomeOf("creates", () => forum.create(`thread${world.next()}`)));

/** Edits what bob has posted, and removes his thread. */
async function change(world: World, credentials: Credentials): Promise<string> {
  const title = `thread${world.next()}`;
  await asUser(world, { name: "bob", password: world.bobsToken }, async (forum) => {
    await forum.create(title);
    await forum.post(title, "bob's");
    return "";
  });
  return await asUser(world, credentials, async (forum) => {
    const edits = await outcomeOf("edits", () => forum.edit(title, 1, "not bob's"));
    return `${edits}, ${await outcomeOf("removes", () => forum.remove(title))}`;
  });
}

/** Posts once through a relay, and says how often it is in the thread. */
async function attacked(
  world: World,
  prepare: (relay: Relay) => void,
  attack: (relay: Relay) => Promise<string>,
): Promise<string> {
  using relay = new Relay(world.port("forum"));
  const title = `thread${world.next()}`, alice = { name: "alice", password: world.token };
  prepare(relay);
  return await asUser(world, alice, async (forum) => {
    await forum.create(title);
    await forum.post(title, "hello");
    const told = await attack(relay), texts: string[] = [];
    for await (const entry of forum.read(title)) if ("text" in entry) texts.push(entry.text);
    return [texts.join(", "), told].filter((text) => text !== "").join("; ");
  }, relay.port);
}

export const forum: Exchanges = {
  "no account": (world) => create(world, { name: `new${world.next()}`, password: PASSWORD, make: true }),
  "account of the forum alone": (world) => create(world, { name: "carla", password: PASSWORD }),
  "right password": (world) => create(world, { name: "alice", password: PASSWORD }),
  "wrong password": (world) => create(world, { name: "alice", password: WRONG }),
  "absent password": (world) => create(world, { name: "alice", password: "" }),
  "token": (world) => create(world, { name: "alice", password: world.token }),
  "expired token": async (world) => create(world, { name: "alice", password: await tokenOver(world) }),
  "other's name": (world) => change(world, { name: "alice", password: world.token }),
  "replay": (world) => attacked(world, () => {}, replay),
  "changed": (world) => attacked(world, changeSealed, nothing),
  "spoofed source": (world) => attacked(world, () => {}, (relay) => spoof(world, relay, "forum")),
  "role user": (world) => change(world, { name: "alice", password: world.token }),
  "role admin": (world) => change(world, { name: "ada", password: world.adasToken }),
};
