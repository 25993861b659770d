import { assert, assertEquals } from "@std/assert";
import { exchanges, TRANSCRIPTS } from "../../server/store/forum/forum_transcripts.ts";
import { ForumModel, ForumUser } from "../../faults/forum/model.ts";
import { seeds, simulate } from "./simulated_forum.ts";

/** Commands of all users together. */
const COMMANDS = 100;

for (const [name, transcript] of Object.entries(TRANSCRIPTS)) {
  // forum.md 2.1
  Deno.test(`on a bad network, whose server is killed: ${name}`, async () => {
    for (const seed of seeds()) {
      await simulate(seed, async (forum) => {
        for (const { user, typed, told } of exchanges(transcript)) {
          assertEquals(await forum.say(user, typed), told, `${user}> ${typed}`);
        }
      });
    }
  });
}

// forum.md 3.2, 3.3
Deno.test("a thread of many pages and a text of many datagrams are read whole on a bad network", async () => {
  const long = "Ω✓ and so on ".repeat(800).trim();
  for (const seed of seeds()) {
    const { network: { counts }, kills, longest } = await simulate(seed, async (forum) => {
      await forum.say("yoda", "CRT a");
      const lines: string[] = [];
      for (let i = 1; i <= 150; i++) {
        const text = i % 40 === 0 ? `${i} ${long}` : `${i}`;
        assertEquals(await forum.say("yoda", `MSG a ${text}`), ["Message posted to a thread"]);
        lines.push(`${i} yoda: ${text}`);
      }
      assertEquals(await forum.say("hans", "RDT a"), lines);
      assertEquals(await forum.say("yoda", `EDT a 40 better ${long}`), ["The message has been edited"]);
      lines[39] = `40 yoda: better ${long}`;
      assertEquals(await forum.say("hans", "RDT a"), lines);
    });
    // else it would prove less than it says
    assert(counts.lost > 50 && counts.repeated > 50 && counts.reordered > 50 && kills > 5);
    assert(longest > 1100, `a longest datagram of ${longest} bytes`);
  }
});

// forum.md 2.1, 3.4
Deno.test("several users who write, change, delete and read at once see each command carried out once", async () => {
  for (const seed of seeds()) {
    await simulate(seed, async (forum) => {
      const model = new ForumModel(2, 2, false), names = Array.from({ length: 5 }, (_, i) => `user${i}`);
      const work = async () => {
        const founder = await forum.of("founder");
        await model.found(founder);
        const users = await Promise.all(
          names.map(async (name, i) => new ForumUser(model, await forum.of(name), name, seed * 100 + i, "")),
        );
        await Promise.all(users.map((user) => user.work(() => model.commands < COMMANDS)));
        await model.check(founder);
      };
      await forum.run(work(), COMMANDS * 1000, "the users have no answers any more");
    });
  }
});
