/**
 * What a service manager such as systemd is told: that the server is ready, reads its files again, stops, and is alive.
 * Messages and variables are those of sd_notify(3) and sd_watchdog_enabled(3).
 *
 * Invariant: without a service manager, or with one that can't be reached, the server runs as it does anyway.
 *
 * @module
 */

/** Variables of the environment that a service manager sets. */
export const MANAGER_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** What they say; undefined where they are not set. */
export type ManagerVariables = Readonly<
  Partial<Record<typeof MANAGER_VARIABLES[number], string | undefined>>
>;

const encoder = new TextEncoder();

/** The service manager that started this process. */
export class ServiceManager {
  readonly #socket: Deno.DatagramConn;
  readonly #address: Deno.UnixAddr;
  /** Between two signs of life; undefined if none are expected. */
  readonly #beatMs: number | undefined;
  #beating: ReturnType<typeof setInterval> | undefined;
  /** Messages arrive in the order in which they were sent. */
  #sent: Promise<unknown> = Promise.resolve();

  private constructor(socket: Deno.DatagramConn, address: Deno.UnixAddr, beatMs: number | undefined) {
    this.#socket = socket;
    this.#address = address;
    this.#beatMs = beatMs;
  }

  /**
   * Returns undefined if there is none, or one that is not reached in the file system.
   *
   * @throws {Error} Its socket can't be used.
   */
  static async open(variables: ManagerVariables): Promise<ServiceManager | undefined> {
    const { NOTIFY_SOCKET: path = "", WATCHDOG_USEC, WATCHDOG_PID } = variables;
    // `@` stands for the zero byte of an abstract socket's name; vsock and others are for virtual machines
    if (!path.startsWith("/") && !path.startsWith("@")) return undefined;
    const isWatched = WATCHDOG_PID === undefined || WATCHDOG_PID === `${Deno.pid}`;
    const watchdogMs = isWatched ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0;
    return new ServiceManager(
      await openSocket(),
      { transport: "unixpacket", path: path.replace(/^@/, "\0") },
      // half of the time, as sd_watchdog_enabled(3) recommends
      watchdogMs > 0 ? watchdogMs / 2 : undefined,
    );
  }

  /** The server answers from now on; its signs of life begin. */
  ready(status: string): Promise<void> {
    // by the event loop that serves the clients: if that stands still, so do they
    if (this.#beatMs !== undefined) {
      this.#beating ??= setInterval(() => void this.#send("WATCHDOG=1"), this.#beatMs);
    }
    return this.#send(`READY=1\nSTATUS=${status}`);
  }

  /** It reads its files again, until it is {@linkcode ready} again. */
  reloading(): Promise<void> {
    return this.#send("RELOADING=1");
  }

  stopping(): Promise<void> {
    return this.#send("STOPPING=1");
  }

  async close() {
    clearInterval(this.#beating);
    await this.#sent;
    this.#socket.close();
  }

  #send(text: string): Promise<void> {
    const send = async () => void await this.#socket.send(encoder.encode(text), this.#address);
    // a manager that can't be told ends what it does not hear of, or not
    const sent = this.#sent.then(send).catch(() => {});
    this.#sent = sent;
    return sent;
  }
}

/** A socket to send from. Nothing is sent to it, so it needs no name after it is open. */
async function openSocket(): Promise<Deno.DatagramConn> {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-" });
  try {
    return Deno.listenDatagram({ transport: "unixpacket", path: `${directory}/notify` });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
