import { assertEquals } from "@std/assert";
import { completionOf, SeenNames } from "../../../client/command/mailbox/completion.ts";

Deno.test("TAB completes the mailbox's commands, and the names that were seen", () => {
  const names = new SeenNames();
  for (const name of ["alice", "bob", "Albert", "al the great", "alice"]) names.add(name);
  const complete = completionOf(["/as", "/to", "/help", "/quit"], ["/as", "/to"], names);
  const lines = {
    "/": [0, ["/as ", "/to ", "/help", "/quit"]],
    "/H": [0, ["/help"]],
    "/to ": [4, ["alice", "al the great", "Albert", "bob"]],
    "/to al the": [4, ["al the great"]],
    "/as  x": [5, []],
    "/help al": [6, ["alice", "al the great", "Albert"]],
    "hello, B": [7, ["bob"]],
    "al": [0, ["alice", "al the great", "Albert"]],
    "hello ": [6, []],
    "": [0, []],
  } as const;
  for (const [line, [from, candidates]] of Object.entries(lines)) {
    assertEquals([line, complete(line, line.length)], [line, { from, candidates: [...candidates] }]);
  }
  // the cursor may stand before the end
  assertEquals(complete("/to b and more", 5), { from: 4, candidates: ["bob"] });
});

Deno.test("SeenNames forgets the names that were not seen for longest", () => {
  const names = new SeenNames();
  for (let i = 0; i <= 1000; i++) names.add(`name${i}`);
  assertEquals([names.beginning("name0"), names.beginning("name1000")], [[], ["name1000"]]);
});
