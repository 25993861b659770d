/**
 * Datagrams of the mailbox's original wire, and control messages, in words.
 *
 * @module
 */

import { CHALLENGE } from "../admin.ts";
import { cutText, decodeOriginalReply, type OriginalFault, type OriginalRequest } from "../mailbox.ts";
import type { Described } from "../watch.ts";
import { faultRefusal } from "./refusals.ts";
import { bytesOf, count, mailbox, named, quoted, undecoded } from "./words.ts";

/** A client's datagram that has been decoded. */
export function describeOriginalRequest(request: OriginalRequest): Described {
  switch (request.kind) {
    case "put": {
      const { mailbox: receiver, sender, text, bytes } = request;
      const what = receiver === ""
        ? `for: put into the shared queue, ${count(bytes, "byte")}`
        : `F: put into ${mailbox(receiver)} from ${quoted(sender)}, ${count(bytes, "byte")}`;
      return { what, names: named(receiver, sender), text };
    }
    case "take": {
      const { mailbox: from } = request;
      return { what: `${from === "" ? "req" : "R"}: take from ${mailbox(from)}`, names: named(from) };
    }
    case "control":
      return describeControl(request.text);
  }
}

/** A client's datagram that is refused before it is known who it is for. */
export function describeFault(datagram: Uint8Array, fault: OriginalFault): Described {
  return { ...undecoded(datagram), ...faultRefusal(fault) };
}

/**
 * The server's datagram.
 *
 * @param from The mailbox that was asked for.
 */
export function describeOriginalReply(datagram: Uint8Array, from: string): Described {
  const reply = decodeOriginalReply(datagram);
  switch (reply?.kind) {
    case "mail": {
      const { sender, text } = reply.mail;
      const what = reply.shared
        ? `nxt: message of the shared queue, ${bytesOf(text)}`
        : `N: message for ${mailbox(from)} from ${quoted(sender)}, ${bytesOf(text)}`;
      return { what, names: named(from, sender), text };
    }
    case "none":
      return { what: `${reply.shared ? "xxx" : "X"}: no message in ${mailbox(from)}`, names: named(from) };
    case "control":
      return describeControlAnswer(reply.text);
    case undefined:
      return undecoded(datagram);
  }
}

/** The names of commands; anything else at their place may be a secret. */
const COMMAND = /^[a-z][a-z-]{0,19}$/;

/** A control message: the command's name, and nothing of its proof or arguments. */
function describeControl(text: string): Described {
  if (text.toLowerCase() === CHALLENGE.trim()) return { what: "A: asks for a nonce" };
  const [, proof, command] = text.split(",").map((field) => field.trim());
  if (proof === undefined || command === undefined) return { what: "A: a command without a proof" };
  const name = command.toLowerCase();
  return { what: COMMAND.test(name) ? `A: command ${quoted(name)}` : "A: a command that has no name" };
}

/** Longest reason that is shown: what an administrator wrote may be in it. */
const MAX_WHY_BYTES = 200;

/** The answer to a control message: what it holds stays out, because a nonce or a name may be in it. */
export function describeControlAnswer(text: string): Described {
  const error = /^error, (.*)$/s.exec(text)?.[1];
  if (error === undefined) return { what: `A: ok, ${bytesOf(text)}` };
  const why = cutText(error, 0, MAX_WHY_BYTES);
  return { what: "A: error", refused: "error", why, rule: "admin.md section 6" };
}
