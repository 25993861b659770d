/**
 * A server whose page is shown to people: with accounts and a clock that is set, so that the same content has the same
 * times.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { HttpPeer, httpRequest } from "../../http.ts";
import { FROM_SOURCE, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const CLOCK = new URL("set_clock.ts", import.meta.url).pathname;

const SERVICES = ["mailbox", "0", "channels", "0", "room", "0", "forum", "0"];

/** The address under which the page shows it. */
export const HOST = "lab.local";

const PASSWORD = "wise@!@";

export const MINUTE_MS = 60_000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS;

/** Where its clock begins: within a minute, so that the seconds in which it starts change none of those that are shown. */
const NOW = Date.UTC(2026, 10, 26, 16, 20, 45);

/** ana is an administrator; luke and yoda have accounts too. */
export class ShownServer implements AsyncDisposable {
  readonly #parts: AsyncDisposableStack;
  readonly #clock: string;
  readonly port: number;
  /** The time that it has, in milliseconds since 1970. */
  #now = NOW;

  private constructor(parts: AsyncDisposableStack, clock: string, port: number) {
    this.#parts = parts;
    this.#clock = clock;
    this.port = port;
  }

  static async start(): Promise<ShownServer> {
    await using parts = new AsyncDisposableStack();
    const { path } = parts.use(await temporaryDirectory());
    const data = ["--data", `${path}/data`], password = `${path}/password`, clock = `${path}/clock`;
    await Deno.writeTextFile(clock, `${NOW}`);
    const [deno = "", run = "", ...program] = FROM_SOURCE;
    const command = ["env", `SET_CLOCK=${clock}`, deno, run, "--preload", CLOCK, ...program];
    const server = parts.use(
      await ServerProcess.start([...SERVICES, "--web-host", HOST, ...data], { command }),
    );
    const shown = new ShownServer(parts.move(), clock, await server.ready("http"));
    await using begun = new AsyncDisposableStack();
    begun.use(shown);
    await Deno.writeTextFile(password, `${PASSWORD}\n`);
    for (const name of ["ana", "luke", "yoda"]) {
      const added = await wirepost(["account", "add", name, "--password-file", password, ...data]);
      assertEquals([added.code, added.err], [0, ""]);
    }
    assertEquals((await wirepost(["account", "role", "ana", "admin", ...data])).code, 0);
    begun.move();
    return shown;
  }

  get now(): number {
    return this.#now;
  }

  async setTime(ms: number) {
    this.#now = ms;
    // as one change: the server may read it at any time
    await Deno.writeTextFile(`${this.#clock}.next`, `${ms}`);
    await Deno.rename(`${this.#clock}.next`, this.#clock);
  }

  /** Sends a request; `as` is the account that is logged in. Returns the answer's JSON, if it is that. */
  async ask(request: string, body?: string, as?: string) {
    const reply = await httpRequest(this.port, request, {
      headers: {
        accept: "application/json",
        ...as === undefined ? {} : { authorization: `Basic ${btoa(`${as}:${PASSWORD}`)}` },
      },
      ...body === undefined ? {} : { body },
    });
    if (reply.status >= 400) throw new Error(`${request}: ${reply.body}`);
    return reply.headers["content-type"] === "application/json" ? JSON.parse(reply.body) : undefined;
  }

  async say(sender: string, text: string, channel = "room") {
    await this.ask(`POST /channel/${channel}?sender=${encodeURIComponent(sender)}`, text);
  }

  async put(sender: string, text: string, more = "", mailbox = "ana") {
    await this.ask(
      `POST /mailbox/${mailbox}?sender=${encodeURIComponent(sender)}${more}`,
      text,
      accountOf(sender),
    );
  }

  /** Fails the first message of ana's for good. */
  async bury(reason: string) {
    const { messages: [{ lease }] } = await this.ask("POST /mailbox/ana/receive?lease=1h", undefined, "ana");
    const query = `attempts=1&reason=${encodeURIComponent(reason)}`;
    await this.ask(`POST /lease/${lease}/release?${query}`, undefined, "ana");
  }

  /** Is in the room as long as the server runs. */
  async enter(name: string) {
    const peer = this.#parts.use(await HttpPeer.connect(this.port));
    await peer.send(`GET /events?channel=room&sender=${name}`);
    assertEquals((await peer.reply()).status, 200);
  }

  /** A script with which a page logs in as ana. */
  readonly logIn = `fetch("/login", ${
    JSON.stringify({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "ana", password: PASSWORD }),
    })
  }).then(({ status }) => status)`;

  async [Symbol.asyncDispose]() {
    await this.#parts.disposeAsync();
  }
}

/** The account that has to say who one is. */
function accountOf(name: string): string | undefined {
  return ["ana", "luke", "yoda"].includes(name) ? name : undefined;
}
