import { assertEquals } from "@std/assert";
import { ProgressText } from "../../../client/terminal/progress_bar.ts";

const MIB = 1024 ** 2;

Deno.test("the progress line shows bar, bytes, rate and time left", () => {
  let now = 0;
  const text = new ProgressText("notes.txt", () => now);
  const size = 1024 * MIB;
  const line = (done: number, step: "hash" | "transfer" = "transfer") => {
    const progress = { step, done, size };
    text.add(progress);
    return text.text(progress);
  };
  const bar = (filled: number) => `[${"#".repeat(filled)}${" ".repeat(24 - filled)}]`;
  assertEquals(line(0, "hash"), `checking notes.txt ${bar(0)} 0 % of 1 GiB`);
  now = 1000;
  assertEquals(line(512 * MIB, "hash"), `checking notes.txt ${bar(12)} 50 % of 1 GiB 512 MiB/s 1 s left`);
  now = 2000;
  assertEquals(line(0), `notes.txt ${bar(0)} 0 % of 1 GiB`);
  now = 4000;
  assertEquals(line(8 * MIB), `notes.txt ${bar(0)} 0 % of 1 GiB 4 MiB/s 4 min 14 s left`);
  // it came to a stand for longer than the rate looks back
  for (now = 5000; now < 20_000; now += 500) line(8 * MIB);
  assertEquals(line(8 * MIB), `notes.txt ${bar(0)} 0 % of 1 GiB`);
  now = 21_000;
  assertEquals(
    line(size),
    `notes.txt ${bar(24)} 100 % of 1 GiB 203 MiB/s 0 s left`.replace("203 MiB/s", rate(size - 8 * MIB, 5000)),
  );
});

Deno.test("the progress line becomes shorter in a narrow terminal", () => {
  let now = 0;
  const text = new ProgressText("漢字.txt", () => now);
  const progress = (done: number) => ({ step: "transfer", done, size: 8 * MIB }) as const;
  text.add(progress(0));
  now = 1000;
  text.add(progress(4 * MIB));
  const line = (columns: number) => text.text(progress(4 * MIB), columns);
  const bar = `[${"#".repeat(12)}${" ".repeat(12)}]`;
  assertEquals(line(66), `漢字.txt ${bar} 50 % of 8 MiB 4 MiB/s 1 s left`);
  assertEquals(line(67), `漢字.txt ${bar} 50 % of 8 MiB 4 MiB/s 1 s left`);
  assertEquals(line(65), "漢字.txt 50 % of 8 MiB 4 MiB/s 1 s left");
  assertEquals(line(38), "漢字.txt 50 %");
  assertEquals(line(12), "50 %");
});

function rate(bytes: number, ms: number): string {
  return `${(bytes / ms * 1000 / MIB).toFixed(0)} MiB/s`;
}
