/**
 * Every kind of attack, on every wire that it can be aimed at: a line each. What it does is in `attacker/`.
 *
 * @module
 */

/** Where an attack comes from: this machine's own addresses, one address elsewhere, or 100,000 of them. */
export type Sources = "here" | "one" | "many";

export interface Kind {
  /** Module and function of `attacker/`. */
  attack: string;
  /** Datagrams or connections a second, or how many at a time: in the full form, and in the short one, which has none of 0. */
  size: number;
  shortSize: number;
  sources: Sources;
  /** Further arguments. */
  more: string[];
}

/** Datagrams a second of every flood. */
const FLOOD = 20_000;

/** Of every flood in the short form, in which several attacks run at a time. */
const SHORT_FLOOD = 500;

function kind(attack: string, size: number, shortSize: number, sources: Sources, ...more: string[]): Kind {
  return { attack, size, shortSize, sources, more };
}

function floods(kinds: string[], service: string, ...from: Sources[]): Kind[] {
  return kinds.flatMap((each) =>
    from.map((sources) => kind("datagrams.flood", FLOOD, SHORT_FLOOD, sources, each, service))
  );
}

const SEALED = ["hellos", "hello-cookies", "sealed"];

/** In groups: what belongs together runs together in the short form. */
export const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  "floods of datagrams": [
    ...floods(["unreadable", "takes", "sessions"], "mailbox", "here", "many"),
    ...floods(["cookies", "answers", "long-session", "shared"], "mailbox", "here"),
    ...floods(["puts", "challenges", "orders", ...SEALED], "mailbox", "many"),
    ...floods(["unreadable", "sessions", ...SEALED], "forum", "many"),
    kind("datagrams.flood", 2000, 200, "here", "oversized", "mailbox"),
  ],
  "floods inside sessions": [
    ...["puts", "early", "parts", "waits", "peeks", "stats", "infos", "unknown"].map((each) =>
      kind("datagrams.inside", FLOOD, SHORT_FLOOD, "here", `session-${each}`)
    ),
    kind("datagrams.inside", FLOOD, SHORT_FLOOD, "one", "session-puts"),
    kind("datagrams.inside", FLOOD, SHORT_FLOOD, "here", "session-unknown", "forum"),
    kind("accounts.seals", FLOOD, SHORT_FLOOD, "many"),
    kind("accounts.seals", FLOOD, SHORT_FLOOD, "here", "forum"),
  ],
  "tables that are filled": [
    kind("datagrams.exhaust", 100_000, 500, "many"),
    kind("datagrams.exhaust", 100_000, 0, "here", "forum"),
    kind("datagrams.silent", 10_050, 500, "here"),
    kind("datagrams.leases", 100_000, 500, "here"),
    kind("datagrams.leases", 10_000, 0, "one"),
    kind("datagrams.mailboxes", 50_000, 600, "one"),
    kind("accounts.threads", 30_000, 300, "one"),
    kind("accounts.makers", 32, 4, "many"),
    kind("accounts.makers", 1, 0, "here", "forum"),
  ],
  "passwords that are guessed": [
    kind("accounts.guesses", 64, 4, "many"),
    kind("accounts.guesses", 8, 2, "here", "forum"),
    kind("streams.logins", 32, 4, "here", "channels"),
    kind("streams.logins", 32, 4, "here", "room", "anybody"),
    kind("tls.logins", 64, 4, "many", "roomTls"),
  ],
  "connections": [
    kind("streams.resets", 600, 60, "here"),
    kind("streams.connects", 2000, 200, "many"),
    kind("streams.connects", 2000, 200, "one"),
    kind("streams.hoard", 10_500, 200, "here"),
    kind("streams.hoard", 10_500, 200, "many"),
    kind("streams.hoard", 1150, 200, "many", "forum"),
    ...["channels", "room", "roomTls", "forum"].map((service) =>
      kind("streams.loris", 1000, 50, "many", service)
    ),
    ...["channels", "room", "forum"].map((service) => kind("streams.endless", 64, 8, "here", service)),
    ...["channels", "room"].map((service) => kind("streams.speakers", 16, 4, "many", service)),
    kind("streams.commands", 16, 4, "here"),
    kind("streams.lists", 1000, 50, "here"),
  ],
  "TLS": ["channels", "roomTls"].flatMap((service) => [
    ...["half", "silent", "finished"].map((each) => kind(`tls.${each}`, 2000, 20, "many", service)),
    ...["loris", "updates", "renegotiations"].map((each) => kind(`tls.${each}`, 64, 8, "here", service)),
    ...["hellos", "handshakes", "garbage"].map((each) => kind(`tls.${each}`, 2000, 20, "many", service)),
  ]),
  "files": [
    kind("streams.files", 200, 16, "here"),
    kind("accounts.tickets", 1000, 100, "here"),
    ...["slow", "beyond", "unread"].map((each) => kind("accounts.transfers", 8, 4, "here", "forum", each)),
  ],
  "a banned network": [
    kind("datagrams.flood", FLOOD, SHORT_FLOOD, "one", "takes"),
    kind("streams.connects", 2000, 200, "one"),
  ],
};

/** As a figure is named. */
export function nameOf({ attack, size, sources, more }: Kind): string {
  return `${[attack.split(".")[1], ...more].join(" ")} ${size} from ${sources}`;
}
