/** The client of the reliable session in Python, which was written from its specification alone. */

import { assertEquals } from "@std/assert";
import { UdpProxy } from "../../faults/udp_proxy.ts";
import { freePort } from "../../ports.ts";
import { lacks, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";

const CLIENT = new URL("../../../client/python/wirepost.py", import.meta.url).pathname;

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

const ignore = await lacks("python3");

/** Runs the script, its standard input these lines; gives the lines that it prints. */
async function client(port: number, args: string[], lines: readonly string[] = []): Promise<string[]> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { code, out, err } = await runCommand(["python3", CLIENT, "--server", `127.0.0.1:${port}`, ...args], {
    input,
    env: { PYTHONIOENCODING: "utf-8" },
  });
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.split("\n").slice(0, -1);
}

Deno.test("python3: what a session puts a session receives, byte for byte", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  assertEquals(await client(server.port, ["send", "bob", "--as", "alice"], TEXTS), []);
  assertEquals(
    await client(server.port, ["receive", "bob", "--wait", "10", "--count", `${TEXTS.length}`]),
    TEXTS,
  );
});

Deno.test("python3: what a session puts the original wire takes, byte for byte", { ignore }, async () => {
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

Deno.test("python3: what the original wire puts a session receives, byte for byte", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  using peer = new Peer(server.port);
  for (const text of TEXTS) await peer.send(`F, bob, alice, ${text}`);
  // the answer comes when the puts before it were carried out
  assertEquals(await peer.ask("R, nobody"), "X");
  assertEquals(
    await client(server.port, ["receive", "bob", "--wait", "10", "--count", `${TEXTS.length}`]),
    TEXTS,
  );
});

Deno.test("python3: 5,000 lines come out in the order in which they went in", { ignore }, async () => {
  await using data = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", data.path]);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ✓`);
  await client(server.port, ["send", "bob", "--as", "alice"], lines);
  assertEquals(
    await client(server.port, ["receive", "bob", "--wait", "10", "--count", `${lines.length}`]),
    lines,
  );
});

/** Runs a program that imports the client, and gives what it prints. */
async function program(port: number, text: string): Promise<string> {
  const { code, out, err } = await runCommand(["python3", "-c", text, `${port}`], {
    env: {
      PYTHONPATH: CLIENT.replace(/\/[^/]*$/, ""),
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONIOENCODING: "utf-8",
    },
  });
  assertEquals({ code, err }, { code: 0, err: "" });
  return out;
}

Deno.test(
  "python3: over a network that loses, repeats and reorders, each message arrives once and in order",
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
    const batches = ["--wait", "10", "--count", `${lines.length}`];
    assertEquals(await client(proxy.port, ["receive", "bob", ...batches]), lines);
    using peer = new Peer(server.port);
    assertEquals(await peer.ask("R, bob"), "X");
  },
);

Deno.test(
  "python3: a program releases, fails and extends, and counts what there is",
  { ignore },
  async () => {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
    const out = await program(
      server.port,
      `
import sys
from wirepost import Mailbox, Refused
with Mailbox(port=int(sys.argv[1])) as mailbox:
    for text in ("one", "two", "three"):
        mailbox.send("bob", "alice", text)
    mailbox.send("bob", "alice", "later", delay=3600)
    for message in mailbox.receive("bob", count=1):
        print(message.sender, message.text, message.attempt)
        message.extend(30)
        message.release()
    for message in mailbox.receive("bob", count=2, batch=2):
        print(message.text, message.attempt)
        if message.text == "one":
            message.fail("no use", attempts=1)
        else:
            message.ack()
    for message in mailbox.receive("bob", batch=9):
        print(message.text)
        break
    print(sorted(mailbox.stat("bob").items()))
    for refused in (lambda: mailbox.send("bob", "admin", "x"), lambda: message.ack(), lambda: mailbox.send("b", "a", "x\\ny")):
        try:
            refused()
        except Refused as error:
            print(error)
`,
    );
    const rest = out.split("\n").slice(6);
    assertEquals(out.split("\n").slice(0, 6), [
      "alice one 1",
      "one 1",
      "two 1",
      "three",
      "[('bytes', 10), ('dead', 1), ('delayed', 1), ('leased', 1), ('messages', 2), ('ready', 0)]",
      `127.0.0.1:${server.port} refuses it: bad sender`,
    ]);
    assertEquals(rest, ["the text has control characters: a line is a message", ""]);
  },
);

Deno.test(
  "python3: a full mailbox is tried for a while, and what was refused is withdrawn",
  { ignore },
  async () => {
    await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--mailbox-messages", "2"]);
    const out = await program(
      server.port,
      `
import sys
from wirepost import Full, Mailbox
with Mailbox(port=int(sys.argv[1])) as mailbox:
    try:
        mailbox.send_all([("bob", "alice", text) for text in ("one", "two", "three")], wait=0.3)
    except Full as error:
        print(error)
    mailbox.send("carol", "alice", "goes on")
    print([message.text for message in mailbox.receive("bob")], [m.text for m in mailbox.receive("carol")])
`,
    );
    assertEquals(out, `127.0.0.1:${server.port} had no room for it in time\n['one', 'two'] ['goes on']\n`);
  },
);

Deno.test("python3: a restart of the server loses nothing and repeats nothing", { ignore }, async () => {
  await using data = await temporaryDirectory();
  const port = freePort();
  const start = () => ServerProcess.start(["mailbox", `${port}`, "--data", data.path]);
  const first = await start();
  const child = new Deno.Command("python3", {
    args: [CLIENT, "--server", `127.0.0.1:${port}`, "send", "bob", "--as", "alice"],
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
  const received = ["receive", "bob", "--wait", "10", "--count", "999"];
  assertEquals(await client(server.port, received), Array.from({ length: 999 }, (_, i) => `line ${i + 1}`));
});

Deno.test("python3: without a server it ends with an error", { ignore }, async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const { code, out, err } = await runCommand([
    "python3",
    CLIENT,
    "--server",
    `127.0.0.1:${port}`,
    "receive",
    "bob",
  ]);
  socket.close();
  assertEquals({ code, out, err }, {
    code: 1,
    out: "",
    err: `wirepost.py: no answer from 127.0.0.1:${port} for 10 s\n`,
  });
});
