/**
 * Connects to a forum and logs in.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectForum } from "./client/forum_connection.ts";
 *
 * await using forum = await connectForum({ as: { name: "yoda", password: "jedi", make: true } });
 * await forum.create("thread0");
 * await forum.post("thread0", "hello, all");
 * for await (const entry of forum.read("thread0")) console.log(entry);
 * ```
 *
 * @module
 */

import { decodeForumAnswer, FORUM_PORT } from "../protocol/forum.ts";
import { Forum } from "./forum.ts";
import { type ConnectOptions, SessionConnection } from "./seal/session_connection.ts";
import { Session } from "./session/session.ts";

export { KnownServers, ServerKeyError } from "./seal/known_servers.ts";
export type { Credentials } from "./seal/login.ts";
export * from "./session/errors.ts";
export { Forum };

export type ForumConnectOptions =
  & Omit<ConnectOptions, "resume" | "as">
  & Required<Pick<ConnectOptions, "as">>;

/**
 * Looks the server up and logs in.
 *
 * @throws {LoginError} The server refuses the log-in, or could not prove who it is.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was told to it.
 * @throws {ServerTimeoutError} There was no answer.
 */
export async function connectForum(options: ForumConnectOptions): Promise<Forum> {
  const served = { service: "forum", port: FORUM_PORT, keepAlive: true } as const;
  const connection = await SessionConnection.open(
    options,
    served,
    (environment) => new Session(environment, decodeForumAnswer),
  );
  const { session, server } = connection;
  return new Forum({
    change: (...change) => session.change(...change),
    query: (query) => session.query(query),
    close: (limit) => connection.close(limit),
  }, server);
}
