/** Servers with a seal that answer and admit nobody: the client ends after a bounded number of datagrams. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { ClientSeal } from "../../../client/session/seal/seal.ts";
import { MailboxSession } from "../../../client/mailbox/mailbox_session.ts";
import {
  decodeSealToServer,
  encodeHelloAnswer,
  encodeSealReply,
  Opener,
  Sealer,
} from "../../../protocol/seal.ts";
import { sealKey, serverKeys } from "../../../protocol/seal/keys.ts";
import { serverFirst } from "../../../protocol/seal/scram.ts";
import { fastSalt } from "../account.ts";
import { Clock } from "../clock.ts";
import { follow } from "../script.ts";
import { SealedWorld, SERVER } from "../sealed_world.ts";

/** Most datagrams that a client sends, and how long it tries at most, in milliseconds. */
const MAX_DATAGRAMS = 5000, MAX_LOGIN_MS = 400_000;

const START_ID = "00000001", COOKIE = "1".repeat(16);

/** A server that makes a handshake, and then answers requests by `answer`. */
class HostileServer {
  readonly clock = new Clock();
  readonly client: ClientSeal;
  readonly session: MailboxSession;
  /** Datagrams received. */
  received = 0;
  /** The start ID of each datagram, and the kinds of their bodies. */
  readonly startIds: string[] = [];
  readonly kinds = new Set<string>();
  /** Keys of servers that the client was asked to trust. */
  readonly keys: string[] = [];
  /** Changes the confirmation of the keys. */
  confirm = (right: Uint8Array<ArrayBuffer>) => right;
  /** Gets each datagram first. Returns whether it is done with it. */
  before: (id: string) => boolean = () => false;
  answer: (kind: string, k: string, rest: string) => string | undefined = () => undefined;
  readonly #key = sealKey(new Uint8Array(32).fill(1));
  readonly #ephemeral = sealKey(new Uint8Array(32).fill(2));
  #seal: { id: string; sealer: Sealer; opener: Opener } | undefined;
  #random = 0;

  constructor() {
    const environment = {
      monotonicClock: this.clock.now,
      setTimer: this.clock.setTimer,
      random: (bytes: number) => new Uint8Array(bytes).map((_, i) => ++this.#random + i),
      send: (datagram: Uint8Array<ArrayBuffer>) => {
        const copy = datagram.slice();
        // otherwise this would never end
        if (++this.received <= MAX_DATAGRAMS) this.clock.setTimer(1, () => this.#received(copy));
      },
    };
    const session = this.session = new MailboxSession({
      ...environment,
      send: (datagram) => this.client.send(datagram),
    });
    const more = { service: "mailbox", saltPassword: fastSalt, trusted() {} };
    const trust = (key: string) => void this.keys.push(key);
    const as = { name: "alice", password: "word", make: true };
    this.client = new ClientSeal({ ...environment, ...more, trust }, as, session);
  }

  reply(id: string, word: "challenge" | "unknown" | "busy", startId = START_ID, cookie = COOKIE) {
    const header = { id, startId, cookie: word === "challenge" ? cookie : "" };
    this.client.received(encodeSealReply(header, word));
  }

  #received(datagram: Uint8Array) {
    const { header: { id, startId }, body } = decodeSealToServer(datagram)!;
    this.startIds.push(startId);
    this.kinds.add(body.kind);
    if (this.before(id)) return;
    if (startId !== START_ID) return this.reply(id, "challenge");
    const header = { id, startId: START_ID, cookie: "" };
    if (body.kind === "hello") {
      const keys = serverKeys({ service: "mailbox", ...header }, this.#ephemeral, this.#key, body.key);
      this.#seal = { id, sealer: new Sealer("<", keys.toClient), opener: new Opener(keys.toServer) };
      return this.client.received(
        encodeHelloAnswer(header, this.#ephemeral.public, this.#key.public, this.confirm(keys.confirm)),
      );
    }
    if (this.#seal?.id !== id) return;
    const plain = this.#seal.opener.open(datagram, body.number);
    if (typeof plain === "string") return;
    const [, kind = "", k = "", rest = ""] = /^(\w+),(\d+),?(.*)$/.exec(new TextDecoder().decode(plain)) ??
      [];
    const answer = this.answer(kind, k, rest);
    if (answer === undefined) return;
    this.client.received(this.#seal.sealer.seal(header, new TextEncoder().encode(answer)));
  }

  /** Waits for the end of the log-in, and gives its error. */
  async end(): Promise<string> {
    const login = follow(this.client.open(this.session.state.id));
    assert(
      await this.clock.until(() => login.state !== "open", MAX_LOGIN_MS),
      `open after ${MAX_LOGIN_MS} ms`,
    );
    assertEquals(login.state, "failed");
    assertLess(this.received, MAX_DATAGRAMS);
    return login.error!.message;
  }
}

/** Answers `first` as a server that has the account. */
function first(k: string, rest: string): string {
  const nonce = /r=([^,]+)/.exec(rest)![1]!, salt = new Uint8Array(16);
  const verifier = { iterations: 600_000, salt, storedKey: salt, serverKey: salt };
  return `first,${k},${serverFirst(`${nonce}more`, verifier)}`;
}

const NO_PROGRESS = "Cannot log in: the server answers, but makes no progress";
const NO_ANSWER = "No answer from the server within 10 s: is the server running?";

const SERVERS: Readonly<Record<string, [(server: HostileServer) => void, string]>> = {
  "sends a challenge with another cookie each time": [(server) => {
    let cookie = 0;
    server.before = (id) => {
      server.reply(id, "challenge", START_ID, `${++cookie}`.padStart(16, "0"));
      return true;
    };
  }, NO_PROGRESS],
  "sends a challenge with another start ID each time": [(server) => {
    let startId = 1;
    server.before = (id) => {
      server.reply(id, "challenge", (++startId).toString(16).padStart(8, "0"));
      return true;
    };
  }, NO_PROGRESS],
  "is always busy": [(server) => {
    let received = 0;
    server.before = (id) => {
      const more = () => {
        server.reply(id, "busy");
        server.clock.setTimer(50, more);
      };
      // first comes a challenge
      if (++received === 2) more();
      return received > 1;
    };
  }, "Cannot be served by the server: it has had no room for one more client for 60 s"],
  "does not know a handshake that it has made": [(server) => {
    let last = "";
    server.before = (id) => {
      if (id === last) server.reply(id, "unknown");
      last = id;
      return false;
    };
  }, NO_ANSWER],
  "answers log-in requests by `here`": [(server) => {
    server.answer = () => "here";
  }, NO_PROGRESS],
  "always answers that there is no account": [(server) => {
    server.answer = (kind, k) => kind === "first" ? `none,${k}` : `made,${k}`;
  }, "Cannot log in as 'alice': the server repeatedly answers that no account has this name"],
  "has an account for `first`, and none for `final`": [(server) => {
    server.answer = (kind, k, rest) => kind === "first" ? first(k, rest) : `none,${k}`;
  }, "Cannot log in as 'alice': the server repeatedly answers that no account has this name"],
  "answers `wait` without an end": [(server) => {
    server.answer = (kind, k, rest) => kind === "first" ? first(k, rest) : `wait,${k},1`;
  }, "Cannot log in as 'alice': the server asked to try later too often"],
};

for (const [name, [prepare, error]] of Object.entries(SERVERS)) {
  // seal.md 2.17
  Deno.test(`a log-in ends if the server ${name}`, async () => {
    const server = new HostileServer();
    prepare(server);
    assertEquals(await server.end(), error);
  });
}

// seal.md 2.17
Deno.test("a session that has to log in again without an end is ended", async () => {
  await using world = await SealedWorld.make();
  const client = world.client();
  await world.soon(client.login());
  const lease = follow(client.session.lease("bob", { wait: 3_600_000 }));
  for (let i = 0; i < 20 && lease.state === "open"; i++) {
    await world.clock.run(100);
    const { header } = decodeSealToServer(world.passed.findLast(({ to }) => to === SERVER)!.datagram)!;
    client.seal.received(encodeSealReply({ ...header, cookie: "" }, "unknown"));
  }
  assertEquals(
    lease.error?.message,
    "Cannot go on: the server answers, but makes the session begin anew again and again",
  );
});

// seal.md 3.3
Deno.test("a client uses nothing of an answer with a wrong CONFIRM", async () => {
  const server = new HostileServer();
  let answers = 0;
  server.confirm = (right) => {
    answers++;
    return right.with(31, right[31]! ^ 1);
  };
  assertEquals(await server.end(), NO_ANSWER);
  assertLess(1, answers);
  assertEquals([server.keys, [...server.kinds]], [[], ["hello"]]);
});

// seal.md 3.3
Deno.test("a client waits for the right CONFIRM after a wrong one", async () => {
  const server = new HostileServer();
  let answers = 0;
  server.confirm = (right) => ++answers === 1 ? new Uint8Array(32) : right;
  assertEquals(await server.end(), NO_ANSWER);
  assertEquals([server.keys.length, [...server.kinds]], [1, ["hello", "sealed"]]);
});

// seal.md 2.16
Deno.test("a client ignores a challenge of an earlier start", async () => {
  const server = new HostileServer();
  let received = 0;
  server.before = (id) => {
    if (++received === 1) server.reply(id, "challenge", "0000000a");
    // late, when the client knows the next start already
    if (received === 3) server.reply(id, "challenge", "0000000a", "2".repeat(16));
    return received === 1;
  };
  assertEquals(await server.end(), NO_ANSWER);
  const [first, second, ...others] = server.startIds;
  assertEquals([first, second, [...new Set(others)]], ["", "0000000a", [START_ID]]);
  assertEquals([...server.kinds], ["hello", "sealed"]);
});
