import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { CHECKED_COLUMNS, checkedColumns, type CheckedTable, isWhole } from "../database/checksum.ts";
import { DATABASE_FILE } from "../database/database.ts";
import { exactRow, firstRow } from "../database/statements.ts";
import { isWholeLetter, type Letter } from "../engine/message/dead_letters.ts";
import { isWholeLease, type LeaseRow } from "../engine/message/rows/lease_rows.ts";
import {
  DELAYED_COLUMNS,
  type DelayedMessage,
  isWholeDelayed,
} from "../engine/message/rows/delayed_messages.ts";
import {
  isWhole as isWholeMessage,
  STORED_COLUMNS,
  type StoredMessage,
} from "../engine/message/rows/message_rows.ts";
import type { Check } from "./finding.ts";

/** How the rows of a table are checked. */
interface RowCheck {
  query: string;
  isWhole(row: never): boolean;
  /** What names a row. */
  key: readonly string[];
  /** What a server does with one that is damaged. */
  means: string;
  todo: string;
}

const NOT_GIVEN = "it is not given out, and becomes a dead letter when it is come across";
const LOOK = "see 'wirepost admin dead'; the message is in a backup, if there is one";

const MESSAGES: Readonly<Record<string, RowCheck>> = {
  message: {
    query: `SELECT ${STORED_COLUMNS.split(", ").map((column) => `message.${column}`).join(", ")},
      coalesce(mailbox.name, '') AS name, cleared.mailbox AS cleared FROM message
      LEFT JOIN mailbox ON mailbox.id = message.mailbox LEFT JOIN cleared ON cleared.mailbox = message.mailbox`,
    // nobody sees what was cleared, and its mailbox has no name any more
    isWhole: (row: StoredMessage & { name: string; cleared: number | null }) =>
      row.cleared !== null || isWholeMessage(row.name, row),
    key: ["seq"],
    means: NOT_GIVEN,
    todo: LOOK,
  },
  delayed: {
    query: `SELECT ${DELAYED_COLUMNS} FROM delayed`,
    isWhole: (row: DelayedMessage) => isWholeDelayed(row),
    key: ["id"],
    means: NOT_GIVEN,
    todo: LOOK,
  },
  dead: {
    query: "SELECT * FROM dead",
    isWhole: (row: Letter) => row.reason !== "damaged" && isWholeLetter(row),
    key: ["id"],
    means: "this dead letter is not requeued",
    todo: "'wirepost admin delete ID' removes it; the message is in a backup, if there is one",
  },
  lease: {
    query: "SELECT * FROM lease",
    isWhole: (row: LeaseRow) => isWholeLease(row),
    key: ["token"],
    means: "a start ends this lease, and gives its messages out again",
    todo: "nothing",
  },
};

const KEYS: Readonly<Record<CheckedTable, readonly string[]>> = {
  session: ["id"],
  outcome: ["session", "number"],
  account: ["name"],
  thread: ["title"],
  entry: ["thread", "id"],
  content: ["thread", "name"],
  channel: ["name"],
  said: ["channel", "seq"],
  position: [],
  configuration: [],
  epoch: [],
  engine: [],
  covering: ["mailbox"],
  request_key: ["key"],
};

const NO_START = "a server does not start";

const MEANS: Readonly<Record<CheckedTable, string>> = {
  session: "its client is answered that its session is unknown",
  outcome: "its client is answered that its session is unknown",
  account: "nobody can log in to it",
  thread: "it is not shown",
  entry: "it is not shown",
  content: "the file cannot be downloaded",
  channel: "the channel begins anew",
  said: "the channel's history begins behind it",
  position: NO_START,
  configuration: NO_START,
  epoch: NO_START,
  engine: NO_START,
  covering: "a start removes it",
  request_key: "a repeated request with this key is refused",
};

/** Compares every row that has a checksum with it (store 7.1). */
export function checkRows(
  check: Check,
  db: DatabaseSync,
  attempt: (place: string, read: () => void) => void,
) {
  const tables = Object.keys(CHECKED_COLUMNS) as CheckedTable[];
  const others = tables.map((table): [string, RowCheck] => [table, {
    query: `SELECT ${checkedColumns(table)} FROM ${table}`,
    isWhole: (row: Parameters<typeof isWhole>[1]) => isWhole(table, row),
    key: KEYS[table],
    means: MEANS[table],
    todo: "restore a backup if you need it",
  }]);
  let unchecked = 0;
  for (const [table, { query, isWhole, key, means, todo }] of [...Object.entries(MESSAGES), ...others]) {
    attempt(table, () => {
      let rows = 0;
      const statement = db.prepare(query);
      // a number of a damaged row may be any
      statement.setReadBigInts(true);
      for (const read of statement.iterate() as Iterable<Record<string, SQLOutputValue>>) {
        const row = exactRow(read);
        rows++;
        if (table in MESSAGES && table !== "lease") check.totals.messages++;
        if (row.checksum === null && key.length > 0 && !row.cleared) unchecked++;
        if (isWhole(row as never)) continue;
        const place = [table, ...key.map((column) => row[column])].join(" ");
        check.damage(DATABASE_FILE, place, `this row is not as it was written: ${means}`, todo);
      }
      // where SQLite fails, the iterator ends as if there was no more
      const { count } = firstRow<{ count: number }>(db.prepare(`SELECT count(*) AS count FROM ${table}`))!;
      if (rows !== count) {
        check.damage(DATABASE_FILE, table, `${count - rows} of its ${count} rows cannot be read`);
      }
    });
  }
  if (unchecked === 0) return;
  const rows = unchecked === 1 ? "1 row has" : `${unchecked} rows have`;
  const what = `${rows} no checksum yet: the version before the journal wrote them`;
  check.note(DATABASE_FILE, "", what, "nothing: a server that runs gives them one");
}
