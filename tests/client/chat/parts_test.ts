/** What the chat on a terminal is made of. */

import { assertEquals } from "@std/assert";
import { AskedRequests } from "../../../client/command/chat/asked.ts";
import { colourOf, Display } from "../../../client/command/chat/display.ts";
import { Outbox } from "../../../client/command/chat/outbox.ts";
import { Positions } from "../../../client/command/chat/positions.ts";
import { Seen } from "../../../client/command/chat/seen.ts";
import { completeWord, mentions } from "../../../client/command/chat/texts.ts";
import { temporaryDirectory } from "../../program.ts";

const AROUND = ["[", "] "] as const;

Deno.test("a message is shown without control characters, in colour or without, with its time or without", () => {
  const plain = new Display({ hasColour: false, hasTimes: false });
  assertEquals(plain.message("B\x1bob", "hi\x07\u202e", AROUND, 0), "[B^[ob] hi^G<U+202E>");
  assertEquals(plain.answer("tea\nco\x1bffee"), "tea\nco^[ffee");
  assertEquals(plain.notice("a\x1bb"), "-- a^[b");
  const coloured = new Display({ hasColour: true, hasTimes: false });
  assertEquals(coloured.message("Bob", "hi", AROUND), `[\x1b[${colourOf("Bob")}mBob\x1b[0m] hi`);
  assertEquals(coloured.event("", "", " has joined"), " has joined");
  const timed = new Display({ hasColour: false, hasTimes: true });
  const day = new Date();
  day.setHours(9, 5);
  assertEquals(timed.message("Bob", "hi", AROUND, day.getTime()), "09:05 [Bob] hi");
  day.setFullYear(2001, 1, 3);
  assertEquals(timed.message("Bob", "hi", AROUND, day.getTime()), "2001-02-03 09:05 [Bob] hi");
});

Deno.test("a name always has the same colour, and not all have one", () => {
  assertEquals(["Alice", "Bob", "Carol"].map(colourOf), [96, 95, 92]);
});

Deno.test("positions are remembered by server, name and channel, and what others have written stays", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/state/positions`;
  const alice = new Positions("h:1", "Al ice", path), bob = new Positions("h:1", "Bob", path);
  assertEquals(alice.get("tea"), undefined);
  alice.set("tea", { history: "a1", number: 3 });
  bob.set("tea", { history: "a1", number: 4 });
  alice.save();
  bob.save();
  alice.set("milk\u00a0", { history: "b2", number: 1 });
  alice.set("tea", { history: "a1", number: 5 });
  alice.save();
  const again = new Positions("h:1", "Al ice", path);
  assertEquals([again.get("tea")?.number, again.get("milk\u00a0")?.history, again.get("other")], [
    5,
    "b2",
    undefined,
  ]);
  assertEquals(new Positions("h:1", "Bob", path).get("tea")?.number, 4);
  assertEquals(new Positions("h:2", "Bob", path).get("tea"), undefined);
  const kept = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `damaged\n${kept}`);
  assertEquals(new Positions("h:1", "Bob", path).get("tea")?.number, 4);
  const many = new Positions("h:1", "Bob", path);
  for (let i = 0; i < 1100; i++) many.set(`c${i}`, { history: "a1", number: i });
  many.save();
  assertEquals((await Deno.readTextFile(path)).trimEnd().split("\n").length, 1000);
  // where nothing can be remembered, nothing fails
  const nowhere = new Positions("h:1", "Bob", "/dev/null/none");
  nowhere.set("tea", { history: "a1", number: 1 });
  nowhere.save();
});

// channels.md 8.13
Deno.test("what is not known to have arrived is sent again, unless that can't be known", () => {
  const outbox = new Outbox();
  for (const text of ["one", "two ", "th\u2028ree", "four"]) outbox.sent(text);
  outbox.confirm();
  outbox.disconnected();
  assertEquals([outbox.size, outbox.isWaiting], [3, true]);
  outbox.wait("five");
  // among what was missed
  assertEquals(["one", "two", "th\ufffdree"].map((text) => outbox.hasArrived(text)), [false, true, true]);
  assertEquals(outbox.takeDoubtful(), []);
  assertEquals(outbox.takeAll(), ["four", "five"]);
  assertEquals([outbox.size, outbox.isWaiting], [0, false]);
  outbox.sent("six");
  outbox.disconnected();
  outbox.wait("seven");
  outbox.isDoubtful = true;
  assertEquals([outbox.takeDoubtful(), outbox.takeAll()], [["six"], ["seven"]]);
  let taken = 0;
  while (outbox.wait("x")) taken++;
  assertEquals(taken, 1000);
});

// channels.md 8.1, 8.7
Deno.test("answers go to what was asked first", async () => {
  const asked = new AskedRequests(), got: string[] = [];
  const note = (name: string) => ({
    text: (text: string) => got.push(`${name}: ${text}`) > 0,
    page: (page: unknown) => Promise.resolve(void got.push(`${name}: ${JSON.stringify(page)}`)),
    members: (count: number, names: readonly string[]) =>
      Promise.resolve(void got.push(`${name}: ${count} ${names}`)),
  });
  const done = [asked.add(note("first")), asked.add(note("second")), asked.add({})];
  const message = { kind: "message", number: 1, time: 0, name: "Bob", text: "hi" } as const;
  assertEquals(await asked.announced(message), false);
  assertEquals(asked.text("tea"), true);
  assertEquals(await asked.announced({ kind: "history", history: "a", entries: 2, last: 1 }), true);
  assertEquals(await asked.announced({ kind: "gap" }), true);
  assertEquals(got.length, 1);
  await asked.announced(message);
  // one that comes later is none of the page
  assertEquals(await asked.announced(message), false);
  await asked.announced({ kind: "announced", name: "Al" });
  await done[0];
  await asked.announced({ kind: "members", count: 2 });
  await asked.announced({ kind: "member", name: "Al" });
  await asked.announced({ kind: "member", name: "Bob" });
  await asked.announced({ kind: "announced", name: "Al" });
  assertEquals(asked.text("nobody asked"), false);
  asked.end();
  await Promise.all(done);
  assertEquals(got, [
    "first: tea",
    `first: ${JSON.stringify({ history: "a", entries: [{ kind: "gap" }, message], last: 1 })}`,
    "second: 2 Al,Bob",
  ]);
});

Deno.test("names and lines that were seen are remembered, and no more of them than there may be", () => {
  const seen = new Seen();
  for (const name of ["Bob", "Al", "Bob"]) seen.came(name);
  seen.spoke("Bob");
  seen.left("Bob");
  assertEquals(seen.names, [["Al", 1], ["Bob", 1]]);
  seen.left("Bob");
  seen.left("nobody");
  assertEquals(seen.names, [["Al", 1]]);
  for (let i = 0; i < 1100; i++) seen.came(`${i}`), seen.line(`line ${i}`);
  assertEquals([seen.names.length, seen.lines(5000).length, seen.lines(1), seen.lines(0)], [1000, 1000, [
    "line 1099",
  ], []]);
});

Deno.test("a word is completed to names, with a colon at the beginning of a line", () => {
  const names = ["Bob", "bobby", "Ann Lee"];
  assertEquals(completeWord("bo", names), { from: 0, candidates: ["Bob: ", "bobby: "] });
  assertEquals(completeWord("hi An", names), { from: 3, candidates: ["Ann Lee "] });
  assertEquals(completeWord("hi ", names), undefined);
});

Deno.test("a name is mentioned where it is a word of its own", () => {
  for (const text of ["Bob", "hi bob!", "(BOB)"]) assertEquals([text, mentions(text, "Bob")], [text, true]);
  for (const text of ["bobby", "kebob", "bob_"]) assertEquals([text, mentions(text, "Bob")], [text, false]);
  assertEquals([mentions("c++ is", "C++"), mentions("c is", "C++")], [true, false]);
});
