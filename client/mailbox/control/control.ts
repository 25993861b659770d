import { type AccountRefusal, accountRefusal, CHALLENGE, proof } from "../../../protocol/admin.ts";
import { encodeControl } from "../../../protocol/mailbox.ts";
import type { RequestSocket } from "./request_socket.ts";

/** The server refuses a control command. */
export class RefusedCommandError extends Error {
  /** The name of the class. */
  override name = "RefusedCommandError";
  /** The reason, if it is one that programs act on: the server is busy, or does not change an account. */
  readonly code: AccountRefusal | "busy" | undefined;

  /** Takes the text of the answer. */
  constructor(text: string) {
    super(text);
    this.code = text === "busy" ? text : accountRefusal(text);
  }
}

/** The answer to a challenge: `ok, ` and a nonce. */
const CHALLENGED = /^ok, [0-9a-f]{36}$/i;

/**
 * Sends a control command with its proof (admin.md section 2). Resolves to the fields or rows of the answer, without
 * `ok`.
 *
 * @param socket It has no other request open. A nonce is bound to its address.
 * @throws {RefusedCommandError} The server answers with an error.
 * @throws {ServerTimeoutError} The server does not answer within `timeoutMs`, for each of both requests.
 */
export async function sendControl(
  socket: RequestSocket,
  secret: Uint8Array,
  command: string,
  timeoutMs: number,
): Promise<string[]> {
  const request = async (text: string, isAnswer: (answer: string) => boolean) => {
    const { text: answer } = await socket.request(
      encodeControl(text),
      (reply) => reply.kind === "control" && isAnswer(reply.text),
      timeoutMs,
    ) as { text: string };
    const [state, ...fields] = answer.split(answer.startsWith("ok\n") ? "\n" : ", ");
    if (state !== "ok") throw new RefusedCommandError(fields.join(", "));
    return fields;
  };
  const isChallenge = (text: string) => CHALLENGED.test(text) || text.startsWith("error, ");
  const [nonce = ""] = await request(CHALLENGE, isChallenge);
  // this wire removes spaces around fields, so the proof is of the command without them
  const trimmed = command.trim();
  // a repeated challenge may have a second answer, which comes late
  const isResult = (text: string) => !CHALLENGED.test(text);
  return await request(`${nonce}, ${proof(secret, nonce, trimmed)}, ${trimmed}`, isResult);
}
