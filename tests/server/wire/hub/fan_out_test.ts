import { assert, assertEquals } from "@std/assert";
import { type ChannelEvent, type EventEncoder, Member } from "../../../../server/service/hub/channel.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../../server/service/hub/history.ts";
import { Hub } from "../../../../server/service/hub/hub.ts";
import { ConnectionSlots, DEFAULT_CONNECTION_LIMITS } from "../../../../server/net/connection_slots.ts";
import { Log } from "../../../../server/report/log.ts";
import { MemberConnection } from "../../../../server/wire/hub/member_wire.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { PendingTotal } from "../../../../server/quota/pending.ts";
import { SocketPolling } from "../../../../server/net/fairness.ts";
import { ChunkJoiner, DEFAULT_SEND_LIMITS } from "../../../../server/net/send_queue.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** A wire on which every event is a line. */
const lines: EventEncoder = {
  wire: "channels",
  encode: (events: readonly ChannelEvent[]) =>
    encoder.encode(
      events.map((event) =>
        `${event.speaker.name}${event.kind === "message" ? `: ${event.text}` : ` has ${event.kind}`}\n`
      ).join(""),
    ),
};

/** A member whose connection notes what it is sent. */
class Listener {
  received = "";
  isBehind = false;
  readonly hostname = "127.0.0.1";
  readonly port = 1;
  readonly member: Member;
  /** Called instead of receiving something. */
  onSend: (() => void) | undefined;

  constructor(hub: Hub, name: string) {
    this.member = new Member({ name }, lines, this);
    if (!hub.join(this.member, "tea")) hub.create(this.member, "tea");
  }

  send(bytes: Uint8Array) {
    if (this.onSend !== undefined) return this.onSend();
    this.received += decoder.decode(bytes);
  }
}

/** A hub whose clock stands still. */
function newHub(maxChannels = 10, polling?: { due: Promise<void> | undefined }): Hub {
  const history = new History(DEFAULT_HISTORY_LIMITS, []);
  const options = { maxChannels, history, metrics: new Metrics(), wallClock: () => 0 };
  return new Hub(polling === undefined ? options : { ...options, polling });
}

/** Resolves when this turn of the event loop is over. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("the others learn at once that a member has left that is cut off while it is sent something", async () => {
  const hub = newHub();
  const alice = new Listener(hub, "Alice"),
    bob = new Listener(hub, "Bob"),
    carol = new Listener(hub, "Carol");
  await turn();
  carol.received = bob.received = alice.received = "";
  bob.onSend = () => hub.leave(bob.member);
  hub.send(alice.member, "hello");
  await turn();
  assertEquals(carol.received, "Alice: hello\nBob has left\n");
  assertEquals(alice.received, "Bob has left\n");
});

// channels.md 5.1
Deno.test("of many members that speak at once, each receives the others in order, and not itself", async () => {
  const hub = newHub();
  const names = ["Alice", "Bob", "Carol", "Dan"];
  const members = names.map((name) => new Listener(hub, name));
  await turn();
  for (const member of members) member.received = "";
  for (let round = 0; round < 2; round++) {
    for (const { member } of members.slice(0, 3)) hub.send(member, `${round}`);
  }
  await turn();
  const all = ["Alice: 0\n", "Bob: 0\n", "Carol: 0\n", "Alice: 1\n", "Bob: 1\n", "Carol: 1\n"];
  for (const [i, name] of names.entries()) {
    assertEquals(members[i]!.received, all.filter((line) => !line.startsWith(name)).join(""));
  }
});

Deno.test("the channel that was left before the others is given up first, whatever the clock says", () => {
  const hub = newHub(3), { member } = new Listener(hub, "Alice");
  for (const name of ["coffee", "milk"]) hub.create(member, name);
  for (const name of ["tea", "milk"]) hub.join(member, name);
  assertEquals(hub.create(member, "juice"), "created");
  assertEquals(hub.listed, ["tea", "milk", "juice"]);
});

// channels.md 4.2
Deno.test("a message has no line break, and no other control character, on any wire", async () => {
  const hub = newHub();
  const alice = new Listener(hub, "Alice"), bob = new Listener(hub, "Bob");
  await turn();
  bob.received = "";
  hub.send(alice.member, "a\nb\r\x1b[2J\u2028c\td");
  await turn();
  assertEquals(bob.received, "Alice: a\ufffdb\ufffd\ufffd[2J\ufffdc\td\n");
});

// channels.md 5.4
Deno.test("a client that has sent something is read again when the members have been sent it", async () => {
  const hub = newHub(), bob = new Listener(hub, "Bob");
  const received: string[] = [];
  const stream = {
    read() {
      received.push(bob.received);
      return Promise.resolve(null);
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close() {},
  };
  const monotonicClock = () => 0;
  const polling = new SocketPolling({
    connection: { roundTrip: () => Promise.resolve(), close() {} },
    monotonicClock,
  });
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const client = new MemberConnection("channels", { ...stream, remoteAddr: address }, address, {
    sockets: [],
    hub,
    slots: new ConnectionSlots(DEFAULT_CONNECTION_LIMITS),
    messagesPerSecond: undefined,
    limits: DEFAULT_SEND_LIMITS,
    joiner: new ChunkJoiner(),
    total: new PendingTotal(Infinity),
    polling,
    metrics: new Metrics(),
    log: new Log(() => Promise.resolve()),
    monotonicClock,
  });
  client.member = new Member({ name: "Alice" }, lines, client);
  hub.join(client.member, "tea");
  await turn();
  bob.received = "";
  for (const text of ["one", "two"]) hub.send(client.member, text);
  await client.read();
  assertEquals(received, ["Alice: one\nAlice: two\n"]);
});

// channels.md 5.1, 5.13
Deno.test("the members of a large channel are sent it in pieces, each from its joining to its leaving", async () => {
  let polls = 0;
  const due = () => (polls++, new Promise<void>((resolve) => setTimeout(resolve)));
  const polling = {
    get due() {
      return due();
    },
  };
  const hub = newHub(10, polling), alice = new Listener(hub, "Alice");
  const members = Array.from({ length: 300 }, (_, i) => new Listener(hub, `${i}`));
  const allSent = async () => {
    do await turn(); while (hub.congestion(alice.member) !== undefined);
  };
  await allSent();
  const last = members.at(-1)!, first = members[0]!;
  assertEquals(last.received, "");
  for (const [at, listener] of members.entries()) {
    const behind = members.slice(at + 1).map((_, i) => `${at + 1 + i} has joined\n`);
    assertEquals(listener.received, behind.join(""));
    listener.received = "";
  }
  polls = 0;
  hub.send(alice.member, "one");
  await Promise.resolve();
  hub.send(alice.member, "two");
  hub.leave(first.member);
  const late = new Listener(hub, "late");
  hub.send(alice.member, "three");
  await allSent();
  assert(polls > 10, `${polls}`);
  // it has left before it was its turn
  assertEquals(first.received, "");
  assertEquals(late.received, "Alice: three\n");
  for (const listener of members.slice(1)) {
    assertEquals(
      listener.received,
      "Alice: one\nAlice: two\n0 has left\nlate has joined\nAlice: three\n",
    );
  }
});
