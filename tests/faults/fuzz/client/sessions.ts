/**
 * The client's sessions against a server that answers as a script says, at a clock that stands until something is due: the
 * mailbox, the forum, and the seal around either. Its first line says what the client does; each line after it is what the
 * server answers to the next datagrams, with `$t` and `$n` for the tags and numbers that they have.
 *
 * @module
 */

import { entryText } from "../../../../client/command/forum/commands.ts";
import { Forum } from "../../../../client/forum.ts";
import { MailboxSession } from "../../../../client/mailbox/mailbox_session.ts";
import { ServerKeyError } from "../../../../client/session/seal/known_servers.ts";
import { ClientSeal } from "../../../../client/session/seal/seal.ts";
import { Session } from "../../../../client/session/session.ts";
import {
  FullError,
  RefusedError,
  SessionEndError,
  WrongAnswerError,
} from "../../../../client/session/errors.ts";
import { decodeForumAnswer } from "../../../../protocol/forum.ts";
import { serverFirst } from "../../../../protocol/seal/scram.ts";
import {
  decodeSealToServer,
  encodeHelloAnswer,
  encodeSealReply,
  Opener,
  Sealer,
} from "../../../../protocol/seal.ts";
import { sealKey, serverKeys } from "../../../../protocol/seal/keys.ts";
import { encodeAnswers } from "../../../../protocol/session.ts";
import { fastSalt } from "../../../simulation/account.ts";
import { Clock } from "../../../simulation/clock.ts";
import { Random } from "../../../simulation/random.ts";
import {
  type Bytes,
  bytesOf,
  holds,
  pick,
  sizeOf,
  type Target,
  textOf,
  unescaped,
} from "../engine/target.ts";
import { listen, throwUncaught } from "../server/lives.ts";

/** Simulated milliseconds in which all that the client does has ended, and datagrams that it sends at most. */
const MAX_MS = 700_000, MAX_DATAGRAMS = 6000;

/** What a client may hold of what it was sent: messages of a lease, or a page. */
const MAX_RESULT = 64 * 65_000 + 100_000;

const ERRORS = [
  RefusedError,
  FullError,
  SessionEndError,
  WrongAnswerError,
  ServerKeyError,
  TypeError,
  RangeError,
];

/** Answers as the script says; when it has ended, with nothing. */
class ScriptedServer {
  readonly clock = new Clock(1_700_000_000_000);
  readonly random = new Random(9);
  datagrams = 0;
  receive: (datagram: Bytes) => void = () => {};
  readonly #steps: string[];
  readonly #isSealed: boolean;
  readonly #key = sealKey(new Uint8Array(32).fill(7));
  readonly #ephemeral = sealKey(new Uint8Array(32).fill(8));
  #seal: { id: string; sealer: Sealer; opener: Opener } | undefined;

  constructor(steps: readonly string[], isSealed: boolean) {
    this.#steps = [...steps];
    this.#isSealed = isSealed;
  }

  get environment() {
    const { clock, random } = this;
    return {
      monotonicClock: clock.now,
      setTimer: clock.setTimer,
      random: random.bytes,
      send: (datagram: Bytes) => {
        this.datagrams++;
        const copy = datagram.slice();
        clock.setTimer(1, () => this.#isSealed ? this.#takeSealed(copy) : this.#take(copy));
      },
    };
  }

  #take(datagram: Bytes) {
    const text = textOf(datagram), [, session = "", startId = "-"] = text.split(" ");
    const step = this.#steps.shift();
    if (step?.startsWith("raw ")) return this.receive(unescaped(step.slice(4)));
    const header = { session, startId: "00000001", cookie: "", done: 0 };
    if (startId === "-" || step === "challenge") {
      if (step !== undefined && step !== "challenge") this.#steps.unshift(step);
      return this.receive(encodeAnswers({ ...header, cookie: "000000000001" + "1".repeat(16) }, []));
    }
    if (step === undefined || step === "silent") return;
    const lines = filled(step, text);
    // so much does not come in one datagram, but nothing says that
    this.receive(encodeAnswers(header, lines === "" ? [] : [lines]));
  }

  #takeSealed(datagram: Bytes) {
    const decoded = decodeSealToServer(datagram);
    holds(decoded !== undefined, () => `the client sends '${textOf(datagram)}'`);
    const { header: { id, startId }, body } = decoded, step = this.#steps[0] ?? "";
    const header = { id, startId: "00000001", cookie: "" };
    if (/^(raw|unknown|busy|challenge|silent)\b/.test(step)) {
      this.#steps.shift();
      if (step === "silent") return;
      if (step.startsWith("raw ")) return this.receive(unescaped(step.slice(4)));
      const word = step.split(" ")[0] as "unknown" | "busy" | "challenge";
      return this.receive(
        encodeSealReply({ ...header, cookie: word === "challenge" ? "2".repeat(16) : "" }, word),
      );
    }
    if (startId === "") {
      return this.receive(encodeSealReply({ ...header, cookie: "1".repeat(16) }, "challenge"));
    }
    if (body.kind === "hello") {
      const keys = serverKeys({ service: "mailbox", id, startId }, this.#ephemeral, this.#key, body.key);
      this.#seal ??= { id, sealer: new Sealer("<", keys.toClient), opener: new Opener(keys.toServer) };
      return this.receive(
        encodeHelloAnswer({ ...header, startId }, this.#ephemeral.public, this.#key.public, keys.confirm),
      );
    }
    if (this.#seal?.id !== id) return;
    const plain = this.#seal.opener.open(datagram, body.number), next = this.#steps.shift();
    if (typeof plain === "string" || next === undefined) return;
    this.receive(this.#seal.sealer.seal({ ...header, startId }, bytesOf(filled(next, textOf(plain)))));
  }
}

/** A step with the tag or the number of each request in the place of `$t` and `$n`, and the nonce of a log-in. */
function filled(step: string, request: string): string {
  const number = /^[A-Za-z]+,(\d+)/m.exec(request)?.[1] ?? "1", nonce = /r=([^,]+)/.exec(request)?.[1] ?? "";
  const verifier = {
    iterations: 600_000,
    salt: new Uint8Array(16),
    storedKey: new Uint8Array(32),
    serverKey: new Uint8Array(32),
  };
  return textOf(
    unescaped(
      step.replaceAll(/\$[tn]/g, number).replaceAll("$first", `${serverFirst(`${nonce}more`, verifier)}`),
    ),
  );
}

/** What a client does with a mailbox. */
const MAILBOX: Readonly<Record<string, (session: MailboxSession) => Promise<unknown>>> = {
  put: (session) => session.put({ receiver: "bob", sender: "alice", text: "hello" }),
  long: (session) =>
    session.put({ receiver: "bob", sender: "alice", text: "hello ".repeat(900), wait: 2000 }),
  async lease(session) {
    const lease = await session.lease("bob", { max: 3, wait: 2000 });
    await lease?.ack();
    return lease?.messages;
  },
  stat: (session) => session.stat("bob"),
  info: (session) => session.info("bob"),
  peek: (session) => session.peek("bob", 0),
};

/** What a client does with a forum. */
const FORUM: Readonly<Record<string, (forum: Forum) => Promise<unknown>>> = {
  threads: (forum) => all(forum.threads()),
  read: async (forum) => (await all(forum.read("title"))).map(entryText),
  "read-from": (forum) => all(forum.read("title", { from: 3 })),
  post: (forum) => forum.post("title", "a text"),
  create: (forum) => forum.create("title"),
};

/** As much of a list as anybody looks at. */
async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) if (found.push(row) >= 1000) break;
  return found;
}

async function run(script: Bytes) {
  listen();
  const [first = "", ...steps] = textOf(script).split("\n"), [what = "", sealed] = first.split(" ");
  const server = new ScriptedServer(steps, sealed === "sealed"), { environment, clock } = server;
  const isForum = Object.hasOwn(FORUM, what);
  if (!isForum && !Object.hasOwn(MAILBOX, what)) return;
  let seal: ClientSeal | undefined;
  const inner = sealed === "sealed"
    ? { ...environment, send: (datagram: Bytes) => seal!.send(datagram) }
    : environment;
  const session = isForum ? new Session(inner, decodeForumAnswer) : new MailboxSession(inner);
  server.receive = (datagram) => session.received(datagram);
  if (sealed === "sealed") {
    seal = new ClientSeal(
      { ...environment, service: "mailbox", saltPassword: fastSalt, trust() {}, trusted() {} },
      { name: "alice", password: "word", make: true },
      session,
    );
    server.receive = (datagram) => seal!.received(datagram);
  }
  const work = async () => {
    if (seal !== undefined) await seal.open(session.state.id);
    if (!isForum) return await MAILBOX[what]!(session as MailboxSession);
    return await FORUM[what]!(new Forum(session as Session<never>, { hostname: "10.0.0.1", port: 1 }));
  };
  let isOver = false, error: unknown, result: unknown;
  work().then((value) => result = value, (thrown) => error = thrown).finally(() => isOver = true);
  const isDone = await clock.until(() => isOver, MAX_MS);
  throwUncaught();
  holds(isDone, () => `${first}: open after ${MAX_MS} ms`);
  holds(server.datagrams < MAX_DATAGRAMS, () => `${first}: ${server.datagrams} datagrams`);
  holds(sizeOf(result) < MAX_RESULT, () => `${first}: a result of ${sizeOf(result)}`);
  if (error !== undefined && !ERRORS.some((type) => error instanceof type)) throw error;
  if (error instanceof TypeError || error instanceof RangeError) {
    // the program's own begin with what it cannot do
    if (!/^(Cannot|The) /.test(error.message)) throw error;
  }
}

const ANSWERS = [
  ...[
    "ok,$n",
    "ok,1-9",
    "have,$n",
    "have,1-5",
    "bad,$n,bad receiver",
    "full,$n,1000 messages",
    "storage,$n",
    "unknown",
    "busy",
  ],
  ...[
    "ending",
    "login",
    "owned",
    "no,$t,denied",
    "none,$t",
    "pending,$t",
    "denied,$t",
    "got,$t",
    "lost,$n,7",
    "lost,$n,",
  ],
  ...[
    "msg,$t,1,1,0123456789abcdef,7,1,1700000000000,alice,5,hello",
    "msg,$t,1,2,0123456789abcdef,7,1,0,alice,9,hel",
  ],
  ...[
    "piece,$t,1,3,lo",
    "piece,$t,2,0,x",
    "msg,$t,2,2,0123456789abcdef,8,1,0,bob,1,x",
    "stat,$t,messages 3,bytes 9",
    "info,$t,mailbox 1",
  ],
  ...[
    "seen,$t,0,7,ready,0,1,alice,5,hello\\nlast,$t,7",
    "seen,$t,0,7,ready,0,1,a,5,h\\nmore,$t,7",
    "more,$t,7",
    "last,$t,0",
    "seen,$t,7,8,leased,1,1,a,99,x",
  ],
  ...[
    "title,$t,0,7,title\\nend,$t,7",
    "title,$t,0,7,a\\ntitle,$t,7,9,b\\nnext,$t,9",
    "next,$t,7",
    "end,$t,0",
    "rest,$t,7,2,5, more",
  ],
  ...[
    "line,$t,0,7,1,1700000000000,2,5,yoda hello\\nend,$t,7",
    "line,$t,0,7,1,0,2,10,yoda hello",
    "file,$t,7,8,0,11,yoda a.txt\\nend,$t,8",
  ],
  ...[
    "line,$t,0,7,1,999999999999999,2,5,yoda hello\\nend,$t,7",
    "upload,$t,x,y",
    "stored,$t",
    "challenge",
    "silent",
    "",
  ],
];

const LOGINS = [
  ...[
    "first,$n,$first",
    "none,$n",
    "final,$n,v=AAAA",
    "final,$n,e=invalid-proof",
    "made,$n",
    "active,$n",
    "wait,$n,500",
    "denied,$n",
  ],
  ...[
    "none,$n,closed",
    "exists,$n",
    "full,$n",
    "storage,$n",
    "bye,$n",
    "refused,$n,banned",
    "here",
    "wait,$n,999999999",
    "unknown",
    "busy",
  ],
];

export const CLIENT_SESSIONS: Target = {
  name: "client_sessions",
  covers: ["client/", "protocol/"],
  words: [...ANSWERS, ...LOGINS, "$t", "$n", "\\n", ",", "0", "1", "7"],
  seeds: [
    ...Object.keys(MAILBOX).map((what) => `${what}\n${ANSWERS.slice(0, 38).join("\n")}`),
    ...Object.keys(MAILBOX).map((what) => `${what}\n${ANSWERS.slice(18, 33).toReversed().join("\n")}`),
    ...Object.keys(FORUM).map((what) => `${what}\n${ANSWERS.slice(33).join("\n")}`),
    ...LOGINS.map((answer) => `put sealed\n${answer}\n${LOGINS.join("\n")}`),
    ...["lease sealed", "read sealed"].map((what) =>
      `${what}\nfirst,$n,$first\nfinal,$n,v=AAAA\nbusy\nunknown\nraw x`
    ),
  ],
  maxBytes: 8192,
  shortInputs: 150,
  maxMs: 10_000,
  line: (random) => pick(random, random.chance(0.3) ? LOGINS : ANSWERS),
  run,
};
