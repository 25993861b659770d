import { isIP } from "node:net";
import { fileError } from "../../file/file_error.ts";
import { escapeControls, write } from "../../terminal/output.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";

/** Names of a server that only this machine's programs use. */
const OWN_NAMES = ["localhost", "127.0.0.1", "::1"];

const CERT_FILE = "wirepost-cert.pem", KEY_FILE = "wirepost-key.pem";

/** How long a certificate is valid, in days: by default as long as the systems take one at most. */
const DEFAULT_DAYS = 825, MAX_DAYS = 36_500;

/** Most names, and the longest one (RFC 1035, 2.3.4). */
const MAX_NAMES = 100, MAX_NAME_LENGTH = 253;

/** `wirepost cert`. */
export const command: Command = {
  name: "cert",
  summary: "Make a certificate for TLS, signed by itself",
  isMore: true,
  usage: ["[NAME…] [OPTION…]"],
  about: [
    "NAME is a host name or an address under which clients reach the server; without one the certificate is for this\n" +
    `machine alone: ${
      OWN_NAMES.join(", ")
    }. It makes a key on the curve P-256, writes both files for their owner\n` +
    "alone, and replaces none that is there.",
    "A client remembers such a certificate the first time (wirepost help security), or is given it with --ca.",
  ],
  options: {
    "tls-cert": { value: "FILE", help: `Write the certificate there (${CERT_FILE})` },
    "tls-key": { value: "FILE", help: `Write the key there (${KEY_FILE})` },
    days: { value: "N", help: `How long it is valid (${DEFAULT_DAYS})` },
  },
  examples: [
    "wirepost cert",
    "wirepost cert chat.example.org 192.168.1.7 --tls-cert chat.pem --tls-key chat-key.pem",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const names = args.positionals.length > 0 ? args.positionals : OWN_NAMES;
  if (names.length > MAX_NAMES) throw new UsageError(`Too many names: expected at most ${MAX_NAMES}`);
  for (const name of names) {
    if (isIP(name) === 0 && !isHostName(name)) {
      throw new UsageError(`Cannot use '${name}' as a name: expected a host name or an address`);
    }
  }
  const certFile = args.text("tls-cert") ?? CERT_FILE, keyFile = args.text("tls-key") ?? KEY_FILE;
  const days = args.integer("days", 1, MAX_DAYS) ?? DEFAULT_DAYS;
  // what makes it is loaded only here
  const { selfSigned } = await import("./self_signed.ts");
  const { cert, key, fingerprint } = await selfSigned(names, days);
  await writeNew(keyFile, key);
  try {
    await writeNew(certFile, cert);
  } catch (error) {
    await Deno.remove(keyFile);
    throw error;
  }
  await write(
    [
      `certificate  ${escapeControls(certFile)}`,
      `key          ${escapeControls(keyFile)}`,
      `fingerprint  ${fingerprint}`,
      "",
    ].join("\n"),
  );
  return 0;
}

function isHostName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^(\*\.)?[a-z\d_-]{1,63}(\.[a-z\d_-]{1,63})*$/i.test(name);
}

async function writeNew(file: string, text: string) {
  try {
    await Deno.writeTextFile(file, text, { createNew: true, mode: 0o600 });
  } catch (error) {
    const why = error instanceof Deno.errors.AlreadyExists ? "it is there already" : fileError(error);
    throw new Error(`Cannot write ${escapeControls(file)}: ${why}`);
  }
}
