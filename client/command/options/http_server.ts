/**
 * A server that is named by a URL, `--server https://HOST`: the commands that speak HTTP, where UDP does not get through.
 *
 * @module
 */

import { preparePassword } from "../../../protocol/seal/scram.ts";
import type { HttpMailbox, HttpMailboxOptions } from "../../http_mailbox.ts";
import { escapeControls, report } from "../../terminal/output.ts";
import { readCertificates } from "../chat/tls_option.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";
import { LOGIN_OPTIONS, PASSWORD_VARIABLE, readPassword } from "./password.ts";
import type { Self } from "./self.ts";
import { namedServer, SERVER_VARIABLE } from "./server_option.ts";

/** Options of the commands that speak HTTP too, in the place of those of `server_option.ts`. */
export const HTTP_OPTIONS: Readonly<Record<string, Option>> = {
  server: {
    value: "HOST[:PORT]",
    help:
      `Where the server is; with https:// before it, over HTTP (${SERVER_VARIABLE}, or else this machine)`,
  },
  ca: {
    value: "FILE",
    help: "With https: take just the certificates that those in this file have signed, or are (the system's)",
  },
};

/** What the help says about {@linkcode HTTP_OPTIONS}. */
export const HTTP_ABOUT =
  "With --server https://HOST[:PORT] it goes over HTTP, for networks that let no UDP through; messages are sent one after\n" +
  "the other there. A password is sent with https, or to this machine. See 'wirepost help network'.";

/** What can't be done over HTTP. */
const REFUSED = ["basic", "server-key"];

/**
 * The URL that names the server, if one does.
 *
 * @throws {UsageError} It can't be used, or an option can't be used with it.
 */
export function httpServer(args: Arguments): URL | undefined {
  const text = namedServer(args), url = text === undefined ? undefined : parseServerUrl(text);
  if (url === undefined || text === undefined) {
    if (args.flag("ca")) throw new UsageError("--ca needs --server https://HOST");
    return undefined;
  }
  for (const option of REFUSED) {
    if (args.flag(option)) {
      throw new UsageError(`Cannot use --${option} over HTTP: it needs --server HOST[:PORT]`);
    }
  }
  if (args.flag("ca") && url.protocol !== "https:") throw new UsageError("--ca needs --server https://HOST");
  return url;
}

/** @throws {UsageError} It is a URL, but not that of a server. */
function parseServerUrl(text: string): URL | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.hostname === "") throw new UsageError(`Cannot read the URL '${text}'`);
  if (url.username !== "" || url.password !== "") {
    throw new UsageError("Cannot use a URL with a password in it: give --as NAME and --password-file FILE");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new UsageError(`Cannot use '${text}': a server is https://HOST[:PORT], with nothing behind it`);
  }
  return url;
}

/** What {@linkcode connectHttp} is for. */
interface HttpUse extends Pick<HttpMailboxOptions, "timeout" | "onDelay"> {
  /** Whether the command uses the mailbox of one's own name, or sends under it. */
  isOwn?: boolean;
  /** Limits the time in which the server is waited for; that in which a password is typed does not count. */
  limit?: { stop(): void; start(): void };
}

/**
 * A client over HTTP. It logs in if a password is given, or if the server lets nobody else use this name's mailbox.
 *
 * @throws {UsageError} There is no name, but a password.
 * @throws {ServerTimeoutError} The server can't be asked.
 */
export async function connectHttp(
  args: Arguments,
  url: URL,
  self: Self | undefined,
  { isOwn = true, limit, ...use }: HttpUse = {},
): Promise<HttpMailbox> {
  const given = Object.keys(LOGIN_OPTIONS).find((option) => args.flag(option));
  if (self === undefined) {
    if (given !== undefined) throw new UsageError(`--${given} needs --as NAME`);
    return await open(args, url, use);
  }
  const { name, isNamed } = self;
  const isGiven = given !== undefined || isNamed && Boolean(Deno.env.get(PASSWORD_VARIABLE));
  if (!isGiven && !((isOwn || isNamed) && await wantsLogin(args, url, name))) {
    return await open(args, url, use);
  }
  await checkPrivate(url);
  limit?.stop();
  const password = preparePassword(await readPassword(args, `Password of ${name}: `));
  limit?.start();
  return await open(args, url, { ...use, as: { name, password } });
}

async function wantsLogin(args: Arguments, url: URL, name: string): Promise<boolean> {
  await using mailbox = await open(args, url);
  return !await mailbox.mayRead(name);
}

/** @throws {UsageError} A password would go over plain HTTP to another machine: it is not asked for. */
async function checkPrivate(url: URL) {
  const { isPrivate } = await import("../../http_mailbox.ts");
  if (isPrivate(url)) return;
  throw new UsageError(
    `Cannot log in at http://${url.host}, where others can read the password: use https://`,
  );
}

async function open(
  args: Arguments,
  url: URL,
  options: Pick<HttpMailboxOptions, "as" | "timeout" | "onDelay"> = {},
): Promise<HttpMailbox> {
  // loaded only here, because most commands need nothing of it
  const { connectHttpMailbox } = await import("../../http_mailbox.ts");
  const file = args.text("ca"), timeout = args.duration("timeout");
  const onFirstUse = (fingerprint: string, name: string) =>
    report(args.command, `remembers the certificate of ${escapeControls(name)} from now on: ${fingerprint}`);
  return connectHttpMailbox({
    url,
    tls: file === undefined ? { onFirstUse } : { ca: await readCertificates(file) },
    ...timeout === undefined ? {} : { timeout },
    ...options,
  });
}

/** Time after which a server that can't be reached is reported once more, in milliseconds. */
const REPORT_AGAIN_MS = 60_000;

/** Says once that a server can't be reached, to who waits for it without an end. */
export function reportOutage(args: Arguments): (error: Error) => void {
  let reportedAt = -Infinity;
  return ({ message }) => {
    const now = performance.now();
    if (now - reportedAt >= REPORT_AGAIN_MS) void report(args.command, `${message}; trying again`);
    reportedAt = now;
  };
}
