import { assertEquals } from "@std/assert";
import { runCommand } from "../../program.ts";
import { report } from "../form.ts";

/** A file system of `mebibytes` MiB, if one can be mounted. */
export async function mount(mebibytes: number): Promise<AsyncDisposable & { path: string } | undefined> {
  const path = await Deno.makeTempDir({ prefix: "wirepost-test-" });
  const { code, err } = await runCommand(["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path])
    .catch((error) => ({ code: 1, err: String(error) }));
  if (code !== 0) {
    await Deno.remove(path);
    return report(`skipped, nothing can be mounted: ${err.trim()}`), undefined;
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      const { code, err } = await runCommand(["umount", path]);
      assertEquals(code, 0, err);
      await Deno.remove(path);
    },
  };
}
