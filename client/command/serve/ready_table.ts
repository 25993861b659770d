/**
 * What `wirepost serve` says when it is ready: a table for people, lines for programs.
 *
 * @module
 */

import { bold, dim } from "@std/fmt/colors";
import { renderUnicodeCompact } from "uqr";
import { MAILBOX_PORT } from "../../../protocol/mailbox.ts";
import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
import { escapeControls } from "../../terminal/output.ts";
import { tableLines } from "../../terminal/table.ts";
import type { Arguments } from "../command.ts";
import { isServerNamed, ownAddress } from "../options/server_option.ts";

/** Where a service listens. */
interface Listening {
  readonly name: string;
  readonly transport: "udp" | "tcp";
  readonly addresses: readonly Address[];
}

/** A server that is ready. */
export interface ReadyReport {
  readonly version: string;
  readonly listening: readonly Listening[];
  /** Undefined if it keeps everything in memory. */
  readonly data: string | undefined;
  /** Its own key, if a service has a seal. */
  readonly key: string | undefined;
  /** The fingerprint of its certificate, if it has one. */
  readonly certificate?: string | undefined;
}

/** Most addresses of a machine that are shown of a service. */
const MAX_ADDRESSES = 4;

/** A line for each address. */
export function readyLines({ listening }: ReadyReport): string {
  return listening.flatMap(({ name, transport, addresses }) =>
    addresses.map((address) => `${name} listening on ${transport} ${formatAddress(address)}\n`)
  ).join("");
}

/** The same as objects, for a log that has nothing else. */
export function readyObjects(report: ReadyReport): string {
  const time = new Date().toISOString();
  return readyLines(report).replace(
    /^([\w-]+) (.*)$/gm,
    (_, service, what) => JSON.stringify({ time, level: "info", service, what }),
  );
}

/** Where the services are, how to try them, where the data are and how to stop. */
export function readyTable(report: ReadyReport, args: Arguments, network = networkAddresses): string {
  const { version, listening, data, key, certificate } = report, tryIt = commands(report, args);
  const rows = [...Map.groupBy(listening, ({ name }) => name)].flatMap(([name, places]) => {
    const transports = places.map(({ transport }) => transport).join("+");
    const shown = places[0]!.addresses.flatMap((address) => shownAddresses(address, network));
    return shown.slice(0, MAX_ADDRESSES).map(formatAddress).map((address, i) =>
      i === 0 ? [name, address, transports, tryIt(name)] : ["", address, "", ""]
    );
  });
  const elsewhere = listening.find(({ name }) => name === "mailbox")?.addresses
    .flatMap((address) => shownAddresses(address, network)).find(({ hostname }) => !isLoopback(hostname));
  const [headings = "", ...lines] = tableLines(
    ["SERVICE", "ADDRESS", "", "TRY IT"].map((heading) => ({ heading })),
    rows,
  );
  const stop = data === undefined ? "Ctrl-C" : `Ctrl-C, or 'wirepost admin stop${dataOption(args)}'`;
  return [
    bold(`Wirepost ${version}`),
    "",
    dim(headings),
    ...lines,
    "",
    `Data  ${data === undefined ? "in memory: gone when the server stops" : escapeControls(data)}`,
    ...key === undefined ? [] : [`Key   ${key}`],
    ...certificate === undefined ? [] : [`Cert  ${certificate}`],
    `Stop  ${stop}`,
    ...elsewhere === undefined ? [] : [`From other machines: --server ${serverText(elsewhere)}`],
    ...pageCode(report, network),
    "",
    "",
  ].join("\n");
}

/** The address of the page for phones, if it is served to other machines: in words, and for their cameras. */
function pageCode({ listening, certificate }: ReadyReport, network: () => string[]): string[] {
  const address = listening.find(({ name }) => name === "http")?.addresses
    .flatMap((address) => shownAddresses(address, network)).find(({ hostname }) => !isLoopback(hostname));
  if (address === undefined) return [];
  const url = `http${certificate === undefined ? "" : "s"}://${formatAddress(address)}/`;
  return [`In their browsers: ${url}`, "", ...renderUnicodeCompact(url, { border: 2 }).split("\n")];
}

/** An address as others reach it: one that stands for every address is each of the machine's on its networks. */
function shownAddresses({ hostname, port }: Address, network: () => string[]): Address[] {
  if (hostname !== "0.0.0.0" && hostname !== "::") return [{ hostname, port }];
  const reachable = network().filter((address) => hostname === "::" || !address.includes(":"));
  return (reachable.length > 0 ? reachable : [hostname]).map((hostname) => ({ hostname, port }));
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

/** The machine's addresses on its networks, if they may be looked at. */
function networkAddresses(): string[] {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
  if (state !== "granted") return [];
  return Deno.networkInterfaces().map(({ address }) => address)
    .filter((address) => !isLoopback(address) && !/^(fe80:|169\.254\.)/i.test(address));
}

/** The command with which each service can be tried on this machine. */
function commands(
  { listening, data, certificate }: ReadyReport,
  args: Arguments,
): (service: string) => string {
  const own = (service: string): Address | undefined => {
    const { addresses = [] } = listening.find(({ name }) => name === service) ?? {};
    // the shorter one
    const address = addresses.find(({ hostname }) => !hostname.includes(":")) ?? addresses[0];
    return address && ownAddress(address);
  };
  const mailbox = own("mailbox"),
    isUsual = mailbox?.hostname === "127.0.0.1" && mailbox.port === MAILBOX_PORT;
  const isFound = !isServerNamed(args) && (data === undefined ? isUsual : !args.flag("data"));
  const server = isFound || mailbox === undefined ? "" : ` --server ${serverText(mailbox)}`;
  return (service) => {
    if (service === "mailbox") return `wirepost send bob hi${server}`;
    if (service === "http") {
      return `http${certificate === undefined ? "" : "s"}://${formatAddress(own(service)!)}/ in a browser`;
    }
    const command = { "channels": "chat", "room-tls": "room --tls" }[service] ?? service;
    if (isFound || mailbox !== undefined) {
      return `wirepost ${command}${service === "channels" ? " lounge" : ""}${server}`;
    }
    const { hostname, port } = own(service)!, name = service === "channels" ? " NAME" : "";
    return `wirepost ${command}${name} ${hostname} ${port}`;
  };
}

function serverText(address: Address): string {
  const text = formatAddress(address);
  return address.port === MAILBOX_PORT ? text.replace(/:\d+$/, "") : text;
}

function dataOption(args: Arguments): string {
  const data = args.text("data");
  return data === undefined ? "" : ` --data ${escapeControls(data)}`;
}
