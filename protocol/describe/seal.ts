/**
 * Handshakes and log-ins of a seal, in words: with names, and without keys, cookies, proofs and verifiers.
 *
 * @module
 */

import { decodeName, parseClientFirst } from "../seal/scram.ts";
import { decodeSealToClient, decodeSealToServer } from "../seal.ts";
import type { Described } from "../watch.ts";
import { count, quoted, shortId } from "./words.ts";

/** A client's datagram. What is sealed is described when it is opened, and a wrong one when it is dropped. */
export function describeSealToServer(datagram: Uint8Array): Described[] {
  const decoded = decodeSealToServer(datagram);
  if (decoded?.body.kind !== "hello") return [];
  const { header: { id, cookie } } = decoded;
  return [{
    what: `seal ${shortId(id)} hello: begins a handshake${cookie === "" ? ", without a cookie yet" : ""}`,
  }];
}

const REPLIES = {
  challenge: "challenge: a start ID and a cookie",
  unknown: "unknown: the server does not know this handshake",
  busy: "busy: too many handshakes",
  hello: "hello: the server's keys",
};

/** The server's datagram. What is inside a sealed one was described before it was sealed. */
export function describeSealToClient(datagram: Uint8Array): Described[] {
  const decoded = decodeSealToClient(datagram);
  if (decoded === undefined || decoded.body.kind === "sealed") return [];
  return [{ what: `seal ${shortId(decoded.header.id)} ${REPLIES[decoded.body.kind]}` }];
}

/** A client's datagram that begins as one of a seal and was dropped. */
export function describeDroppedSeal(datagram: Uint8Array): Described {
  const decoded = decodeSealToServer(datagram), id = decoded && shortId(decoded.header.id);
  return {
    what: decoded === undefined
      ? `a seal's datagram, ${count(datagram.length, "byte")}`
      : decoded.body.kind === "hello"
      ? `seal ${id} hello`
      : `seal ${id} datagram ${decoded.body.number}, ${count(datagram.length, "byte")}`,
  };
}

/** A `hello` that waited and was dropped. */
export function describeDroppedHello(id: string): Described {
  return { what: `seal ${shortId(id)} hello` };
}

const REQUEST = /^(first|final|make|change|bye),(\d{1,9})(?:,(.*))?$/s;
const SESSION = /^[\w-]{22},/;

/**
 * A request of the log-in, as it was sealed.
 *
 * @param account The one that is logged in, or `""`.
 */
export function describeLogin(id: string, text: string, account: string): Described {
  const [, kind, , rest = ""] = REQUEST.exec(text) ?? [];
  const names = account === "" ? [] : [account], who = account === "" ? "" : ` of ${quoted(account)}`;
  const of = (what: string, ...more: string[]): Described => ({
    what: `seal ${shortId(id)} ${what}`,
    names: [...names, ...more],
  });
  switch (kind) {
    case "first": {
      const name = parseClientFirst(rest.replace(SESSION, ""))?.name;
      return name === undefined
        ? of("first: no log-in that can be read")
        : of(`first: log-in as ${quoted(name)}`, name);
    }
    case "final":
      return of("final: the proof of its password");
    case "make": {
      const name = decodeName(rest.slice(0, Math.max(0, rest.indexOf(","))));
      return name === undefined
        ? of("make: an account without a name")
        : of(`make: an account ${quoted(name)}`, name);
    }
    case "change":
      return of(`change: another password${who}`);
    case "bye":
      return of(`bye: logs out${who}`);
    default:
      return of(text === "here" ? `here: still there${who}` : "nothing that can be read");
  }
}

/** Why a log-in comes to nothing, by the answer. */
const REFUSED: Readonly<Record<string, string>> = {
  none: "no account has this name",
  "none closed": "no account has this name, and only the administrator makes accounts",
  active: "the name is active in another session",
  denied: "the session is another account's, or began without a seal",
  exists: "the name has an account",
  full: "there are as many accounts as there may be",
  storage: "the server cannot write to disk",
};

const ERRORS: Readonly<Record<string, string>> = {
  "e=invalid-proof": "the password is wrong",
  "e=channel-bindings-dont-match": "the proof was made for another handshake",
  "e=other-error": "it does not belong to the log-in that has begun",
};

/** The answer to it, before it is sealed. */
export function describeLoginAnswer(id: string, text: string, account: string): Described {
  const [word = "", , ...fields] = text.split(","), more = fields.join(",");
  const names = account === "" ? [] : [account];
  const of = (what: string, why?: string): Described => ({
    what: `seal ${shortId(id)} ${what}`,
    names,
    ...why === undefined ? {} : { refused: "answered", why, rule: "seal.md section 10" },
  });
  switch (word) {
    case "first":
      return of("first: what its proof has to be made with");
    case "final": {
      const error = ERRORS[more];
      return error === undefined
        ? of(`final: logged in${account && ` as ${quoted(account)}`}`)
        : of("final", error);
    }
    case "made":
    case "changed":
      return of(`${word}: it is on disk`);
    case "bye":
    case "here":
      return of(word);
    case "wait":
      return of("wait", `asked too often: again in ${/^\d{1,9}$/.test(more) ? more : "some"} ms`);
    case "refused":
      return of("refused", /^[a-z ]{1,32}$/.test(more) ? more : "");
    default:
      return of(word, REFUSED[`${word} ${more}`] ?? REFUSED[word] ?? "");
  }
}
