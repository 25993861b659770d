import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { helpOf, overview } from "../../../client/command/help.ts";
import { nearest } from "../../../client/command/nearest.ts";
import { loadCommands } from "../../../client/command/program.ts";
import { TOPICS, topicText } from "../../../client/command/topics.ts";
import { COMMANDS } from "../../../main.ts";

const commands = await loadCommands(COMMANDS);

Deno.test("the overview names every command and topic, and its summaries are no sentences", () => {
  const text = overview(commands);
  for (const { name, summary, isMore } of commands) {
    if (isMore) assertMatch(text, new RegExp(`More:[^]* ${name}[,.]`));
    else assertMatch(text, new RegExp(`^  .*${name}.* +${summary}$`, "m"));
    assert(!summary.endsWith("."), summary);
  }
  for (const topic of Object.keys(TOPICS)) assertStringIncludes(text, topic);
});

Deno.test("the help of a command shows its usage, every option that it names and an example", () => {
  for (const command of commands) {
    const help = helpOf(command), { name } = command;
    assertMatch(help, new RegExp(`^Usage: wirepost ${name} `));
    assertMatch(help, new RegExp(`\nExamples?:\n  .*wirepost ${name}`));
    for (const [option] of [...command.usage, ...command.examples].join("\n").matchAll(/--[a-z-]+/g)) {
      assertStringIncludes(help, `\n  ${option}`, `${name}: ${option}`);
    }
    for (const [option, { hidden }] of Object.entries(command.options)) {
      assertEquals(help.includes(`\n  --${option}`), !hidden, `${name}: --${option}`);
    }
  }
});

Deno.test("no line of help is longer than 100 columns, and no line of a topic than 80", async () => {
  for (const text of [overview(commands), ...commands.map(helpOf)]) {
    for (const line of text.split("\n")) assert([...line].length <= 100, line);
  }
  for (const topic of Object.keys(TOPICS)) {
    const text = await topicText(topic, []);
    assertMatch(text, new RegExp(`^${topic.toUpperCase()}: `));
    for (const line of text.split("\n")) assert([...line].length <= 80, line);
  }
});

Deno.test("every file of topics/ is a topic", async () => {
  const files = await Array.fromAsync(
    Deno.readDir(new URL("../../../client/command/topics/", import.meta.url)),
  );
  const topics = Object.keys(TOPICS).map((topic) => `${topic}.txt`);
  assertEquals(files.map(({ name }) => name).toSorted(), topics.toSorted());
});

Deno.test("nearest() finds what a typing error was meant as, and nothing for another word", () => {
  const known = ["send", "receive", "status", "requeue", "remove-channel"];
  for (
    const [typed, meant] of [
      ["sned", "send"],
      ["SEND", "send"],
      ["sen", "send"],
      ["recieve", "receive"],
      ["stat", "status"],
      ["reqeue", "requeue"],
      ["remove-chanel", "remove-channel"],
    ]
  ) assertEquals(nearest(typed!, known), meant);
  for (const typed of ["", "x", "sing", "re", "sendmail", "channel"]) {
    assertEquals(nearest(typed, known), undefined, typed);
  }
});
