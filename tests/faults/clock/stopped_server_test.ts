/** A server that is stopped and continued, as by SIGSTOP or a machine that slept. */

import { assertEquals, assertMatch } from "@std/assert";
import { Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FULL } from "../form.ts";

/** Milliseconds for which it is stopped: longer than the lease, and than the store waits for a confirmation. */
const STOPPED = FULL ? 70_000 : 6000;

// session.md 6.15
Deno.test("what arrived while the server was stopped is read before leases end and sessions are forgotten", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start(["mailbox", "0", "--data", directory.path]);
  using peer = new Peer(server.port);
  const id = "A".repeat(22);
  const [, startId, cookie] = /^P1< \S+ (\w{8}) (\w{28}) 0$/.exec(await peer.ask(`P1> ${id} - - 1`))!;
  const begin = `P1> ${id} ${startId} ${cookie}`;
  const ask = async (low: number, ...lines: string[]) => {
    const answer = await peer.ask([`${begin} ${low}`, ...lines].join("\n"));
    return answer.split("\n").slice(1).join("\n");
  };
  assertEquals(await ask(1, "put,1,bob,alice,,,one", "put,2,bob,alice,,,two"), "ok,1-2");
  const [, token, one] = /^msg,1,1,1,(\w{16}),(\d+),1,/.exec(await ask(3, "lease,1,bob,1,5000,0"))!;
  // this one is not confirmed
  const [, other, two] =
    /^msg,2,1,1,(\w{16}),(\d+),1,/.exec(await ask(3, "got,1", "lease,2,bob,1,30000,0"))! ??
      /msg,2,1,1,(\w{16}),(\d+),1,/.exec(await peer.receive())!;

  Deno.kill(server.pid, "SIGSTOP");
  try {
    await peer.send(`${begin} 3\nextend,3,${token},30000\nack,4,${other},${two}`);
    await new Promise((resolve) => setTimeout(resolve, STOPPED));
  } finally {
    Deno.kill(server.pid, "SIGCONT");
  }
  for (let answer = ""; !answer.includes("ok,3-4");) {
    answer = await peer.receive();
    assertMatch(answer, /^P1< \S+ \w{8} - \d+(\n(msg,|got,|ok,).*)*$/);
  }
  // the message is still this session's
  assertEquals(await ask(5, `ack,5,${token},${one}`), "ok,5");
});
