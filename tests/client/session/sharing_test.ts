import { assertEquals } from "@std/assert";
import { DatagramSharing } from "../../../client/session/loss/datagram_sharing.ts";
import { putLine, Script } from "../../simulation/script.ts";

/** A text that fills a datagram. */
const FULL = "x".repeat(1060);

// session.md 9.11
Deno.test("while four datagrams are in flight, requests that do not fill another wait for an answer, or 1 ms", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 3; i++) script.put(FULL);
  assertEquals((await script.sent()).length, 3);
  // with fewer in flight, nothing waits
  script.put("a");
  assertEquals(await script.sent(), [`1 ${putLine(4, "a")}`]);
  script.put("b");
  assertEquals(await script.sent(), []);
  script.put("c");
  assertEquals(await script.sent(), []);
  script.answer("ok,1");
  assertEquals(await script.sent(), [`2 ${putLine(5, "b")} | ${putLine(6, "c")}`]);
  script.put("d");
  assertEquals(await script.sent(), []);
  assertEquals(await script.next(), [1, `2 ${putLine(7, "d")}`]);
});

Deno.test("what fills a datagram waits for nothing, and takes with it what waited before", async () => {
  const script = await new Script().open();
  for (let i = 1; i <= 4; i++) script.put(FULL);
  assertEquals((await script.sent()).length, 4);
  script.put("a");
  assertEquals(await script.sent(), []);
  script.put(FULL);
  assertEquals(await script.sent(), [`1 ${putLine(5, "a")} | ${putLine(6, FULL)}`]);
  script.put("b");
  assertEquals(await script.sent(), []);
  assertEquals(await script.next(), [1, `1 ${putLine(7, "b")}`]);
});

Deno.test("nothing is waited for any more when nothing may be sent: a time that has passed would be due again and again", () => {
  const sharing = new DatagramSharing();
  sharing.sent(0);
  sharing.begin();
  assertEquals([sharing.waits(true, 4, 0.5), sharing.deadline], [true, 1]);
  // the congestion window is smaller now, and waits() is not called
  sharing.begin();
  assertEquals(sharing.deadline, Infinity);
});
