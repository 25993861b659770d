/**
 * Standard output and standard error. A call resolves when all of its text is written.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Whether the terminal would show control sequences instead of obeying them. */
export function isDumb(): boolean {
  return Deno.env.get("TERM") === "dumb";
}

/** Writes text or bytes to standard output: results. */
export function write(data: string | Uint8Array): Promise<void> {
  return writeAll(Deno.stdout, data);
}

/** Writes text or bytes to standard error: everything that is no result. */
export function writeError(data: string | Uint8Array): Promise<void> {
  return writeAll(Deno.stderr, data);
}

/** Writes a line to standard error that names the command. A server may have chosen a part of it: it is escaped. */
export function report(command: string, text: string): Promise<void> {
  return writeError(`wirepost ${command}: ${escapeControls(text)}\n`);
}

async function writeAll(stream: { write(bytes: Uint8Array): Promise<number> }, data: string | Uint8Array) {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  // a pipe may take less than it is given
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** Columns and rows of the terminal. */
export interface Size {
  columns: number;
  rows: number;
}

/** The size of the terminal; 80 columns and 24 rows where it is not known. */
export function terminalSize(): Size {
  let { columns, rows } = { columns: 0, rows: 0 };
  try {
    ({ columns, rows } = Deno.consoleSize());
  } catch {
    // no terminal, or one that has gone
  }
  // some terminals report 0
  return { columns: columns > 1 ? columns : 80, rows: rows > 1 ? rows : 24 };
}

/** Bytes of one write of {@linkcode tryWrite}: at most this much is on its way when it is given up. */
const CHUNK_BYTES = 16 * 1024;

/**
 * Writes texts to standard output, as if in one write. If it fails, returns how many of them were written whole, and
 * why it failed.
 *
 * @param givenUp Resolves when no reader is waited for any more.
 */
export async function tryWrite(
  texts: readonly string[],
  givenUp?: Promise<void>,
): Promise<{ taken: number; error?: unknown }> {
  const bytes = encoder.encode(texts.join(""));
  const timeout = givenUp?.then((): number => {
    throw new Error("Cannot write: nobody reads standard output");
  });
  timeout?.catch(() => {});
  let at = 0;
  try {
    while (at < bytes.length) {
      const written = Deno.stdout.write(
        bytes.subarray(at, timeout === undefined ? undefined : at + CHUNK_BYTES),
      );
      at += await (timeout === undefined ? written : Promise.race([written, timeout]));
    }
    return { taken: texts.length };
  } catch (error) {
    let taken = 0;
    for (let end = 0; taken < texts.length; taken++) {
      end += encoder.encode(texts[taken]!).length;
      if (end > at) break;
    }
    return { taken, error };
  }
}

/** A line of a result as standard output gets it: a program gets the text as it is, a terminal gets it escaped. */
export function outputLine(text: string): string {
  return `${Deno.stdout.isTerminal() ? escapeControls(text) : text}\n`;
}

/** The text with a line end, which is added if there is none. */
export function withLineEnd(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/**
 * Text from others, safe to show: control characters except TAB as `^X`, so that the terminal obeys none, and what
 * breaks lines or changes the direction of text as `<U+202E>`, so that it can't look like another text.
 */
export function escapeControls(text: string): string {
  return text.replace(/[^\P{Cc}\t]|[\u2028-\u202e\u2066-\u2069]/gu, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    if (code === 0x7f) return "^?";
    return code < 0xa0 ? `^[${String.fromCharCode(code - 0x40)}` : `<U+${code.toString(16).toUpperCase()}>`;
  });
}
