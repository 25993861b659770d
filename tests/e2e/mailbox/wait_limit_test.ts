/** `wirepost receive --wait` against misbehaving servers: without the limit each of these would take an hour. */

import { assert, assertEquals } from "@std/assert";
import { temporaryDirectory, wirepost } from "../../program.ts";

const START_ID = "00000001", COOKIE = "1".repeat(28);

/** A server on a UDP port that answers each datagram as the test wants: by lines, or by whole datagrams. */
class Server implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  received = 0;

  constructor(answer: (text: string, server: Server) => string | undefined) {
    this.#serving = (async () => {
      for await (const [datagram, from] of this.#socket) {
        this.received++;
        const said = answer(new TextDecoder().decode(datagram), this);
        if (said !== undefined) await this.#socket.send(new TextEncoder().encode(said), from);
      }
    })();
  }

  get address(): string {
    return `127.0.0.1:${(this.#socket.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose]() {
    this.#socket.close();
    await this.#serving;
  }
}

/** A server of sessions that admits everybody, and gives this answer to each request. */
function session(answer: (kind: string, tag: string, server: Server) => string | undefined) {
  return new Server((text, server) => {
    const [header = "", ...lines] = text.split("\n"), [, id, startId] = header.split(" ");
    if (startId !== START_ID) return `P1< ${id} ${START_ID} ${COOKIE} 0`;
    const answers = lines.map((line) => {
      const [kind = "", tag = ""] = line.split(",");
      return answer(kind, tag, server);
    });
    return [`P1< ${id} ${START_ID} - 0`, ...answers.filter((line) => line !== undefined)].join("\n");
  });
}

const message = (tag: string, id = 1) =>
  `msg,${tag},1,1,${`${id}`.padStart(16, "0")},${id},1,0,alice,5,hello`;

const SILENT = "wirepost receive: The server has not answered within 1 s\n";

interface Case {
  server: () => Server;
  args?: string[];
  result: { code: number; out: string; err: string };
}

const CASES: Readonly<Record<string, Case>> = {
  "says nothing": {
    server: () => new Server(() => undefined),
    result: { code: 1, out: "", err: SILENT },
  },
  "says nothing to a log-in": {
    server: () => new Server(() => undefined),
    args: ["--as", "bob"],
    result: { code: 1, out: "", err: SILENT },
  },
  "says nothing on the original wire": {
    server: () => new Server(() => undefined),
    args: ["--basic"],
    result: {
      code: 1,
      out: "",
      err: "wirepost receive: No answer from ADDRESS within 1.5 s: is the server running?\n",
    },
  },
  "has nothing on the original wire": {
    server: () => new Server(() => "X"),
    args: ["--basic"],
    result: { code: 3, out: "", err: "" },
  },
  "says 'pending' for ever": {
    server: () => session((_, tag) => `pending,${tag}`),
    result: { code: 3, out: "", err: "" },
  },
  "never sends a message whole": {
    server: () => session((_, tag) => message(tag).replace(",5,hello", ",9,hello")),
    result: { code: 3, out: "", err: "" },
  },
  "never says that a message is acknowledged": {
    server: () => session((kind, tag) => kind === "lease" ? message(tag) : `have,${tag}`),
    result: { code: 1, out: "hello\n", err: SILENT },
  },
  "is always busy": {
    server: () => session(() => "busy"),
    result: { code: 3, out: "", err: "wirepost receive: the server is busy; trying again for up to 60 s\n" },
  },
};

for (const [name, { server: make, args = [], result }] of Object.entries(CASES)) {
  Deno.test(`receive --wait 1s ends soon if the server ${name}`, async () => {
    await using directory = await temporaryDirectory();
    await using server = make();
    const command = ["receive", ...args[0] === "--as" ? [] : ["bob"], "--wait", "1s", "--timeout", "1h"];
    const { code, out, err } = await wirepost([...command, "--server", server.address, ...args], {
      env: { WIREPOST_PASSWORD: "word", XDG_STATE_HOME: directory.path },
    });
    // the last question of the original wire may begin a few milliseconds later
    const normal = err.replace(server.address, "ADDRESS").replace(/within 1\.\d+ s/, "within 1.5 s");
    assertEquals({ code, out, err: normal }, result);
    assert(server.received < 100, `${server.received} datagrams`);
  });
}

Deno.test("receive --wait limits the whole time, even if messages come one by one without an end", async () => {
  let id = 0;
  await using server = session((kind, tag) => kind === "lease" ? message(tag, ++id) : `ok,${tag}`);
  const { code, out, err } = await wirepost(
    ["receive", "bob", "--count", "1000000", "--wait", "1s", "--timeout", "1h", "--server", server.address],
  );
  assertEquals([code, err], [3, ""]);
  assert(out.startsWith("hello\nhello\n"));
});
