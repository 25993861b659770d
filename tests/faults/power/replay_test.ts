import { assertEquals } from "@std/assert";
import { Disk } from "./disk.ts";
import { stepsOf } from "./replay.ts";
import type { Call } from "./trace.ts";

/** Text as strace writes it with `-xx`. */
function hex(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(
    "",
  );
}

function call(name: string, args: string, result: number, began: number, ended = began): Call {
  return { name, thread: "1", args, result, began, ended, time: began };
}

Deno.test("a descriptor that another call had, and gave back, while a file is opened is that of the file", () => {
  const disk = new Disk(), journal = `3<${hex("/data/journal")}>`, spare = `4<${hex("/data/spare")}>`;
  const steps = stepsOf(
    [
      call("openat", `AT_FDCWD, "${hex("/data/journal")}", O_WRONLY|O_CREAT, 0600`, 3, 1),
      call("write", `${journal}, "${hex("records")}", 7`, 7, 2),
      // while the second file is opened, a copy of the first one's descriptor comes and goes
      call("openat", `AT_FDCWD, "${hex("/data/spare")}", O_WRONLY|O_CREAT, 0600`, 4, 3, 7),
      call("fcntl", `${journal}, F_DUPFD_CLOEXEC, 3`, 4, 4),
      call("fdatasync", `4<${hex("/data/journal")}>`, 0, 5),
      call("write", `${spare}, "${hex("WPJL")}", 4`, 4, 8),
    ],
    "/data",
    disk,
  );
  for (const step of steps) step.run();
  assertEquals([disk.sizeOf("journal"), disk.sizeOf("spare")], [7, 4]);
});
