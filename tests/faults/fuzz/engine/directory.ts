/** Directories for one input: in memory where the system has such a place, because a disk would take most of the time. */

const MEMORY = "/dev/shm";

function hasMemory(): boolean {
  try {
    return Deno.statSync(MEMORY).isDirectory;
  } catch {
    return false;
  }
}

/** A new directory. The caller removes it. */
export function newDirectory(): string {
  return Deno.makeTempDirSync({ prefix: "wirepost-fuzz-", ...hasMemory() ? { dir: MEMORY } : {} });
}
