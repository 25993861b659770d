import type { Position } from "./positions.ts";

/** The channel that a client is in, as long as it is there on one connection. */
export class Place {
  readonly channel: string;
  /** The message that was shown last; undefined if the server can't be asked. */
  position: Position | undefined;
  /** Whether one was never here before. */
  readonly isNew: boolean;
  /** Whether what was said before is being asked for: that comes first. */
  isCatchingUp: boolean;
  /** Whether what was missed has its heading. */
  hasHeading = false;
  readonly #caughtUp = Promise.withResolvers<void>();

  /** @param now The last message of the channel; undefined if the server can't be asked. */
  constructor(channel: string, now?: Position, isNew = true) {
    this.channel = channel;
    this.position = now;
    this.isNew = isNew;
    this.isCatchingUp = now !== undefined;
    if (now === undefined) this.end();
  }

  /** Resolves when all that was missed is shown, or the client is elsewhere. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  end() {
    this.#caughtUp.resolve();
  }
}
