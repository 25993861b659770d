import { assertEquals } from "@std/assert";
import { Liveness } from "../../../client/session/liveness.ts";

/** How often a session may begin anew within a moment, if `done` is what the server has carried out each time. */
function restartsBefore(done: (restart: number) => number): number {
  const liveness = new Liveness();
  for (let restart = 0; restart < 100; restart++) {
    if (liveness.restart(1000, done(restart)) !== undefined) return restart;
  }
  return 100;
}

// session.md 9.7
Deno.test("a server that makes the session begin anew is given up after 16 times, unless it carries out requests meanwhile", () => {
  assertEquals(restartsBefore(() => 0), 16);
  assertEquals(restartsBefore(() => 7), 16);
  assertEquals(restartsBefore((restart) => restart), 100);
  assertEquals(restartsBefore((restart) => restart < 50 ? restart : 50), 66);
});
