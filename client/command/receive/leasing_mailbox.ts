import type { ReceivedMessage, ReceiveOptions } from "../../mailbox.ts";

/** A message, on any wire that leases. */
export type LeasedMessage = Pick<
  ReceivedMessage,
  "id" | "attempt" | "time" | "sender" | "text" | "ack" | "release" | "fail"
>;

/** A connection on such a wire. */
export interface LeasingMailbox {
  readonly hasAnswered: boolean;
  batches(id: string, options: ReceiveOptions): AsyncIterable<readonly LeasedMessage[]>;
  close(limit?: number): Promise<void>;
}
