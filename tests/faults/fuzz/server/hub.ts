/**
 * Scripts of clients of the channels and of the room. A line is `CLIENT WHAT …`; clients `a` to `f` are in the channels,
 * `r` to `w` in the room. Beside them two honest members of a channel, and two of the room, have to hear each other.
 *
 * @module
 */

import { ANNOUNCEMENT } from "../../../../protocol/channels/announced.ts";
import { encodeFrames, FRAME_BYTES, FrameDecoder } from "../../../../protocol/syntax/frame.ts";
import { HubService } from "../../../../server/hub_service.ts";
import { Clients } from "../../../../server/report/clients.ts";
import { Log } from "../../../../server/report/log.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { Watch } from "../../../../server/report/watch.ts";
import { Moderation } from "../../../../server/service/moderation.ts";
import type { HubAccounts } from "../../../../server/wire/hub/member_wire.ts";
import { Random } from "../../../simulation/random.ts";
import { bytesOf, holds, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import type { Bytes } from "../engine/target.ts";
import { turn } from "./datagram_server.ts";
import { Lives, type World } from "./lives.ts";
import { fuzzedStore } from "./store.ts";
import { FuzzedListener, type FuzzedStream } from "./stream.ts";
import { PATIENCE_MS } from "../../../patience.ts";

/** Steps of a script that are taken. */
const MAX_STEPS = 80;

const LIMITS = {
  ...{
    share: 60,
    maxChannels: 8,
    addressChannels: undefined,
    maxPendingBytesInAll: 256 * 1024,
    maxLineBytes: 300,
  },
  history: { messages: 20, bytes: 16_384 },
  connections: {
    ...{ connections: 24, addressConnections: undefined },
    ...{ messagesPerSecond: undefined, connectionsPerSecond: undefined },
  },
  sending: { maxPendingBytes: 65_536, stallMs: 60_000 },
};

const PASSWORD = "correct horse";

const ACCOUNTS = {
  auth: "open",
  has: (name) => name === "alice",
  isProtected: (name) => name === "alice",
  checkPassword: (name, password) =>
    Promise.resolve(name === "alice" && password === PASSWORD ? "right" : "wrong"),
  onEvent() {},
  onTokenEnd() {},
  onMailboxCovered() {},
} as HubAccounts;

type Wire = "channels" | "room";

class HubWorld implements World {
  readonly isSpent = false;
  readonly #hub: HubService;
  readonly #listeners: Record<Wire, FuzzedListener>;
  readonly #close: () => Promise<void>;
  readonly #clients = new Map<string, FuzzedStream>();
  readonly #honest: Record<Wire, [speaker: FuzzedStream, listener: FuzzedStream]>;
  #heard: Record<Wire, string> = { channels: "", room: "" };
  #ports = 2000;
  #said = 0;

  constructor(hub: HubService, listeners: Record<Wire, FuzzedListener>, close: () => Promise<void>) {
    this.#hub = hub;
    this.#listeners = listeners;
    this.#close = close;
    const both = (wire: Wire) => [this.#connect(wire, "10.9.9.1"), this.#connect(wire, "10.9.9.2")] as const;
    this.#honest = { channels: [...both("channels")], room: [...both("room")] };
    const [speaker, listener] = this.#honest.channels, decoder = new FrameDecoder();
    speaker.send(encodeFrames("Ann"));
    speaker.send(encodeFrames("/create honest"));
    listener.send(encodeFrames("Bob"));
    listener.send(encodeFrames("/join honest"));
    listener.onWritten = (bytes) => {
      for (const text of decoder.decode(bytes)) this.#hear("channels", text);
      holds(bytes.length % FRAME_BYTES === 0, () => `${bytes.length} bytes of frames`);
    };
    this.#honest.room[1].onWritten = (bytes) => {
      for (const line of textOf(bytes).split("\n")) {
        if (line !== "") this.#hear("room", line.replace(/^\r/, ""));
      }
    };
  }

  static async start(): Promise<HubWorld> {
    const now = () => Math.floor(performance.now()) + 1_700_000_000_000, random = new Random(3);
    const store = fuzzedStore(now, random, () => {});
    const environment = { wallClock: now, monotonicClock: now },
      log = new Log(() => Promise.resolve(), { level: "debug" });
    const listeners = { channels: new FuzzedListener(), room: new FuzzedListener() };
    const hub = await HubService.start({
      sockets: { channels: [listeners.channels], room: [listeners.room] },
      limits: LIMITS,
      store: store.store,
      watch: new Watch(environment),
      polling: { due: undefined, turn() {} } as never,
      metrics: new Metrics(),
      log,
      moderation: new Moderation({ wallClock: now, store: store.store, known: [] }),
      clients: new Clients(now),
      accounts: ACCOUNTS,
    });
    return new HubWorld(hub, listeners, async () => {
      await hub.close();
      await log.flush();
      store.close();
    });
  }

  /** What an honest member is sent has no control character. */
  #hear(wire: Wire, text: string) {
    // deno-lint-ignore no-control-regex
    holds(!/[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(text), () => `${wire}: '${text}'`);
    this.#heard[wire] = text;
  }

  #connect(wire: Wire, hostname: string): FuzzedStream {
    return this.#listeners[wire].connect(hostname, this.#ports++);
  }

  async run(input: Bytes) {
    for (const line of textOf(input).split("\n").slice(0, MAX_STEPS)) {
      this.#step(line);
      await this.#settle();
    }
    for (const { name, used, limit } of this.#hub.limits()) {
      holds(used === undefined || limit === undefined || used <= limit, () => `${name}: ${used} of ${limit}`);
    }
    await this.#checkHonest();
    for (const stream of this.#clients.values()) if (!stream.isClosed) stream.cut();
    this.#clients.clear();
    await this.#settle();
  }

  async #settle() {
    for (let i = 0; i < 3; i++) await turn();
  }

  /** What the one says, the other hears, whatever the clients of the script do beside them. */
  async #checkHonest() {
    const said = `word ${++this.#said}`, { channels, room } = this.#honest;
    channels[0].send(encodeFrames(said));
    room[0].send(bytesOf(`${said}\n`));
    const isHeard = () => this.#heard.channels === `[Ann] ${said}` && this.#heard.room.endsWith(`> ${said}`);
    for (const end = performance.now() + PATIENCE_MS; !isHeard() && performance.now() < end;) {
      await turn();
      if (!isHeard()) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    holds(isHeard(), () => `'${said}' is not heard: ${JSON.stringify(this.#heard)}`);
  }

  #step(line: string) {
    const [, who = "", what = "", rest = ""] = /^(\S)\S* ?(\S*) ?(.*)$/s.exec(line) ?? [];
    if (who === "") return;
    const wire = who >= "a" && who <= "m" ? "channels" : "room";
    let stream = this.#clients.get(who);
    if (stream === undefined || stream.isClosed) {
      if (this.#clients.size >= 16) return;
      stream = this.#connect(wire, who < "d" || wire === "room" ? "127.0.0.1" : "10.0.0.9");
      this.#clients.set(who, stream);
    }
    switch (what) {
      case "say": {
        const text = unescaped(rest);
        return stream.send(wire === "room" ? new Uint8Array([...text, 10]) : encodeFrames(textOf(text)));
      }
      case "often":
        for (let i = 0; i < 30; i++) {
          stream.send(wire === "room" ? bytesOf(`${rest} ${i}\n`) : encodeFrames(`${rest} ${i}`));
        }
        return;
      case "raw":
        return stream.send(unescaped(rest));
      case "end":
        return stream.end();
      case "cut":
        return stream.cut();
      case "stall":
        return stream.setReading(false);
      case "read":
        return stream.setReading(true);
    }
  }

  async close() {
    for (const stream of [...Object.values(this.#honest).flat(), ...this.#clients.values()]) {
      if (!stream.isClosed) stream.cut();
    }
    await this.#close();
  }
}

const SAID = [
  ...[
    "Eve",
    "alice",
    "127.0.0.1:60602",
    "('127.0.0.1', 60602)> hi",
    "/create tea",
    "/create honest",
    "/join honest",
    "/join tea",
  ],
  ...[
    "/join",
    "/create",
    "/list",
    "/",
    "//login x y",
    `/login alice ${PASSWORD}`,
    "/login alice wrong",
    "/login",
    "/who",
  ],
  ...[
    ANNOUNCEMENT.replace("\n", "\\n"),
    "/history 5",
    "/history since a 1",
    "/history since $ 0",
    "hello",
    "a\\nb\\nc",
    "\\e[2J",
  ],
  ...[
    "x\\n/login alice wrong",
    "/create \u202e",
    "[Ann] forged",
    "\\x02message 1 2 3 Ann forged",
    "\u2028",
    "x".repeat(400),
    " ",
  ],
];

const lives = new Lives(() => HubWorld.start());

export const HUB_SERVER: Target = {
  name: "hub_server",
  covers: ["protocol/", "server/"],
  words: SAID,
  seeds: [
    "a say Eve\na say /create tea\na say hello\nb say Bob\nb say /join tea\nb say /list\na end",
    "r say hello\nr raw half\nr end\ns say /login alice correct horse\ns say hi",
    `a say Eve\na say ${
      ANNOUNCEMENT.replace("\n", "\\n")
    }\na say /create tea\na say one\na say /history 5\na say /who`,
    "a say alice\na say /login alice correct horse\na say /join honest\na stall\na often hello",
  ],
  maxBytes: 4096,
  shortInputs: 60,
  maxMs: 3000,
  line(random) {
    const who = pick(random, ["a", "b", "c", "d", "e", "r", "s"]);
    const what = pick(random, [
      "say",
      "say",
      "say",
      "say",
      "say",
      "often",
      "raw",
      "end",
      "cut",
      "stall",
      "read",
    ]);
    return `${who} ${what} ${pick(random, SAID)}`;
  },
  run: (input) => lives.run(input),
  end: () => lives.end(),
};
