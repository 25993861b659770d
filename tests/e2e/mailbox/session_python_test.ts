/** The client of the reliable session in Python, which was written from its specification alone. */

import { assertEquals } from "@std/assert";
import { lacks, runCommand, ServerProcess } from "../../program.ts";
import { testSessionClient } from "./session_client.ts";

const CLIENT = new URL("../../../client/python/wirepost.py", import.meta.url).pathname;

const ignore = await lacks("python3");

testSessionClient({
  name: "python3",
  command: () => Promise.resolve(["python3", CLIENT]),
  silence: (server) => `wirepost.py: no answer from ${server} for 10 s\n`,
  ignore,
});

Deno.test("python3: its types are right", { ignore: await lacks("mypy") }, async () => {
  const { code, out } = await runCommand(["mypy", "--strict", "--cache-dir=/dev/null", CLIENT]);
  assertEquals([code, out], [0, "Success: no issues found in 1 source file\n"]);
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
