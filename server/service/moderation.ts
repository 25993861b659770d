/**
 * Bans and mutes: whom the server does not answer, and whose messages it does not pass on, on every wire. The
 * measures are kept in the store. `protocol/admin.md` section 7 is the specification.
 *
 * @module
 */

import { NetworkMap } from "../quota/network_map.ts";
import { isOwnMachine, type Subject, subjectOf } from "../quota/subject.ts";
import type { Environment } from "../quota/uptime.ts";
import type { GroupCommit } from "../store/journaled/group.ts";
import type { Measure, MeasureKind } from "../store/requests/measure.ts";
import type { Store } from "../store/store.ts";

/** Bans and mutes that there may be, together. */
export const MAX_MEASURES = 10_000;

interface ActiveMeasure extends Measure {
  target: Subject;
  /** Of a mute: whether a message was dropped on a wire that has no answer for it; and whether its sender was informed. */
  isOwed: boolean;
  isInformed: boolean;
}

/** The measures of one kind. */
interface Active {
  names: Map<string, ActiveMeasure>;
  networks: NetworkMap<ActiveMeasure>;
}

export interface ModerationOptions extends Pick<Environment, "wallClock"> {
  store: Pick<GroupCommit, "ask">;
  /** What the store has. */
  known: readonly Measure[];
}

/** Reads what is kept. */
export async function readMeasures(store: Pick<Store, "apply">): Promise<Measure[]> {
  const [measures] = await store.apply([{ kind: "measure", action: "list" }]);
  return measures as Measure[];
}

/** Invariant: `#active` are the measures of `#measures`, as they are looked up. */
export class Moderation {
  readonly #options: ModerationOptions;
  readonly #measures = new Map<string, ActiveMeasure>();
  readonly #active: Record<MeasureKind, Active> = { ban: noMeasures(), mute: noMeasures() };
  /** When the next measure ends by itself, in milliseconds since 1970. */
  #nextEnd = Infinity;

  constructor(options: ModerationOptions) {
    this.#options = options;
    for (const measure of options.known) this.#add(measure);
    this.#removeEnded();
  }

  /** Whether what comes from this address is not answered. */
  isBannedAddress(hostname: string): boolean {
    return this.#of("ban").networks.get(hostname) !== undefined;
  }

  /** Whether what is done under this name is not answered. */
  isBannedName(name: string): boolean {
    return this.#of("ban").names.has(name);
  }

  /** Whether messages of this name, or from this address, are not passed on. */
  isMuted(hostname: string, name: string): boolean {
    return this.#muteOf(hostname, name) !== undefined;
  }

  /** The same, where the wire has no answer: see {@linkcode owedNote}. */
  dropsUnanswered(hostname: string, name: string): boolean {
    const mute = this.#muteOf(hostname, name);
    if (mute !== undefined && !mute.isInformed) mute.isOwed = true;
    return mute !== undefined;
  }

  /** Whether a client that takes from a mailbox is to be informed now that messages were dropped: once for each mute. */
  owedNote(hostname: string, mailbox: string): boolean {
    const mute = this.#muteOf(hostname, mailbox);
    if (!mute?.isOwed) return false;
    mute.isOwed = false;
    return mute.isInformed = true;
  }

  #muteOf(hostname: string, name: string): ActiveMeasure | undefined {
    const { names, networks } = this.#of("mute");
    return names.get(name) ?? networks.get(hostname);
  }

  #of(what: MeasureKind): Active {
    if (this.#nextEnd !== Infinity) this.#removeEnded();
    return this.#active[what];
  }

  /** All that have not ended, the oldest first. */
  list(): Measure[] {
    this.#removeEnded();
    return [...this.#measures.values()];
  }

  /** Takes a measure. `durationMs` 0 is until it is ended. Returns the subject as it is kept. */
  async take(
    what: MeasureKind,
    text: string,
    durationMs: number,
    mayBeOwn: boolean,
  ): Promise<Subject | "own machine" | "full" | "storage"> {
    const target = subjectOf(text), since = this.#options.wallClock();
    if (!mayBeOwn && isOwnMachine(target)) return "own machine";
    this.#removeEnded();
    const measure = {
      ...{ what, subject: target.text, since },
      until: durationMs === 0 ? null : since + durationMs,
    };
    const key = keyOf(measure);
    if (!this.#measures.has(key) && this.#measures.size >= MAX_MEASURES) return "full";
    const outcome = await this.#options.store.ask({ kind: "measure", action: "take", measure });
    if (outcome === "storage") return outcome;
    this.#add(measure);
    return target;
  }

  /** Ends a measure. Returns whether there was one. */
  async end(what: MeasureKind, text: string): Promise<boolean | "storage"> {
    const subject = subjectOf(text).text, key = keyOf({ what, subject });
    if (!this.#measures.has(key)) return false;
    const outcome = await this.#options.store.ask({ kind: "measure", action: "end", what, subject });
    if (outcome === "storage") return outcome;
    this.#remove({ what, subject });
    return true;
  }

  /** Removes what has ended by itself. */
  #removeEnded() {
    const now = this.#options.wallClock();
    if (this.#nextEnd > now) return;
    this.#nextEnd = Infinity;
    for (const { what, subject, until } of this.#measures.values()) {
      if (until === null) continue;
      if (until > now) {
        this.#nextEnd = Math.min(this.#nextEnd, until);
        continue;
      }
      this.#remove({ what, subject });
      // if the disk takes nothing, the next start removes it
      this.#options.store.ask({ kind: "measure", action: "end", what, subject }).catch(() => {});
    }
  }

  /** Adds a measure behind the others, or puts it in the place of an earlier one. */
  #add(measure: Measure) {
    const added = active(measure), { what, subject, until, target } = added;
    this.#remove(measure);
    this.#measures.set(keyOf(measure), added);
    if (until !== null) this.#nextEnd = Math.min(this.#nextEnd, until);
    const { names, networks } = this.#active[what];
    (target.network === undefined ? names : networks).set(subject, added);
  }

  #remove({ what, subject }: Pick<Measure, "what" | "subject">) {
    const key = keyOf({ what, subject }), measure = this.#measures.get(key);
    if (measure === undefined) return;
    this.#measures.delete(key);
    const { names, networks } = this.#active[what];
    (measure.target.network === undefined ? names : networks).delete(subject);
  }
}

function noMeasures(): Active {
  return { names: new Map(), networks: new NetworkMap() };
}

function active(measure: Measure): ActiveMeasure {
  return { ...measure, target: subjectOf(measure.subject), isOwed: false, isInformed: false };
}

function keyOf({ what, subject }: Pick<Measure, "what" | "subject">): string {
  return `${what} ${subject}`;
}
