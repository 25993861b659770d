import { assertEquals } from "@std/assert";
import { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import type { SessionEnvironment } from "../../client/session/environment.ts";
import type { SessionResume, SessionState } from "../../client/session/identity.ts";
import { encodeAnswers } from "../../protocol/session.ts";
import { Clock } from "./clock.ts";

/** The first session's name, with randomness that is all zeros; the next ones end in another letter. */
export const FIRST_SESSION = "A".repeat(22);

/**
 * A client, and a server that answers as the test says. A datagram of the client is written `LOW REQUEST | REQUEST…`; its
 * startId and cookie are checked against what the server has sent.
 */
export class Script {
  readonly clock = new Clock();
  readonly client: MailboxSession;
  /** The session that the server answers. */
  session: string;
  startId = "";
  cookie = "";
  done = 0;
  /** Called with each datagram that the client sends. */
  sending: (datagram: Uint8Array) => Promise<void> | void = () => {};
  /** What onBusy was called with. */
  readonly busy: boolean[] = [];
  #sent: string[] = [];
  #sessions = 0;

  constructor(
    resume?: SessionResume,
    onBegin?: (state: SessionState) => Promise<void>,
    newClient = (environment: SessionEnvironment) => new MailboxSession(environment, resume),
  ) {
    this.session = resume?.id ?? FIRST_SESSION;
    this.client = newClient({
      monotonicClock: this.clock.now,
      setTimer: this.clock.setTimer,
      onBusy: (busy) => this.busy.push(busy),
      random: (bytes) => new Uint8Array(bytes).fill(0, 0, -1).fill(this.#sessions++ << 4, -1),
      send: (datagram) => {
        this.#take(new TextDecoder().decode(datagram));
        return this.sending(datagram);
      },
      ...onBegin === undefined ? {} : { onBegin },
    });
  }

  #take(datagram: string) {
    const [header = "", ...lines] = datagram.split("\n");
    const [word, session = "", startId, cookie, low] = header.split(" ");
    assertEquals(word, "P1>");
    this.session = session;
    this.#sent.push([low, lines.join(" | ")].join(" ").trim());
    if (startId === "-") this.#sent[this.#sent.length - 1] = `hello ${low}`;
    else assertEquals([startId, cookie], [this.startId, this.cookie]);
  }

  /** Waits so many milliseconds, and returns the datagrams that the client has sent since the last call. */
  async sent(ms = 0): Promise<string[]> {
    await this.clock.run(ms);
    return this.#sent.splice(0);
  }

  /** Waits for the next datagram, and returns it with the milliseconds that it took. */
  async next(): Promise<[number, string]> {
    const began = this.clock.now();
    await this.clock.until(() => this.#sent.length > 0, 60_000);
    return [this.clock.now() - began, this.#sent.shift() ?? "nothing"];
  }

  /** Answers with a datagram of these lines. */
  answer(...lines: string[]) {
    const { session, startId, done } = this;
    this.client.received(encodeAnswers({ session, startId, cookie: "", done }, lines));
  }

  /** Answers as a server that was just started: with its start ID and a cookie that ends with these digits. */
  challenge(startId = "00000001", proof = "1111111111111111", startTime = "000000000001") {
    const { session } = this, cookie = startTime + proof;
    Object.assign(this, { startId, cookie });
    this.client.received(encodeAnswers({ session, startId, cookie, done: 0 }, []));
  }

  /** Lets the client begin its session. The datagrams of that are not returned later. */
  async open(resume = "hello 1") {
    const stat = this.client.stat();
    assertEquals(await this.sent(), [resume]);
    await this.clock.run(10);
    this.challenge();
    const [datagram = ""] = await this.sent();
    const tag = /stat,(\d+),/.exec(datagram)![1];
    await this.clock.run(10);
    this.answer(`stat,${tag},messages 0`);
    await stat;
    return this;
  }

  /** Puts a message with this text, from alice to bob, and follows its outcome. */
  put(text: string, options: { wait?: number; signal?: AbortSignal } = {}): Followed<void> {
    return follow(this.client.put({ receiver: "bob", sender: "alice", text, ...options }));
  }
}

/** The state of a promise, with its value or error. */
export interface Followed<T> {
  state: "open" | "done" | "failed";
  value?: T;
  error?: Error & { sent?: boolean; limit?: string };
}

export function follow<T>(promise: Promise<T>): Followed<T> {
  const followed: Followed<T> = { state: "open" };
  promise.then(
    (value) => Object.assign(followed, { state: "done", value }),
    (error) => Object.assign(followed, { state: "failed", error }),
  );
  return followed;
}

/** The line of a put of {@linkcode Script.put}. */
export function putLine(n: number, text: string): string {
  return `put,${n},bob,alice,,,${text}`;
}
