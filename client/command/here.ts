/**
 * What `wirepost` alone says before its help: whether a server runs here, where, and what it holds.
 *
 * @module
 */

import { formatAddress } from "../../protocol/syntax/address.ts";
import { connectMailbox } from "../mailbox.ts";
import { connectOriginalMailbox } from "../original_mailbox.ts";
import { escapeControls } from "../terminal/output.ts";
import type { DataDirectoryCode } from "./data/data_directory.ts";
import { isFree, localServer, USUAL_ADDRESS } from "./options/server_option.ts";

/** How long a server of this machine may take to answer, in milliseconds. */
const TIMEOUT_MS = 3000;

/** The counts that are named, with the nouns for them; each is a metric of the server. */
const COUNTS = {
  messages: ["message", "messages"],
  channels: ["channel", "channels"],
  "forum threads": ["thread", "threads"],
  accounts: ["account", "accounts"],
} as const;

/** The lines, with their ends. */
export async function describeHere(dataCode: DataDirectoryCode): Promise<string> {
  const { services, directory } = await localServer(dataCode);
  const address = services?.mailbox ?? services?.admin ?? USUAL_ADDRESS;
  const start = "No server runs here: 'wirepost serve' starts one.\n";
  if (isFree(address)) return start;
  const options = { ...address, timeout: TIMEOUT_MS };
  try {
    const where = services === undefined || services.mailbox !== undefined
      ? await askPlaces(options)
      : places(Object.entries(services).map(([name, { hostname, port }]) => [name, hostname, port]));
    const held = await heldBySecret(dataCode, directory, options) ?? await heldByMailbox(options);
    const data = services === undefined || directory === undefined ? "" : `, in ${escapeControls(directory)}`;
    return `A server runs here: ${where.join(", ")}.\n${held === "" ? "" : `It holds ${held}${data}.\n`}`;
  } catch {
    return services === undefined
      ? start
      : `The server that runs here, at ${formatAddress(address)}, does not answer.\n`;
  }
}

/** Where the services are, as the mailbox reports it. */
async function askPlaces(options: { hostname: string; port: number; timeout: number }): Promise<string[]> {
  await using mailbox = await connectMailbox(options);
  const { services } = await mailbox.info();
  return places(Object.entries(services).map(([name, port]) => [name, options.hostname, port]));
}

/** Each service, with its address; those on the host of the first have only a port. */
function places(services: readonly (readonly [name: string, hostname: string, port: number])[]): string[] {
  const first = services[0]?.[1];
  return services.map(([name, hostname, port], i) =>
    `${name} ${i > 0 && hostname === first ? `:${port}` : formatAddress({ hostname, port })}`
  );
}

/** What the administrator's status says; undefined if its secret can't be read. */
async function heldBySecret(
  { readSecret, secretPath }: DataDirectoryCode,
  directory: string | undefined,
  options: { hostname: string; port: number; timeout: number },
): Promise<string | undefined> {
  if (directory === undefined) return undefined;
  const secret = await readSecret(secretPath(directory)).catch(() => undefined);
  if (secret === undefined) return undefined;
  await using mailbox = await connectOriginalMailbox(options);
  const fields = await mailbox.control(secret, "status").catch(() => undefined);
  if (fields === undefined) return undefined;
  const counts: string[] = [];
  for (const [metric, [one, many]] of Object.entries(COUNTS)) {
    const value = fields.find((field) => field.startsWith(`${metric} `))?.slice(metric.length + 1);
    if (value !== undefined) counts.push(`${value} ${value === "1" ? one : many}`);
  }
  return counts.join(", ");
}

/** What a client without the secret is shown. */
async function heldByMailbox(options: { hostname: string; port: number; timeout: number }): Promise<string> {
  await using mailbox = await connectMailbox(options);
  const { messages = 0 } = await mailbox.stat();
  return `${messages} ${messages === 1 ? "message" : "messages"}`;
}
