import { printable } from "../../../protocol/syntax/line.ts";

/** Messages that may wait for a server. */
const MAX_WAITING_MESSAGES = 1000;

/** What was said and is not known to have arrived (channels.md 8.13). */
export class Outbox {
  /** Sent on this connection, and not confirmed: in the order in which they were sent. */
  #unconfirmed: string[] = [];
  /** Not confirmed when the connection before this one ended. */
  #lost: string[] = [];
  /** Typed while there was no connection. */
  #waiting: string[] = [];
  /** Whether messages may be missing among those that show what has arrived. */
  isDoubtful = false;
  /** Numbers of those that were confirmed while what was missed was being asked for. */
  readonly ownNumbers = new Set<number>();

  /** How many are not known to have arrived. */
  get size(): number {
    return this.#lost.length + this.#unconfirmed.length + this.#waiting.length;
  }

  /** Whether some wait to be sent: the next message comes behind them. */
  get isWaiting(): boolean {
    return this.#lost.length + this.#waiting.length > 0;
  }

  /** Keeps a message until there is a connection. Returns whether there is room. */
  wait(text: string): boolean {
    return this.#waiting.length < MAX_WAITING_MESSAGES && this.#waiting.push(text) > 0;
  }

  sent(text: string) {
    this.#unconfirmed.push(text);
  }

  /** The oldest one that was sent on this connection has arrived. Returns whether there was one. */
  confirm(): boolean {
    return this.#unconfirmed.shift() !== undefined;
  }

  /** The server has refused one, and will refuse the others too. */
  refuse() {
    this.#unconfirmed = [];
  }

  /** The connection has ended. */
  disconnected() {
    this.#lost.push(...this.#unconfirmed);
    this.#unconfirmed = [];
  }

  /** A message of one's own is among those that were missed: returns whether it is the oldest one, which has arrived then. */
  hasArrived(text: string): boolean {
    if (this.#lost.length === 0 || printable(this.#lost[0]!).trimEnd() !== text) return false;
    this.#lost.shift();
    return true;
  }

  /** Removes those that may have arrived or not, and returns them. */
  takeDoubtful(): string[] {
    const doubtful = this.isDoubtful ? this.#lost : [];
    if (this.isDoubtful) this.#lost = [];
    this.isDoubtful = false;
    return doubtful;
  }

  /** All that are to be sent now. */
  takeAll(): string[] {
    const all = [...this.#lost, ...this.#waiting];
    this.#lost = [];
    this.#waiting = [];
    return all;
  }
}
