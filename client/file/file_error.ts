/** Why a file operation failed, without what Deno adds: the system's error number, the call, and the file's name. */
export function fileError(error: unknown): string {
  const { message } = error as Error;
  const [, why] = /^(.+) \(os error \d+\)/.exec(message) ?? [];
  return why === undefined ? message : why[0]!.toLowerCase() + why.slice(1);
}
