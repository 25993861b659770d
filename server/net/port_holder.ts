/**
 * Who listens on a port of this machine, as far as Linux lets it be seen.
 *
 * @module
 */

/**
 * Every socket of that transport, and which process has which: what `/proc/net` and `/proc/PID/fd` hold. Deno reads
 * `/proc` by itself only where all is allowed, so the tools that every system has do it.
 */
const LOOK = 'cat "/proc/net/$1" "/proc/net/${1}6"; ls -l /proc/[0-9]*/fd';

/** A line of `/proc/net`: local address and port, remote ones, state, … inode. */
const SOCKET =
  /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)/;

/** TCP_LISTEN; UDP has no such state. */
const LISTENING = "0A";

/** `process 123 (nc)`; undefined where it can't be seen, or belongs to another user. Never rejects. */
export async function portHolder(
  { transport, hostname, port }: { transport: "udp" | "tcp"; hostname: string; port: number },
): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const seen = await run(["sh", "-c", LOOK, "sh", transport]) ?? "";
  const inodes = new Set<string>();
  let pid = "";
  for (const line of seen.split("\n")) {
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

/** Whether a socket at this address of `/proc/net` is in the way of one for `hostname`. */
function overlap(address: string, hostname: string): boolean {
  const isEvery = /^0+$/.test(address) || hostname === "0.0.0.0" || hostname === "::";
  // the bytes of IPv4 stand in the order of the processor, last in an address of IPv6
  const bytes = address.slice(-8).match(/../g)!.map((byte) => parseInt(byte, 16));
  const isIPv6 = address.length > 8 && !/^0{16}FFFF0000.{8}$/i.test(address);
  return isEvery || (isIPv6 ? hostname.includes(":") : bytes.reverse().join(".") === hostname);
}

/** What a program writes to standard output, whatever its exit code is. */
async function run([program = "", ...args]: readonly string[]): Promise<string | undefined> {
  // nobody is asked for a permission because a port is taken
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return undefined;
  try {
    const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return undefined;
  }
}
