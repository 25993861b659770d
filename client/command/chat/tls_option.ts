/**
 * TLS for chat and room: `--tls` and `--ca`.
 *
 * @module
 */

import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
import type { ConnectOptions } from "../../channels.ts";
import { fileError } from "../../file/file_error.ts";
import { escapeControls, report } from "../../terminal/output.ts";
import { type Arguments, type Option, UsageError } from "../command.ts";
import { rememberedAs } from "../options/server_option.ts";

export const TLS_OPTIONS: Readonly<Record<string, Option>> = {
  tls: { help: "Encrypt the connection, and check the server's certificate" },
  ca: {
    value: "FILE",
    help: "With --tls: take just the certificates that those in this file have signed, or are (the system's)",
  },
};

/** Where a service is, and whether it is connected to with TLS. */
export type StreamServer = Address & Pick<ConnectOptions, "tls">;

/**
 * The server with what `--tls` and `--ca` say.
 *
 * @param isFound Whether the address is what the server reports: then the server is remembered, not the service alone.
 * @throws {UsageError} `--ca` is given without `--tls`.
 * @throws {Error} The file can't be read.
 */
export async function withTls(args: Arguments, server: Address, isFound: boolean): Promise<StreamServer> {
  const file = args.text("ca");
  if (!args.flag("tls")) {
    if (file !== undefined) throw new UsageError("--ca needs --tls");
    return server;
  }
  if (file !== undefined) return { ...server, tls: { ca: await readCertificates(file) } };
  const known = isFound ? await rememberedAs(args) : undefined;
  const onFirstUse = (fingerprint: string, name: string) =>
    report(args.command, `remembers the certificate of ${escapeControls(name)} from now on: ${fingerprint}`);
  return { ...server, tls: { onFirstUse, ...known === undefined ? {} : { server: formatAddress(known) } } };
}

/**
 * The certificates in a file.
 *
 * @throws {Error} It can't be read, or has none.
 */
export async function readCertificates(file: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`Cannot read ${file}: ${fileError(error)}`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Error(`Cannot use ${file}: it has no certificate in PEM`);
}
