/** What a terminal shows. */

import { assertEquals } from "@std/assert";
import { FROM_SOURCE, lacks, ServerProcess, wirepost } from "../../program.ts";
import { Terminal } from "../../e2e/terminal.ts";

const ignore = Deno.build.os === "windows" || await lacks("tmux");

const open = (...args: string[]) =>
  Terminal.open(
    `${[...FROM_SOURCE, ...args].map((arg) => `'${arg}'`).join(" ")}; echo "left with $?"; read wait`,
  );

Deno.test("wirepost send in a terminal says how to type messages", { ignore }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  await using terminal = await open("send", "bob", "--from", "alice", "--server", server.address);
  await terminal.shows("One message a line; end with Ctrl-D");
  await terminal.type("hello");
  await terminal.type("", "C-d");
  await terminal.shows("1 message stored");
  await terminal.shows("left with 0");
});

Deno.test("wirepost receive in a terminal shows control characters and obeys none", { ignore }, async () => {
  // Wirepost's own server keeps no such message, another may
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for (let i = 0; i < 3; i++) {
      const [, from] = await socket.receive();
      const mail = "N, 2026-01-31T12:00:00.000Z, alice, a\tb \x1b[31mred\x07 \x9b1m";
      await socket.send(new TextEncoder().encode(mail), from);
    }
  })();
  const receive = [
    "receive",
    "bob",
    "--basic",
    "--server",
    `127.0.0.1:${(socket.addr as Deno.NetAddr).port}`,
  ];
  await using terminal = await open(...receive);
  await terminal.shows("^[[31mred^G ^[[1m");
  await using json = await open(...receive, "--json");
  await json.shows("\\u001b[31mred\\u0007 ^[[1m");
  // a pipe gets it as it is
  const { out } = await wirepost(receive);
  assertEquals(out, "a\tb \x1b[31mred\x07 \x9b1m\n");
  await answering;
  socket.close();
});
