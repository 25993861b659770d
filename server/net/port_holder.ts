/**
 * Which process listens on a port of this machine, as far as Linux shows it.
 *
 * @module
 */

/**
 * Prints every socket of a transport and the sockets of every process, from `/proc/net` and `/proc/PID/fd`. Deno reads
 * `/proc` itself only with all permissions, so standard tools do it.
 */
const LOOK = 'cat "/proc/net/$1" "/proc/net/${1}6"; ls -l /proc/[0-9]*/fd';

/** A line of `/proc/net`: local address and port, remote ones, state, … inode. */
const SOCKET =
  /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)/;

/** TCP_LISTEN; UDP has no such state. */
const LISTENING = "0A";

/** `process 123 (nc)`; undefined if it is not visible, or another user's. Never rejects. */
export async function portHolder(
  { transport, hostname, port }: { transport: "udp" | "tcp"; hostname: string; port: number },
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const printed = await run(["sh", "-c", LOOK, "sh", transport]) ?? "";
  const inodes = new Set<string>();
  let pid = "";
  for (const line of printed.split("\n")) {
    const [, address = "", local = "", state, inode = ""] = SOCKET.exec(line) ?? [];
    const isListening = transport === "udp" || state === LISTENING;
    if (isListening && parseInt(local, 16) === port && overlap(address, hostname)) inodes.add(inode);
    pid = /^\/proc\/(\d+)\/fd:$/.exec(line)?.[1] ?? pid;
    if (!inodes.has(/ -> socket:\[(\d+)\]$/.exec(line)?.[1] ?? "")) continue;
    if (Number(pid) === Deno.pid) return "another service of this server";
    const name = (await run(["cat", `/proc/${pid}/comm`]))?.trim();
    return `process ${pid}${name ? ` (${name})` : ""}`;
  }
  return undefined;
}

/** Whether a socket at this address of `/proc/net` excludes one at `hostname`. */
function overlap(address: string, hostname: string): boolean {
  const isEvery = /^0+$/.test(address) || hostname === "0.0.0.0" || hostname === "::";
  // an IPv4 address has the byte order of the processor, and comes last in an IPv6 address
  const bytes = address.slice(-8).match(/../g)!.map((byte) => parseInt(byte, 16));
  const isIPv6 = address.length > 8 && !/^0{16}FFFF0000.{8}$/i.test(address);
  return isEvery || (isIPv6 ? hostname.includes(":") : bytes.reverse().join(".") === hostname);
}

/** What a program writes to standard output, with any exit code. */
async function run([program = "", ...args]: readonly string[]): Promise<string | undefined> {
  // a port in use is no reason to ask for a permission
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return undefined;
  try {
    const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return undefined;
  }
}
