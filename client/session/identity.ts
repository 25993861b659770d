import { type RequestHeader, STARTED_LONG_AGO, startTimeOf, unprovedCookie } from "../../protocol/session.ts";
import type { SessionResume } from "./link.ts";

/** Earlier epochs that are remembered, so that a late datagram of one is told from a new start of the server. */
const MAX_PAST = 64;

/** What a session is to the server: its name, and what the server has said of itself, and of when the session began. */
export class SessionIdentity {
  readonly #newId: () => string;
  readonly #past = new Set<string>();
  #id: string;
  #startId = "";
  #cookie = "";
  /** The first digits of its cookies, and since when they are known. */
  #born = "";
  #bornAt = -Infinity;

  /** @param resume What it goes on as. */
  constructor(newId: () => string, resume: SessionResume | undefined) {
    this.#newId = newId;
    this.#id = resume?.id ?? newId();
    if (resume === undefined) return;
    this.#born = resume.born || STARTED_LONG_AGO;
    this.#cookie = unprovedCookie(this.#born);
  }

  get id(): string {
    return this.#id;
  }

  /** Of the server, or `""` while nothing is known of it. */
  get startId(): string {
    return this.#startId;
  }

  /** When it began, as the server has said; or `""`. */
  get born(): string {
    return this.#born;
  }

  /** What a datagram begins with, whose client knows the outcome of every number below `low`. */
  header(low: number): RequestHeader {
    return { session: this.#id, startId: this.#startId, cookie: this.#cookie, low };
  }

  /** Whether this is about the session, and no late word of an earlier start of the server. */
  isMeant(session: string, startId: string): boolean {
    return session === this.#id && startId !== "" && !this.#past.has(startId);
  }

  /** Whether it has been known for more than so many milliseconds when the session began. */
  isOlder(ms: number, now: number): boolean {
    return this.#born !== "" && now - this.#bornAt > ms;
  }

  /** The session begins anew, under another name. */
  renew() {
    this.#id = this.#newId();
    this.#startId = this.#cookie = this.#born = "";
  }

  /** The server is another one than before, or the first. */
  meet(startId: string) {
    if (this.#startId !== "") this.#past.add(this.#startId);
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.values().next().value!);
    this.#startId = startId;
    this.#cookie = "";
  }

  /**
   * Takes the cookie that came with a datagram, `""` for none. Of two copies of a question each may have been answered by
   * another beginning: the first one counts.
   *
   * @returns Whether the cookie is another one than before, and whether it tells for the first time when it began.
   */
  take(cookie: string, now: number): { isNew: boolean; begins: boolean } {
    const begins = this.#born === "" && cookie !== "";
    if (begins) {
      this.#born = startTimeOf(cookie);
      this.#bornAt = now;
    }
    const own = cookie === "" ? "" : this.#born + cookie.slice(this.#born.length);
    const isNew = own !== "" && own !== this.#cookie;
    if (isNew) this.#cookie = own;
    return { isNew, begins };
  }
}
