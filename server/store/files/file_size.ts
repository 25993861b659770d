/** Bytes of a file; undefined if there is none. @throws {Error} The system doesn't say. */
export function fileSize(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
