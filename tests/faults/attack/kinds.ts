/**
 * Every kind of attack, on every wire that it can be aimed at: a line each. What it does is in `attacker/`.
 *
 * @module
 */

import { FULL } from "../form.ts";

/** Where an attack comes from: this machine's own addresses, one address elsewhere, or 100,000 of them. */
export type Sources = "here" | "one" | "many";

export interface Kind {
  /** Module and function of `attacker/`. */
  attack: string;
  /** Datagrams or connections a second, or how many at a time. */
  size: number;
  sources: Sources;
  /** Further arguments. */
  more: string[];
}

/** Datagrams a second of every flood, and of those beyond what a socket can take. */
const FLOOD = 20_000, BEYOND = 130_000;

function kind(attack: string, size: number, sources: Sources, ...more: string[]): Kind {
  return { attack, size, sources, more };
}

function floods(kinds: string[], service: string, ...from: Sources[]): Kind[] {
  return kinds.flatMap((each) =>
    from.map((sources) => kind("datagrams.flood", FLOOD, sources, each, service))
  );
}

const SEALED = ["hellos", "hello-cookies", "sealed"];

/** What the full form attacks by. */
const ALL: Readonly<Record<string, readonly Kind[]>> = {
  "floods of datagrams": [
    ...floods(["unreadable", "takes", "sessions"], "mailbox", "here", "many"),
    ...floods(["cookies", "answers", "long-session", "shared"], "mailbox", "here"),
    ...floods(["puts", "challenges", "orders", ...SEALED], "mailbox", "many"),
    ...floods(["unreadable", "sessions", ...SEALED], "forum", "many"),
    kind("datagrams.flood", 2000, "here", "oversized", "mailbox"),
  ],
  "floods inside sessions": [
    ...["puts", "early", "parts", "waits", "peeks", "stats", "infos", "unknown"].map((each) =>
      kind("datagrams.inside", FLOOD, "here", `session-${each}`)
    ),
    kind("datagrams.inside", FLOOD, "one", "session-puts"),
    kind("datagrams.inside", FLOOD, "here", "session-unknown", "forum"),
    kind("accounts.seals", FLOOD, "many"),
    kind("accounts.seals", FLOOD, "here", "forum"),
  ],
  "tables that are filled": [
    kind("datagrams.exhaust", 100_000, "many"),
    kind("datagrams.exhaust", 100_000, "here", "forum"),
    kind("datagrams.silent", 10_050, "here"),
    kind("datagrams.leases", 100_000, "here"),
    kind("datagrams.leases", 10_000, "one"),
    kind("datagrams.mailboxes", 50_000, "one"),
    kind("accounts.threads", 30_000, "one"),
    kind("accounts.makers", 32, "many"),
    kind("accounts.makers", 1, "here", "forum"),
  ],
  "passwords that are guessed": [
    kind("accounts.guesses", 64, "many"),
    kind("accounts.guesses", 8, "here", "forum"),
    kind("streams.logins", 32, "here", "channels"),
    kind("streams.logins", 32, "here", "room", "anybody"),
    kind("tls.logins", 64, "many", "roomTls"),
  ],
  "connections": [
    kind("streams.resets", 600, "here"),
    kind("streams.connects", 2000, "many"),
    kind("streams.connects", 2000, "one"),
    kind("streams.hoard", 10_500, "here"),
    kind("streams.hoard", 10_500, "many"),
    kind("streams.hoard", 1150, "many", "forum"),
    ...["channels", "room", "roomTls", "forum"].map((service) =>
      kind("streams.loris", 1000, "many", service)
    ),
    ...["channels", "room", "forum"].map((service) => kind("streams.endless", 64, "here", service)),
    ...["channels", "room"].map((service) => kind("streams.speakers", 16, "many", service)),
    kind("streams.commands", 16, "here"),
    kind("streams.lists", 1000, "here"),
  ],
  "TLS": ["channels", "roomTls"].flatMap((service) => [
    ...["half", "silent", "finished"].map((each) => kind(`tls.${each}`, 2000, "many", service)),
    ...["loris", "updates", "renegotiations"].map((each) => kind(`tls.${each}`, 64, "here", service)),
    ...["hellos", "handshakes", "garbage"].map((each) => kind(`tls.${each}`, 2000, "many", service)),
  ]),
  "files": [
    kind("streams.files", 200, "here"),
    kind("accounts.tickets", 1000, "here"),
    ...["slow", "beyond", "unread"].map((each) => kind("accounts.transfers", 8, "here", "forum", each)),
  ],
  // who is banned comes from other addresses, of which some are not
  "banned networks": [
    kind("datagrams.flood", FLOOD, "one", "takes"),
    kind("streams.connects", 2000, "one"),
    kind("streams.connects", 2000, "many"),
    kind("datagrams.flood", FLOOD, "many", "sessions"),
    kind("streams.hoard", 500, "many"),
  ],
  "more than a socket can take": ["unreadable", "takes", "sessions"].map((each) =>
    kind("datagrams.flood", BEYOND, "here", each, "mailbox")
  ),
};

/** What the short form attacks by: a cheap kind of each sort, in a size that leaves the machine to other tests. */
const FEW: typeof ALL = {
  "one of each": [
    kind("datagrams.flood", 500, "here", "sessions", "mailbox"),
    kind("datagrams.flood", 50, "here", "oversized", "mailbox"),
    kind("datagrams.mailboxes", 600, "one"),
    kind("streams.loris", 50, "here", "room"),
    kind("streams.logins", 2, "here", "channels"),
    kind("tls.half", 20, "here", "channels"),
  ],
};

/** What this form attacks by, in groups. */
export const KINDS: typeof ALL = FULL ? ALL : FEW;

/** As a figure is named. */
export function nameOf({ attack, size, sources, more }: Kind): string {
  return `${[attack.split(".")[1], ...more].join(" ")} ${size} from ${sources}`;
}
