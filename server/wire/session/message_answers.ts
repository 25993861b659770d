import {
  encodeAnswer,
  lineLength,
  MAX_HEADER,
  MAX_SESSION_DATAGRAM,
  type SessionAnswer,
} from "../../../protocol/session.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import type { Leased } from "../../store/requests/lease.ts";

/** The messages of a lease as answers, each of which fits into a datagram. */
export function* messageAnswers(t: number, { token, messages }: Leased): Generator<SessionAnswer> {
  const k = messages.length;
  for (const [index, { id, attempt, sender, time, text: message }] of messages.entries()) {
    const i = index + 1, length = utf8Length(message);
    const room = MAX_SESSION_DATAGRAM - MAX_HEADER;
    const msg = (text: string): SessionAnswer & { kind: "msg" } => (
      { kind: "msg", t, i, k, token, length, message: { id, attempt, time, sender: sender, text } }
    );
    const whole = msg(message);
    if (lineLength(encodeAnswer(whole)) <= room) {
      yield whole;
      continue;
    }
    const begin = cut(message, 0, room - lineLength(encodeAnswer(msg(""))));
    yield msg(begin);
    for (let at = begin.length, offset = utf8Length(begin); at < message.length;) {
      const piece = { kind: "piece", t, i, offset } as const;
      const text = cut(message, at, room - lineLength(encodeAnswer({ ...piece, text: "" })));
      yield { ...piece, text };
      at += text.length;
      offset += utf8Length(text);
    }
  }
}

const encoder = new TextEncoder(), room = new Uint8Array(MAX_SESSION_DATAGRAM);

/** As much of the text from `at` as takes no more than so many bytes, cut between characters. */
export function cut(text: string, at: number, bytes: number): string {
  const { read } = encoder.encodeInto(text.slice(at, at + bytes), room.subarray(0, bytes));
  return text.slice(at, at + read);
}
