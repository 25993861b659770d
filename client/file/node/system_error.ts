/** The error as Deno words it, which `fileError` takes apart: what the system calls it, its number, and the call. */
function systemError(error: unknown): unknown {
  const { errno, code, message } = error as NodeJS.ErrnoException;
  const [, text] = process.getBuiltinModule("node:util").getSystemErrorMap().get(errno ?? 0) ?? [];
  if (text === undefined) return error;
  const call = message.replace(`${code}: ${text}, `, "");
  const worded = new Error(`${text[0]!.toUpperCase()}${text.slice(1)} (os error ${-errno!}): ${call}`, {
    cause: error,
  });
  return Object.assign(worded, { code });
}

/** Does it, and words an error of the system. */
export async function withSystemError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw systemError(error);
  }
}

/** The same, at once. */
export function withSystemErrorSync<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw systemError(error);
  }
}
