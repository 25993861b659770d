/**
 * Why the system does not give a file or take it, as the end of an error that has named the file. Deno's own text has the
 * system's number behind it, the call, and the name once more.
 */
export function fileError(error: unknown): string {
  const { message } = error as Error;
  const [, why] = /^(.+) \(os error \d+\)/.exec(message) ?? [];
  return why === undefined ? message : why[0]!.toLowerCase() + why.slice(1);
}
