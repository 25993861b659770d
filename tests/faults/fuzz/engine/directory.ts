/** Directories for one input: in memory where the system has such a place, because a disk would take most of the time. */

const MEMORY = "/dev/shm";

/** A new directory. The caller removes it. */
export function newDirectory(): string {
  const prefix = "wirepost-fuzz-";
  try {
    return Deno.makeTempDirSync({ prefix, dir: MEMORY });
  } catch {
    // it is not there, or not ours to write to
    return Deno.makeTempDirSync({ prefix });
  }
}
