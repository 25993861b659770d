/**
 * Every reason for which something is refused or ignored, with its rule. The counts of `wirepost admin status`
 * have the same reasons.
 *
 * @module
 */

import { ORIGINAL_FAULTS, type OriginalFault } from "../mailbox.ts";
import type { Described } from "../watch.ts";

/** The rule of a refusal, and the reason in words where it is not plain by itself. */
interface Rule {
  rule: string;
  why?: string;
}

/** By the reason as it is counted: of datagrams, of channels and room, and of file transfers. */
export const REFUSAL_RULES = {
  "address not answered": {
    rule: "mailbox.md section 7",
    why: "the original wire is not answered for this address",
  },
  "too long": { rule: "mailbox.md section 7", why: "longer than a datagram may be" },
  "not UTF-8": { rule: "mailbox.md 1.1", why: "its bytes are not UTF-8" },
  "not printable": { rule: "mailbox.md section 1", why: "it has a control character other than TAB" },
  "unknown type": { rule: "mailbox.md section 1", why: "its first field is neither F, R, for, req nor A" },
  "malformed": { rule: "session.md 1.5", why: "a line is not of the grammar" },
  "bad ID": { rule: "mailbox.md section 1", why: "an ID is empty, too long, or has a control character" },
  "reserved sender": { rule: "mailbox.md 1.4", why: "nobody sends as 'admin'" },
  "sender has an account": {
    rule: "accounts.md 2.5",
    why: "the sender has an account: only its own log-in may send under this name",
  },
  "account": {
    rule: "accounts.md 2.4",
    why: "the mailbox belongs to an account: only its own log-in may take from it; answered X",
  },
  "no log-in": { rule: "accounts.md 2.8", why: "nobody is let in without a log-in" },
  "unproved": { rule: "admin.md 3.3", why: "no answer is short enough for an address that is not proved" },
  "overload": { rule: "mailbox.md section 7", why: "too much waits for the disk" },
  "datagram rate": {
    rule: "session.md 10.8",
    why: "the address sends more datagrams a second than one address may",
  },
  "creation rate": {
    rule: "README.md 1.7",
    why: "the address creates more a second than one address may",
  },
  "reply rate": {
    rule: "mailbox.md 7.1",
    why: "so many replies go to addresses like this one that it may be somebody else's",
  },
  "full": { rule: "mailbox.md section 7", why: "the mailbox, or all mailboxes, are full" },
  "full share": { rule: "mailbox.md 5.1", why: "its owner's share of a limit is used up" },
  "storage": { rule: "mailbox.md 4.3", why: "the server cannot write to disk" },
  "banned": { rule: "admin.md 7.4", why: "an administrator has banned the address or the name" },
  "muted": { rule: "admin.md 7.8", why: "an administrator has muted the address or the name" },
  "files in the clear": {
    rule: "transfer.md 10.18",
    why: "the client is too old to seal files, and the server takes no others",
  },
  "sealed malformed": { rule: "seal.md section 1", why: "it is not of the grammar" },
  "sealed bad key": { rule: "seal.md 2.4", why: "its id is not its key's, or the exchange comes to zero" },
  "sealed no account": { rule: "seal.md 5.2", why: "only the administrator makes accounts" },
  "sealed out of place": { rule: "seal.md 4.8", why: "what is inside may not come now" },
  "sealed too many handshakes": { rule: "seal.md 2.10", why: "too many handshakes wait" },
  "sealed too often": { rule: "seal.md 4.4", why: "the handshake has carried as many datagrams as it may" },
  "sealed twice": { rule: "seal.md 4.5", why: "it was opened before, or is too old to say" },
  "sealed wrong": { rule: "seal.md 4.5", why: "it does not open: changed on its way, or made up" },

  "kicked": { rule: "admin.md 7.3", why: "an administrator has disconnected it" },
  "tls failed": { rule: "channels.md 10.4", why: "the handshake of TLS has failed" },
  "tls timed out": { rule: "channels.md 10.3", why: "the handshake of TLS took too long" },
  "too many handshakes": { rule: "channels.md 10.10", why: "too many handshakes of TLS" },
  "plaintext refused": { rule: "channels.md 10.6", why: "the port is only for TLS" },
  "log-in refused": { rule: "channels.md 9.3" },
  "not logged in": {
    rule: "channels.md 9.5",
    why: "its name, or this server, is for those who have logged in",
  },
  "logged out": {
    rule: "channels.md 9.7",
    why: "its account was removed or has another password, or protects the name now",
  },
  "partial frame": { rule: "channels.md 1.4", why: "the stream ended within a frame" },
  "name too long": { rule: "channels.md section 6", why: "the name of a channel has at most 64 bytes" },
  "line too long": { rule: "room.md 1.5", why: "the line is over the limit" },
  "too many channels": { rule: "channels.md section 6" },
  "too many connections": { rule: "channels.md section 6" },
  "too many connections of an address": { rule: "channels.md section 6" },
  "too fast": { rule: "channels.md 6.4", why: "the address connects too often" },
  "cut off pending": { rule: "channels.md 5.2", why: "too much waited to be sent to it" },
  "cut off stalled": { rule: "channels.md 5.2", why: "it read nothing for too long" },
  "cut off most pending": {
    rule: "channels.md 5.3",
    why: "too much waited for all clients together, and most of it for this one",
  },

  "files malformed": {
    rule: "transfer.md 1.2",
    why: "a line is none that may stand there, or came too late",
  },
  "files ticket": { rule: "transfer.md 2.1", why: "the ticket is unknown, used or too old" },
  "files busy": { rule: "transfer.md 7.1", why: "too many transfers run" },
  "files gone": { rule: "transfer.md section 9", why: "the file was removed, or is shorter than the offset" },
  "files hash": { rule: "transfer.md 3.6", why: "what arrived is not what was sent" },
  "files elsewhere": { rule: "transfer.md 3.12", why: "another connection goes on with this upload" },
  "files short": {
    rule: "transfer.md section 9",
    why: "the client ended its side before the content and its proof had come",
  },
  "files full": { rule: "transfer.md section 8", why: "it would pass a limit" },
  "files storage": { rule: "transfer.md section 9", why: "the disk failed" },
  "files thread": { rule: "transfer.md 3.13", why: "the thread does not take it" },
  "files silence": { rule: "transfer.md 1.6", why: "no byte came for 30 s" },
  "files ending": { rule: "transfer.md section 9", why: "the server stops" },
  "files wrong record": { rule: "transfer.md 10.8", why: "a record does not open" },
  "files connections refused": { rule: "transfer.md 7.4" },
  "files connections displaced": { rule: "transfer.md 7.3", why: "it made room for a new connection" },
} as const satisfies Record<string, Rule>;

export type RefusalReason = keyof typeof REFUSAL_RULES;

/** What exactly is wrong with a datagram of the original wire, and by which rule. */
export const FAULT_RULES: Readonly<Record<OriginalFault, Required<Rule>>> = {
  "too long": { rule: "mailbox.md section 7", why: "longer than a datagram may be" },
  "not UTF-8": { rule: "mailbox.md 1.1", why: "its bytes are not UTF-8" },
  "control character": {
    rule: "mailbox.md section 1",
    why: "it has a control character other than TAB, or more than one line end",
  },
  "empty": { rule: "mailbox.md section 1", why: "it is empty" },
  "reply": { rule: "mailbox.md 3.2", why: "it is a reply, and a server answers none" },
  "no comma after type": { rule: "mailbox.md 1.1", why: "no comma after the type" },
  "unknown type": {
    rule: "mailbox.md section 1",
    why: "its first field is none of the types F, R, for, req and A",
  },
  "type alone": { rule: "mailbox.md section 1", why: "the type stands alone: its fields are missing" },
  "no sender": {
    rule: "mailbox.md section 1",
    why: "sender and text are missing: F, RECEIVER, SENDER, TEXT",
  },
  "no text": { rule: "mailbox.md section 1", why: "the text is missing: F, RECEIVER, SENDER, TEXT" },
  "more than a receiver": {
    rule: "mailbox.md section 1",
    why: "more than one field after the type: R, RECEIVER",
  },
  "more than a type": { rule: "mailbox.md section 1", why: "the type req has no fields" },
  "control reply": { rule: "mailbox.md 3.2", why: "it is a reply to a control message" },
  "receiver missing": { rule: "mailbox.md section 1", why: "the receiver is missing" },
  "receiver too long": { rule: "mailbox.md section 7", why: "the receiver's ID is longer than 64 bytes" },
  "receiver with control character": { rule: "mailbox.md section 1", why: "the receiver's ID has a TAB" },
  "sender missing": { rule: "mailbox.md section 1", why: "the sender is missing" },
  "sender too long": { rule: "mailbox.md section 7", why: "the sender's ID is longer than 64 bytes" },
  "sender with control character": { rule: "mailbox.md section 1", why: "the sender's ID has a TAB" },
  "reserved sender": { rule: "mailbox.md 1.4", why: "nobody sends as 'admin'" },
  "text too long": { rule: "mailbox.md 3.3", why: "the text is too long: its reply would not fit" },
};

/** What a described datagram is refused for. */
export function refusal(reason: RefusalReason): Pick<Described, "refused" | "why" | "rule"> {
  return { refused: reason, ...REFUSAL_RULES[reason] as Rule };
}

/** The same of a datagram of the original wire that could not be decoded. */
export function faultRefusal(fault: OriginalFault): Pick<Described, "refused" | "why" | "rule"> {
  return { refused: ORIGINAL_FAULTS[fault], ...FAULT_RULES[fault] };
}
