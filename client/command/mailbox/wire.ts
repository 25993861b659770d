import { bold, dim } from "@std/fmt/colors";
import { escapeControls } from "../../terminal/output.ts";

/** What `wirepost mailbox` does with messages, on either wire. */
export interface MailboxWire extends AsyncDisposable {
  /** Receives for this ID from now on. */
  receiveFor(id: string): Promise<void>;
  send(receiver: string, sender: string, text: string): Promise<void>;
  /** Shows the next message for `id`, or all that are there. */
  receive(id: string, what: "next" | "all"): Promise<void>;
  /** Shows the messages that are there at the end of a pipe. */
  finish(): Promise<void>;
  /** Rejects when nothing can be shown any more. */
  readonly broken: Promise<never>;
}

/** A message as a line. */
export function messageLine({ time, sender, text }: { time: number; sender: string; text: string }): string {
  const clock = Number.isNaN(time) ? "" : `${dim(new Date(time).toTimeString().slice(0, 8))} `;
  return `${clock}${bold(escapeControls(sender))}: ${escapeControls(text)}\n`;
}
