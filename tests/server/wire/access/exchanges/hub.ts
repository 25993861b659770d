import { LOGIN_REFUSALS, LOGIN_TEXTS } from "../../../../../protocol/channels/login.ts";
import { FramePeer, LinePeer } from "../../../../stream.ts";
import { Relay } from "../../../../relay.ts";
import { PASSWORD, tokenOver, type World, WRONG } from "../world.ts";
import type { Exchanges } from "./exchanges.ts";

const WORDS = new Map<string, string>([
  ...LOGIN_REFUSALS,
  [LOGIN_TEXTS.required, "log in first"],
  [LOGIN_TEXTS.closed, "closed"],
]);

/** One of the two wires of the hub. */
interface HubWire {
  isTls: boolean;
  connect(world: World, port?: number): Promise<FramePeer | LinePeer>;
  /** Somebody who is let in, and sees what others say in this channel. */
  observe(world: World, channel: string): Promise<FramePeer | LinePeer>;
  /** What a client says that wants to say something under a name there. */
  lines(name: string, channel: string): { first: string[]; then: string[] };
  service: string;
}

const SAID = "hello";

const channelsWire = (isTls: boolean): HubWire => ({
  isTls,
  service: "channels",
  connect: (world, port = world.port("channels")) =>
    isTls ? FramePeer.overTls(port, world.cert) : FramePeer.connect(port),
  async observe(world, channel) {
    const peer = await FramePeer.connect(world.port("channels"));
    await peer.send(`/login bob ${world.bobsToken}`, `/create ${channel}`, `/join ${channel}`);
    await peer.settle();
    return peer;
  },
  lines: (name, channel) => ({ first: [name], then: [`/join ${channel}`, SAID] }),
});

const roomWire = (isTls: boolean): HubWire => ({
  isTls,
  service: isTls ? "room-tls" : "room",
  connect: (world, port = world.port(isTls ? "room-tls" : "room")) =>
    isTls ? LinePeer.overTls(port, world.cert) : LinePeer.connect(port),
  async observe(world) {
    const peer = await LinePeer.connect(world.port("room"));
    await peer.send(`/login bob ${world.bobsToken}`);
    while (await peer.next() !== LOGIN_TEXTS.loggedIn("bob"));
    return peer;
  },
  lines: () => ({ first: [], then: [SAID] }),
});

/** Who said what, as the observer was shown that; undefined if it was nothing that was said. */
function speakerOf(shown: string): string | undefined {
  const [, frame, address, line, said] = /^(?:\[(.*)\]|\r<(?:\('(.*)', \d+\)|(.*))>) (hell.)$/.exec(shown) ??
    [];
  if (said === undefined) return undefined;
  const speaker = (frame ?? address ?? line)!.replace(/^127\.0\.0\.1(:\d+)?$/, "an address");
  return said === SAID ? speaker : `${speaker}, saying ${said}`;
}

/** Reads what the observer was shown until now. */
async function shownTo(observer: FramePeer | LinePeer): Promise<string[]> {
  if (observer instanceof FramePeer) return await observer.settle();
  await observer.send("/login");
  const shown: string[] = [];
  for (;;) {
    const text = await observer.next();
    if (text === undefined) throw new Error("The server has closed");
    if (text === LOGIN_TEXTS.usage) return shown;
    shown.push(text);
  }
}

interface Use {
  /** The name that is used, and the log-in; either may be left out. */
  name: string;
  login?: string;
  /** Through which the client connects. */
  relay?: Relay;
  /** What it writes, instead of the lines that belong to the wire. */
  bytes?: Uint8Array<ArrayBuffer>[];
  channel?: string;
}

/** Comes, says something, and leaves. Returns what was answered, and under which name others have seen it. */
async function use(
  world: World,
  wire: HubWire,
  { name, login, relay, bytes, channel = `channel${world.next()}` }: Use,
): Promise<string> {
  using observer = await wire.observe(world, channel);
  const { first, then } = wire.lines(name, channel);
  const answers: string[] = [];
  try {
    using peer = await wire.connect(world, relay?.port);
    if (bytes === undefined) {
      await peer.send(...first, ...login === undefined ? [] : [`/login ${login}`], ...then);
    } else for (const each of bytes) await peer.write(each);
    answers.push(...await peer.rest());
  } catch (error) {
    // a relay has changed what belongs to TLS
    if (relay === undefined) throw error;
  }
  const speakers = (await shownTo(observer)).flatMap((text) => speakerOf(text) ?? []);
  const words = answers.map((text) => WORDS.get(text) ?? (text.startsWith("Logged in") ? "logged in" : ""));
  const seen = speakers.length > 0 ? `in as ${speakers.join(", ")}` : "kept out";
  return [...new Set(words.filter((word) => word !== "")), seen].join(", ");
}

/** The bytes of a client that was let in come again, on a connection of their own. */
async function replay(world: World, wire: HubWire): Promise<string> {
  using relay = new Relay(world.port(wire.service));
  const channel = `channel${world.next()}`;
  const login = { name: "alice", login: `alice ${world.token}`, channel };
  if (!(await use(world, wire, { ...login, relay })).endsWith("in as alice")) throw new Error("Not let in");
  // they are the bytes of TLS there, so that this connection is made without it
  const raw: HubWire = {
    ...wire,
    connect: (_, port) => wire.service === "channels" ? FramePeer.connect(port!) : LinePeer.connect(port!),
  };
  using again = new Relay(world.port(wire.service));
  return await use(world, raw, { ...login, bytes: [...relay.chunks], relay: again });
}

/** One byte of what is said is another one on the way. */
async function changed(world: World, wire: HubWire): Promise<string> {
  using relay = new Relay(world.port(wire.service));
  relay.change = (bytes, index) => {
    const at = new TextDecoder("latin1").decode(bytes).indexOf(SAID);
    if (at >= 0) bytes[at + SAID.length - 1]! ^= 0x1f;
    // behind the first message of the handshake; what is said comes last
    else if (wire.isTls && index > 0) bytes[bytes.length - 1]! ^= 1;
    return [bytes];
  };
  return await use(world, wire, { name: "alice", login: `alice ${world.token}`, relay });
}

function hubExchanges(wire: HubWire): Exchanges {
  return {
    "no account": (world) => use(world, wire, { name: "eve" }),
    "account of the forum alone": (world) => use(world, wire, { name: "carla", login: `carla ${PASSWORD}` }),
    "right password": (world) => use(world, wire, { name: "alice", login: `alice ${PASSWORD}` }),
    "wrong password": (world) => use(world, wire, { name: "alice", login: `alice ${WRONG}` }),
    "absent password": (world) => use(world, wire, { name: "alice", login: "alice" }),
    "token": (world) => use(world, wire, { name: "alice", login: `alice ${world.token}` }),
    "expired token": async (world) =>
      use(world, wire, { name: "alice", login: `alice ${await tokenOver(world)}` }),
    "other's name": (world) => use(world, wire, { name: "ada", login: `ada ${world.token}` }),
    "replay": (world) => replay(world, wire),
    "changed": (world) => changed(world, wire),
    "role user": (world) => use(world, wire, { name: "alice", login: `alice ${world.token}` }),
    "role admin": (world) => use(world, wire, { name: "ada", login: `ada ${world.adasToken}` }),
  };
}

export const channels = hubExchanges(channelsWire(false)), channelsOverTls = hubExchanges(channelsWire(true));
export const room = hubExchanges(roomWire(false)), roomOverTls = hubExchanges(roomWire(true));
