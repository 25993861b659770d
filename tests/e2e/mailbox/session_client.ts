/**
 * What every client of the reliable session shows that was written beside Wirepost's own: the one in Python, and the library
 * on Node. Each has a command line: `--server HOST:PORT --timeout SECONDS`, and then `send TO --as NAME`, which sends the
 * lines of its standard input, or `receive NAME --wait SECONDS --count COUNT`, which prints texts.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { UdpProxy } from "../../faults/udp_proxy.ts";
import { freePort } from "../../ports.ts";
import { Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

/** What a client might spoil: characters of two, three and four bytes, commas, spaces at both ends, nothing at all. */
const TEXTS = [
  "5 Ω, or more? ✓",
  "👩‍🚀🇪🇺 e\u0301",
  "a,b,,c,",
  "  spaces  ",
  "tab\there",
  "",
  "put,1,bob,alice,,,no",
];

/** Seconds that a busy machine may take to start a server. */
const PATIENCE = "60";

/** Such a client. */
interface SessionClient {
  /** What the tests call it. */
  name: string;
  /** The command that runs it. */
  command(): Promise<readonly string[]>;
  /** What it says if there is no answer from this address for 10 s. */
  silence(server: string): string;
  ignore: boolean;
}

/** Registers the tests. */
export function testSessionClient({ name, command, silence, ignore }: SessionClient) {
  /** Runs the script, its standard input these lines; gives the lines that it prints. */
  async function client(port: number, args: string[], lines: readonly string[] = []): Promise<string[]> {
    const input = lines.map((line) => `${line}\n`).join("");
    const { code, out, err } = await runCommand([
      ...await command(),
      ...["--server", `127.0.0.1:${port}`, "--timeout", PATIENCE],
      ...args,
    ], {
      input,
      env: { PYTHONIOENCODING: "utf-8" },
    });
    assertEquals({ code, err }, { code: 0, err: "" });
    return out.split("\n").slice(0, -1);
  }

  Deno.test(`${name}: what a session puts a session receives, byte for byte`, { ignore }, async () => {
    await using data = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
    assertEquals(await client(server.port, ["send", "bob", "--as", "alice"], TEXTS), []);
    assertEquals(
      await client(server.port, ["receive", "bob", "--wait", "60", "--count", `${TEXTS.length}`]),
      TEXTS,
    );
  });

  Deno.test(`${name}: what a session puts the original wire takes, byte for byte`, { ignore }, async () => {
    await using data = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
    await client(server.port, ["send", "bób", "--as", "Ωlice"], TEXTS);
    using peer = new Peer(server.port);
    for (const text of TEXTS) {
      const reply = await peer.ask("R, bób");
      assertEquals(reply.replace(/^N, [^,]+, /, ""), `Ωlice, ${text}`);
    }
    assertEquals(await peer.ask("R, bób"), "X");
  });

  Deno.test(
    `${name}: what the original wire puts a session receives, byte for byte`,
    { ignore },
    async () => {
      await using data = await temporaryDirectory();
      await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
      using peer = new Peer(server.port);
      for (const text of TEXTS) await peer.send(`F, bob, alice, ${text}`);
      // the answer comes when the puts before it were carried out
      assertEquals(await peer.ask("R, nobody"), "X");
      assertEquals(
        await client(server.port, ["receive", "bob", "--wait", "60", "--count", `${TEXTS.length}`]),
        TEXTS,
      );
    },
  );

  Deno.test(`${name}: 5,000 lines come out in the order in which they went in`, { ignore }, async () => {
    await using data = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ✓`);
    await client(server.port, ["send", "bob", "--as", "alice"], lines);
    assertEquals(
      await client(server.port, ["receive", "bob", "--wait", "60", "--count", `${lines.length}`]),
      lines,
    );
  });

  Deno.test(
    `${name}: over a network that loses, repeats and reorders, each message arrives once and in order`,
    { ignore },
    async () => {
      await using data = await temporaryDirectory();
      await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
      await using proxy = new UdpProxy(server.port, 1);
      // long ones travel in parts
      const lines = Array.from(
        { length: 300 },
        (_, i) => `line ${i} ${"✓".repeat(i % 100 === 7 ? 3000 : i % 7)}`,
      );
      await client(proxy.port, ["send", "bob", "--as", "alice"], lines);
      const batches = ["--wait", "60", "--count", `${lines.length}`];
      assertEquals(await client(proxy.port, ["receive", "bob", ...batches]), lines);
      using peer = new Peer(server.port);
      assertEquals(await peer.ask("R, bob"), "X");
    },
  );

  Deno.test(`${name}: a restart of the server loses nothing and repeats nothing`, { ignore }, async () => {
    await using data = await temporaryDirectory();
    const port = freePort();
    const start = () => ServerProcess.start(["mailbox", `${port}`, "--data", data.path]);
    const first = await start();
    const [program = "", ...before] = await command();
    const child = new Deno.Command(program, {
      args: [
        ...before,
        "--server",
        `127.0.0.1:${port}`,
        "--timeout",
        PATIENCE,
        "send",
        "bob",
        "--as",
        "alice",
      ],
      stdin: "piped",
      stderr: "inherit",
    }).spawn();
    const input = child.stdin.getWriter(), encoder = new TextEncoder();
    const say = (from: number) =>
      input.write(encoder.encode(Array.from({ length: 500 }, (_, i) => `line ${from + i}\n`).join("")));
    await say(0);
    using peer = new Peer(port);
    // once it has stored something
    while (await peer.ask("R, bob") === "X");
    await first.end("SIGKILL");
    await using server = await start();
    await say(500);
    await input.close();
    assertEquals((await child.status).code, 0);
    const received = ["receive", "bob", "--wait", "60", "--count", "999"];
    assertEquals(await client(server.port, received), Array.from({ length: 999 }, (_, i) => `line ${i + 1}`));
  });

  Deno.test(`${name}: without a server it ends with an error`, { ignore }, async () => {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    const { code, out, err } = await runCommand([
      ...await command(),
      "--server",
      `127.0.0.1:${port}`,
      "receive",
      "bob",
    ]);
    socket.close();
    assertEquals({ code, out, err }, {
      code: 1,
      out: "",
      err: silence(`127.0.0.1:${port}`),
    });
  });
}
