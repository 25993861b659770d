import { connectMailbox } from "../../../../../client/mailbox.ts";
import type { Credentials } from "../../../../../client/session/seal/login.ts";
import { LoginError, RefusedError } from "../../../../../client/session/errors.ts";
import { Peer } from "../../../../program.ts";
import { Relay } from "../../../../relay.ts";
import { PASSWORD, tokenOver, type World, WRONG } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";

/** Why a server, or the client before it asks, refuses something; undefined: it is another error. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof RefusedError || error instanceof LoginError) return error.reason;
  return error instanceof TypeError && error.message === EMPTY ? EMPTY : undefined;
}

/** What a request comes to: `done`, or how the server refuses it. */
export async function outcomeOf(done: string, request: () => Promise<unknown>): Promise<string> {
  try {
    await request();
    return done;
  } catch (error) {
    const why = reasonOf(error);
    if (why === undefined) throw error;
    return why;
  }
}

/** What a client says of an empty password, without a word to the server. */
const EMPTY = "Cannot use an empty password";

/** The name of a session that nobody else has. */
const MARK = "A".repeat(22);

interface Use {
  as?: Credentials;
  /** Whose name is used as the sender, and whose mailbox is looked at. */
  name: string;
  port?: number;
}

/** Puts a message as somebody, looks at the mailbox of that name, and puts one into the shared queue. */
async function use({ port, knownServers, next }: World, { as, name, port: other }: Use): Promise<string> {
  const server = { port: other ?? port("mailbox"), knownServers };
  const mailbox = await connectMailbox({ ...server, ...as === undefined ? {} : { as } }).catch((error) => {
    const why = reasonOf(error);
    if (why === undefined) throw error;
    return why;
  });
  if (typeof mailbox === "string") return mailbox;
  try {
    const puts = await outcomeOf("puts", () => mailbox.send(`box${next()}`, name, "hello"));
    const takes = await outcomeOf("takes", () => mailbox.stat(name));
    const shares = await outcomeOf("shares", () => mailbox.send("", "", "hello"));
    return [...new Set([puts, takes, shares])].join(", ");
  } finally {
    await mailbox.close(0);
  }
}

/**
 * Puts one message through a relay.
 *
 * @param attack Called when that was answered; what it resolves to comes behind the texts that are in the mailbox then.
 */
async function attacked(
  world: World,
  as: Credentials | undefined,
  prepare: (relay: Relay) => void,
  attack: (relay: Relay) => Promise<string>,
): Promise<string> {
  const { port, knownServers, next } = world, box = `box${next()}`, name = as?.name ?? "eve";
  using relay = new Relay(port("mailbox"));
  prepare(relay);
  const server = { port: relay.port, knownServers };
  await using mailbox = await connectMailbox({ ...server, ...as === undefined ? {} : { as } });
  const puts = await outcomeOf("", () => mailbox.send(box, name, "hello"));
  if (puts !== "") return puts;
  const told = await attack(relay), texts: string[] = [];
  const bob = { name: "bob", password: world.bobsToken };
  await using reader = await connectMailbox({ port: port("mailbox"), knownServers, as: bob });
  for await (const message of reader.messages(box, { wait: 0 })) {
    texts.push(message.text);
    await message.ack();
  }
  return [texts.join(", "), told].filter((text) => text !== "").join("; ");
}

/** Sends all again that the client has sent. */
export async function replay(relay: Relay): Promise<string> {
  const all = [...relay.datagrams];
  for (const datagram of all) await relay.send(datagram);
  // the server reads one datagram behind the other, and what the client asks for next comes behind these
  return "";
}

/** Sends all that the client has sent from another address, and says what kinds of answers come. */
export async function spoof(world: World, relay: Relay, service = "mailbox"): Promise<string> {
  using peer = new Peer(world.port(service), "127.0.0.1", "127.0.0.9");
  const kinds = new Set<string>();
  for (const datagram of relay.datagrams) await peer.send(datagram);
  // what every service answers comes last
  await peer.send(`P1> ${MARK} - - 1`);
  for (;;) {
    const answer = await peer.receive();
    if (answer.startsWith(`P1< ${MARK}`)) break;
    const [head = "", ...lines] = answer.split("\n"), [, , , cookie = "", last = ""] = head.split(" ");
    // nothing but a cookie for that address
    const isChallenge = lines.length === 0 && (last === "challenge" || cookie !== "-" && /^\d+$/.test(last));
    kinds.add(isChallenge ? "challenged" : head.split(" ").at(-1)!);
  }
  return [...kinds].join(", ");
}

/** Changes one byte near the end of every datagram that puts something, or of a copy of it that comes first. */
const changeText = (relay: Relay) => {
  relay.change = (datagram) => {
    const text = new TextDecoder("latin1").decode(datagram), at = text.indexOf("hello");
    if (at >= 0) datagram[at + 4]! ^= 0x1f;
    return [datagram];
  };
};

/** Whose bytes are sealed: a copy of each with one byte changed comes before it. */
export const changeSealed = (relay: Relay) => {
  relay.change = (datagram) => {
    const changed = datagram.slice();
    changed[changed.length - 1]! ^= 1;
    return datagram.includes(0x0a) ? [changed, datagram] : [datagram];
  };
};

export const nothing = () => Promise.resolve("");

export const session: Exchanges = {
  "no account": async (world) => {
    await using mailbox = await connectMailbox({ port: world.port("mailbox") });
    const { isLoginRequired } = await mailbox.info("eve");
    return `${await use(world, { name: "eve" })}${isLoginRequired ? "; and info says so" : ""}`;
  },
  "account of the forum alone": (world) => use(world, { name: "carla" }),
  "other's name": (world) => use(world, { name: "alice" }),
  "replay": (world) => attacked(world, undefined, () => {}, replay),
  "changed": (world) => attacked(world, undefined, changeText, nothing),
  "spoofed source": (world) => attacked(world, undefined, () => {}, (relay) => spoof(world, relay)),
};

export const seal: Exchanges = {
  "no account": (world) => {
    const name = `new${world.next()}`;
    return use(world, { as: { name, password: PASSWORD, make: true }, name });
  },
  "account of the forum alone": (world) =>
    use(world, { as: { name: "carla", password: PASSWORD }, name: "carla" }),
  "right password": (world) => use(world, { as: { name: "alice", password: PASSWORD }, name: "alice" }),
  "wrong password": (world) => use(world, { as: { name: "alice", password: WRONG }, name: "alice" }),
  "absent password": (world) => use(world, { as: { name: "alice", password: "" }, name: "alice" }),
  "token": (world) => use(world, { as: { name: "alice", password: world.token }, name: "alice" }),
  "expired token": async (world) =>
    use(world, { as: { name: "alice", password: await tokenOver(world) }, name: "alice" }),
  "other's name": async (world) => {
    const as = { name: "alice", password: world.token };
    return `${await use(world, { as, name: "bob" })}; ${await use(world, { as, name: "eve" })}`;
  },
  "replay": (world) => attacked(world, { name: "alice", password: world.token }, () => {}, replay),
  "changed": (world) => attacked(world, { name: "alice", password: world.token }, changeSealed, nothing),
  "spoofed source": (world) =>
    attacked(world, { name: "alice", password: world.token }, () => {}, (relay) => spoof(world, relay)),
  "role user": (world) => use(world, { as: { name: "alice", password: world.token }, name: "ada" }),
  "role admin": (world) => use(world, { as: { name: "ada", password: world.adasToken }, name: "alice" }),
};
