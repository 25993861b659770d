/**
 * Scripts of clients that send datagrams to the mailbox and the forum: sessions, seals, the original wire, and commands of
 * administrators. A line is `CLIENT WHAT …`, or `wait MS`. Beside them, an honest client has to be served.
 *
 * @module
 */

import { MailboxSession } from "../../../../client/mailbox/mailbox_session.ts";
import { ACCOUNT } from "../../../simulation/account.ts";
import { Random } from "../../../simulation/random.ts";
import { type Bytes, holds, isSame, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { addressOf, ADMINISTRATOR, DatagramServer, type ServiceName } from "./datagram_server.ts";
import { Lives, type World } from "./lives.ts";
import { Party } from "./party.ts";

/** Steps of a script that are taken, and the longest wait, by which handshakes and leases have ended. */
const MAX_STEPS = 60, MAX_WAIT_MS = 130_000;

const HOSTNAMES = ["127.0.0.1", "10.0.0.7", "10.0.0.8", "8.8.8.8", "fe80::7", "2001:db8::7"];

const USERS = [ACCOUNT, ADMINISTRATOR, { name: "mallory", password: "none" }];

class DatagramWorld implements World {
  readonly #server: DatagramServer;
  readonly #service: ServiceName;
  readonly #random: Random;
  readonly #parties = new Map<string, Party>();
  #honest = 0;
  /** Whether an administrator has changed what the honest client relies on. */
  isSpent = false;

  constructor(server: DatagramServer, service: ServiceName, random: Random) {
    this.#server = server;
    this.#service = service;
    this.#random = random;
    for (const socket of Object.values(server.sockets)) {
      socket.onSent = (datagram, { hostname, port }) => {
        for (const party of this.#parties.values()) {
          if (party.address.hostname === hostname && party.address.port === port) party.take(datagram);
        }
        if (hostname === HONEST && port === this.#honest) this.#answer(datagram);
      };
    }
  }

  #answer: (datagram: Bytes) => void = () => {};

  async run(input: Bytes) {
    this.#parties.clear();
    const honest = this.#begin();
    const texts = ["one", "two"], mailbox = `h${this.#honest}`;
    await this.#server.soon(honest.put({ receiver: mailbox, sender: "honest", text: texts[0]! }));
    for (const line of textOf(input).split("\n").slice(0, MAX_STEPS)) {
      await this.#step(line);
      if (this.isSpent) break;
    }
    this.#server.checkLimits();
    if (!this.isSpent) {
      await this.#server.soon(honest.put({ receiver: mailbox, sender: "honest", text: texts[1]! }));
      const lease = await this.#server.soon(honest.lease(mailbox, { max: 2, wait: 1000 }));
      holds(lease !== undefined, () => "the honest client's messages are gone");
      isSame(lease.messages.map(({ text }) => text), texts, "the honest client's messages");
      await this.#server.soon(lease.ack());
      await this.#server.soon(honest.close());
    }
    this.#answer = () => {};
  }

  /** An honest client, with an address of its own. */
  #begin(): MailboxSession {
    const from = addressOf(HONEST, ++this.#honest), { clock, sockets } = this.#server;
    const session = new MailboxSession({
      monotonicClock: clock.now,
      setTimer: clock.setTimer,
      random: this.#random.bytes,
      send: (datagram) => sockets.mailbox.deliver(datagram.slice(), from),
    });
    this.#answer = (datagram) => session.received(datagram);
    return session;
  }

  async #step(line: string) {
    const [, who = "", what = "", rest = ""] = /^(\S+) ?(\S*) ?(.*)$/s.exec(line) ?? [];
    if (who === "wait") return await this.#server.pass(Math.min(MAX_WAIT_MS, Number(what) || 1));
    const party = this.#partyOf(who.slice(0, 1)), filled = () => unescaped(party.filled(rest));
    switch (what) {
      case "raw":
        return await party.send(filled());
      case "say":
        return await party.say(...splitLow(filled()));
      case "seal":
        if (await party.seal()) await party.saySealed(filled());
        return;
      case "login":
        return await this.#logIn(party, rest);
      case "admin":
      case "guess":
        if (await party.command(textOf(filled()), what === "admin")) {
          this.isSpent = this.isSpent || isHarmful(rest);
        }
        return;
      case "sealed-admin":
        await party.saySealed(new Uint8Array([0x41, 0x2c, 0x20, ...filled()]));
        this.isSpent ||= isHarmful(rest);
        return;
      case "forget":
        return party.forget();
      case "move":
        return party.move(HOSTNAMES[rest.length % HOSTNAMES.length]!, 1000 + rest.length);
    }
  }

  async #logIn(party: Party, rest: string) {
    const user = USERS.find(({ name }) => rest.startsWith(name)) ?? USERS[0]!;
    await party.logIn(user.name, rest.endsWith("!") ? "wrong" : user.password);
  }

  #partyOf(who: string): Party {
    let party = this.#parties.get(who);
    if (party === undefined) {
      const number = who.charCodeAt(0) || 0, hostname = HOSTNAMES[number % HOSTNAMES.length]!;
      party = new Party(this.#server, this.#service, this.#random, addressOf(hostname, 2000 + number));
      this.#parties.set(who, party);
    }
    return party;
  }

  async close() {
    await this.#server.close();
  }
}

const HONEST = "10.99.0.1";

/** `LOW LINES`: what a session says. */
function splitLow(bytes: Bytes): [low: number, body: Bytes] {
  const text = textOf(bytes.subarray(0, 17)), [, low] = /^(\d{1,15}) /.exec(text) ?? [];
  return low === undefined ? [1, bytes] : [Number(low), bytes.subarray(low.length + 1)];
}

/** Whether a command of the administrator may touch what is others'. */
function isHarmful(command: string): boolean {
  return !/^(help|status|services|limits|list|oldest|count|dead|connections|bans|account, list|watch)\b/i
    .test(command);
}

const REQUESTS = [
  ...[
    "put,1,bob,alice,,,hi",
    "put,1,bob,eve,,,hi",
    "put,2,bob,eve,1000,60000,later",
    "put,3,,,,,all",
    "skip,1",
    "bye",
  ],
  ...[
    "part,1,the beginning ",
    "ack,2,$token,$id",
    "back,2,$token,$id",
    "begin,2,$token,$id",
    "extend,2,$token,5000",
  ],
  ...[
    "fail,2,$token,1000,2,broken,$id",
    "lease,1,bob,64,30000,0",
    "lease,2,bob,1,1000,60000",
    "lease,3,,1,1000,0,ahead",
  ],
  ...[
    "lease,1,bob,1,1000,1000,ahead",
    "got,1",
    "cancel,2",
    "stat,4,bob",
    "stat,5,",
    "info,6,alice",
    "peek,7,bob,0",
  ],
];

const FORUM_REQUESTS = [
  ...[
    "CRT,1,title",
    "MSG,2,title a text",
    "MSG,3,title another",
    "DLT,4,title 1",
    "EDT,5,title 2 edited",
    "RMV,6,title",
  ],
  ...[
    "LST,1,0",
    "RDT,2,0,title",
    "RDT,3,#1,title",
    "DWN,4,title a.txt",
    `UPD,5,0,11,${"0".repeat(64)},title a.txt`,
  ],
  ...["UPD,6,1,11,-,title a.txt", "part,7,title the beginning", "skip,1", "bye"],
];

const LOGINS = [
  ...[
    "login alice",
    "login alice!",
    "login root",
    "login mallory",
    "seal here",
    "seal bye,3",
    "seal bye,4",
    "seal here\\n",
  ],
  ...[
    "seal make,1,carol,SCRAM-SHA-256$600000:AAAAAAAAAAAAAAAAAAAAAA==$" + "A".repeat(43) + "=:" +
    "A".repeat(43) + "=",
  ],
  ...[
    "seal first,1,p=parley-seal-1,,n=alice,r=nnnnnnnnnnnnnnnn",
    "seal final,2,$session,c=AAAA,r=nnnn,p=" + "A".repeat(43) + "=",
  ],
  ...[
    "seal change,3,alice,SCRAM-SHA-256$600000:AAAAAAAAAAAAAAAAAAAAAA==$" + "A".repeat(43) + "=:" +
    "A".repeat(43) + "=",
  ],
];

const ADMIN = [
  ...[
    "help",
    "status",
    "limits",
    "services",
    "list",
    "oldest",
    "count, bob",
    "clear, bob",
    "clear-shared",
    "dead",
    "requeue, 1",
  ],
  ...[
    "requeue-all",
    "delete-all",
    "delete, 1",
    "limit, 5",
    "connections",
    "kick, eve",
    "ban, 60, 8.8.8.8",
    "mute, 60, eve",
    "bans",
  ],
  ...[
    "unban, 8.8.8.8",
    "ban, 0, eve",
    "account, list",
    "account, remove, alice",
    "account, role, alice, admin",
    "log, on",
    "stop",
  ],
  ...[
    "account, tokens, alice",
    "watch, 30",
    "watch, 30, service=mailbox, texts",
    "watch, 0",
    "watch, 60, name=bob",
  ],
  `account, add-token, alice, 0123abcd, SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$${"A".repeat(43)}=:${
    "A".repeat(43)
  }=, 60`,
];

const ORIGINAL = [
  ...[
    "F, bob, eve, hi",
    "F, bob, alice, hi",
    "R, bob",
    "R, alice",
    "for, all",
    "req",
    "A, challenge   ",
    "A, status",
    "A, ok, 1",
  ],
];

const COMMON = [
  "forget",
  "move x",
  "raw P1> $session $start $cookie 1",
  "raw S1> $session - - hello," + "A".repeat(43),
];

function line(random: Random, requests: readonly string[], mailbox: boolean): string {
  const who = pick(random, ["a", "b", "c", "d"]),
    all = (count: number) =>
      Array.from({ length: random.between(1, count) }, () => pick(random, requests)).join("\\n");
  const low = random.between(1, 4);
  switch (random.between(0, mailbox ? 7 : 4)) {
    case 0:
      return `wait ${pick(random, [1, 100, 100, 1000, 1000, 5000, random.chance(0.2) ? 130_000 : 6000])}`;
    case 1:
      return `${who} ${pick(random, LOGINS)}`;
    case 2:
      return `${who} seal ${low}\\n${all(3)}`;
    case 3:
      return `${who} ${pick(random, COMMON)}`;
    case 4:
      return mailbox ? `${who} say ${low} ${all(3)}` : `${who} seal ${low}\\n${all(5)}`;
    case 5:
      return `${who} say ${low} ${all(2)}`;
    case 6:
      return `${who} raw ${pick(random, ORIGINAL)}`;
    default:
      return `${who} ${pick(random, ["admin", "admin", "guess", "sealed-admin"])} ${pick(random, ADMIN)}`;
  }
}

function target(
  name: string,
  service: ServiceName,
  requests: readonly string[],
  more: Partial<Target>,
): Target {
  const lives = new Lives(async () => {
    const random = new Random(7);
    return new DatagramWorld(await DatagramServer.start(random), service, random);
  });
  return {
    name,
    covers: ["protocol/", "server/"],
    words: [...requests, ",", "\\n", "$token", "$id", "$session", "$start", "$cookie", " ", "0", "1"],
    seeds: [],
    maxBytes: 4096,
    shortInputs: 40,
    maxMs: 3000,
    line: (random) => line(random, requests, service === "mailbox"),
    run: (input) => lives.run(input),
    end: () => lives.end(),
    ...more,
  };
}

export const MAILBOX_SERVER: Target = target("mailbox_server", "mailbox", REQUESTS, {
  seeds: [
    "a say 1 put,1,bob,eve,,,hi\\nlease,1,bob,64,30000,0\na say 1 ack,2,$token,$id\na say 3 bye",
    "a say 1 lease,1,bob,1,1000,60000\nb raw F, bob, eve, hi\nwait 5000\na say 1 got,1\nwait 60000",
    "a login alice\na seal 1\\nput,1,bob,alice,,,hi\\nlease,1,bob,1,1000,0,ahead\na seal 1\\nbegin,2,$token,$id\na seal bye,3",
    "a admin watch, 60, texts\na raw F, bob, eve, hi\na raw R, bob\na admin list\nwait 1000\na admin clear-all",
    "a login root\na sealed-admin challenge   \nwait 130000",
  ],
});

export const FORUM_SERVER: Target = target("forum_server", "forum", FORUM_REQUESTS, {
  seeds: [
    "a login alice\na seal 1\\nCRT,1,title\\nMSG,2,title a text\na seal 3\\nRDT,1,0,title\\nLST,2,0\na seal bye,3",
    "a login alice\na seal 1\\nCRT,1,t\\npart,2,t long \\nMSG,2,t er\na seal 1\\nEDT,3,t 1 other\\nDLT,4,t 1\\nRMV,5,t\nwait 130000",
  ],
});
