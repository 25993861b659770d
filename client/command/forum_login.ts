import { connectForum, type Forum, type ForumConnectOptions } from "../forum_connection.ts";
import { unlessAborted } from "./forum_results.ts";

/** Where the forum is, and how it is reached. */
export type ServerOptions = Omit<ForumConnectOptions, "as">;

/** Milliseconds that are spent on leaving after a signal: a name that is not left stays active for a minute. */
export const LEAVING = 1000;

/**
 * Logs in; where the signal comes before that is done, it leaves again.
 *
 * @throws What `connectForum` throws, and the reason of the signal.
 */
export async function connect(options: ForumConnectOptions, signal: AbortSignal): Promise<Forum> {
  const connecting = connectForum(options);
  try {
    return await unlessAborted(signal, connecting);
  } catch (error) {
    if (signal.aborted) await leaveSoon(connecting);
    throw error;
  }
}

async function leaveSoon(connecting: Promise<Forum>) {
  const left = connecting.then((forum) => forum.close(LEAVING), () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LEAVING);
  await Promise.race([left, promise]);
  clearTimeout(timer);
}
