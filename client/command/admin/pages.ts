/** Reads answers of the administrator's commands that take several datagrams. */

/** Sends a command. Returns the fields or rows of the answer. */
export type Control = (command: string) => Promise<string[]>;

/** Rows of a list, and bytes of one that is kept, beyond which the server is one that never ends it. */
const MAX_ROWS = 10_000_000, MAX_KEPT_CHARACTERS = 64 * 1024 * 1024;

/**
 * The pages of an answer, with the empty one that ends it.
 *
 * @param next The command for the page behind these rows; `rows` is how many have come.
 * @throws {Error} The list does not end.
 */
export async function* pagesOf(
  control: Control,
  first: string,
  next: (page: string[], rows: number) => string,
): AsyncGenerator<string[], void> {
  let command = first, rows = 0, page: string[];
  do {
    page = await control(command);
    rows += page.length;
    if (rows > MAX_ROWS) throw endless();
    yield page;
    if (page.length > 0) command = next(page, rows);
  } while (page.length > 0);
}

/**
 * All rows of an answer.
 *
 * @param next As for {@linkcode pagesOf}.
 * @throws {Error} The list does not end, or is too long to be kept.
 */
export async function allRows(
  control: Control,
  first: string,
  next: Parameters<typeof pagesOf>[2],
): Promise<string[]> {
  const all: string[] = [];
  let characters = 0;
  for await (const page of pagesOf(control, first, next)) {
    for (const row of page) characters += row.length + 1;
    if (characters > MAX_KEPT_CHARACTERS) throw endless();
    all.push(...page);
  }
  return all;
}

/** A list that is read on by how many rows were shown: `status`, `status, 20`. */
export function skipping(command: string): [first: string, next: (page: string[], rows: number) => string] {
  return [command, (_, rows) => `${command}, ${rows}`];
}

function endless(): Error {
  return new Error("Cannot read on: the server sends a list without an end");
}

/**
 * The time in a row, in milliseconds since 1970.
 *
 * @throws {Error} It is none: the server is another version.
 */
export function timeIn(row: string, field: string | undefined): Date {
  const time = new Date(Number(field));
  if (Number.isNaN(time.getTime())) throw unreadable(row);
  return time;
}

/** The error for a row that has not the form that it has in this version. */
export function unreadable(row: string): Error {
  return new Error(`Cannot read the server's answer: '${row}'`);
}
