import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { DATABASE_FILE } from "../database/database.ts";
import { allRows } from "../database/statements.ts";
import { type Check, RESTORE } from "./finding.ts";

/** Something that rows say of each other. */
interface Rule {
  table: string;
  what: string;
  /** Gives a row for each place where it does not hold: what names it, and what is wrong in figures, if anything. */
  query: string;
  todo?: string;
}

const COUNTS_TODO = "the limits count wrongly; " + RESTORE;

/** Rules that hold at every checkpoint. `key` names the row. */
const RULES: readonly Rule[] = [
  ...[
    "position",
    "sequence",
    "taken",
    "epoch",
    "engine",
    "forgotten_times",
    "channels_complete",
    "checksums_complete",
  ].map((
    table,
  ): Rule => ({
    table,
    what: "it has to have one row",
    query: `SELECT '' AS key, found FROM (SELECT count(*) AS found FROM ${table}) WHERE found <> 1`,
  })),
  {
    table: "configuration",
    what: "it has to have one row at most, in JSON",
    query: `SELECT '' AS key, found
      FROM (SELECT count(*) AS found, min(json_valid(text)) AS isValid FROM configuration)
      WHERE found > 1 OR isValid = 0`,
  },
  {
    table: "sequence",
    what: "a message has a higher number",
    query: `SELECT '' AS key, last AS found, highest FROM sequence, (SELECT max(
        coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(id) FROM delayed), 0),
        coalesce((SELECT max(id) FROM dead), 0)) AS highest) WHERE last < highest`,
  },
  {
    table: "sqlite_sequence",
    what: "a row has a higher number",
    query: `SELECT name AS key, seq AS found FROM sqlite_sequence WHERE seq < (CASE name
        WHEN 'mailbox' THEN max(coalesce((SELECT max(id) FROM mailbox), 0), coalesce((SELECT max(mailbox) FROM cleared), 0))
        WHEN 'thread' THEN max(coalesce((SELECT max(id) FROM thread), 0), coalesce((SELECT max(thread) FROM removed), 0))
        ELSE 0 END)`,
  },
  {
    table: "mailbox",
    what: "what it counts is not what it holds",
    query: `SELECT name AS key, messages AS counted, bytes AS countedBytes, held, heldBytes FROM (
        SELECT name, messages, bytes, coalesce(stored.n, 0) + coalesce(waiting.n, 0) AS held,
          coalesce(stored.b, 0) + coalesce(waiting.b, 0) AS heldBytes FROM mailbox
        LEFT JOIN (SELECT mailbox, count(*) AS n, sum(bytes) AS b FROM message GROUP BY mailbox) AS stored
          ON stored.mailbox = mailbox.id
        LEFT JOIN (SELECT mailbox, count(*) AS n, sum(bytes) AS b FROM delayed GROUP BY mailbox) AS waiting
          ON waiting.mailbox = mailbox.name)
      WHERE counted <> held OR countedBytes <> heldBytes`,
    todo: COUNTS_TODO,
  },
  {
    table: "mailbox_owner",
    what: "what it counts is not what the owner has in the mailbox",
    query: `SELECT mailbox.name AS key, other.owner, other.messages AS counted, coalesce(n, 0) AS held
      FROM mailbox_owner AS other JOIN mailbox ON mailbox.id = other.mailbox
      LEFT JOIN (SELECT mailbox, owner, sum(n) AS n, sum(b) AS b FROM (
          SELECT mailbox, owner, count(*) AS n, sum(bytes) AS b FROM message GROUP BY mailbox, owner
          UNION ALL SELECT mailbox.id, delayed.owner, count(*), sum(delayed.bytes) FROM delayed
            JOIN mailbox ON mailbox.name = delayed.mailbox GROUP BY mailbox.id, delayed.owner
        ) GROUP BY mailbox, owner) AS held ON held.mailbox = other.mailbox AND held.owner = other.owner
      WHERE other.owner <> mailbox.owner AND (other.messages <> coalesce(n, 0) OR other.bytes <> coalesce(b, 0))`,
    todo: COUNTS_TODO,
  },
  {
    table: "message",
    what: "its mailbox is not there",
    query: `SELECT seq AS key, mailbox FROM message
      WHERE mailbox NOT IN (SELECT id FROM mailbox UNION ALL SELECT mailbox FROM cleared)`,
  },
  {
    table: "message",
    what: "its owner is not there",
    query: `SELECT seq AS key, owner FROM message WHERE owner <> 0 AND owner NOT IN (SELECT id FROM owner)
      AND mailbox NOT IN (SELECT mailbox FROM cleared)`,
  },
  {
    table: "message",
    what: "whether it is too long for a take is noted wrongly",
    query: `SELECT seq AS key, long FROM message
      WHERE long <> (octet_length(sender) + octet_length(text) > (SELECT bytes FROM taken))`,
  },
  {
    table: "delayed",
    what: "its mailbox is not there",
    query: "SELECT id AS key, mailbox FROM delayed WHERE mailbox NOT IN (SELECT name FROM mailbox)",
  },
  {
    table: "delayed",
    what: "its owner is not there",
    query: "SELECT id AS key, owner FROM delayed WHERE owner <> 0 AND owner NOT IN (SELECT id FROM owner)",
  },
  {
    table: "cleared",
    what: "a mailbox that is there is to be removed",
    query: "SELECT mailbox AS key FROM cleared WHERE mailbox IN (SELECT id FROM mailbox)",
  },
  {
    table: "lease",
    what: "a message of it is not in its mailbox",
    query: `WITH RECURSIVE ids (token, mailbox, id, rest) AS (
        SELECT token, mailbox, '', messages || ' ' FROM lease
        UNION ALL SELECT token, mailbox, substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1)
          FROM ids WHERE rest <> '')
      SELECT token AS key, id AS message FROM ids WHERE id <> '' AND NOT EXISTS (
        SELECT 1 FROM message JOIN mailbox ON mailbox.id = message.mailbox
        WHERE seq = CAST(ids.id AS INTEGER) AND mailbox.name = ids.mailbox)`,
  },
  {
    table: "session",
    what: "it does not have the outcomes that it counts",
    query: `SELECT id AS key, lacking AS counted, coalesce(n, 0) AS held FROM session
      LEFT JOIN (SELECT session, count(*) AS n FROM outcome GROUP BY session) AS held ON held.session = session.id
      WHERE lacking <> coalesce(n, 0)`,
  },
  {
    table: "outcome",
    what: "its session is not there",
    query: "SELECT session AS key, number FROM outcome WHERE session NOT IN (SELECT id FROM session)",
  },
  {
    table: "account",
    what: "the last message before it is beyond all that there were",
    query: "SELECT name AS key, last FROM account WHERE last > (SELECT last FROM sequence)",
  },
  {
    table: "thread",
    what: "what it counts is not what it has",
    query:
      `SELECT title AS key, entries AS counted, bytes AS countedBytes, coalesce(n, 0) AS held, coalesce(b, 0) AS heldBytes
      FROM thread LEFT JOIN (SELECT thread, count(*) AS n, sum(bytes) AS b, max(id) AS highest FROM entry GROUP BY thread)
        AS held ON held.thread = thread.id
      WHERE entries <> coalesce(n, 0) OR bytes <> coalesce(b, 0) OR last < coalesce(highest, 0)`,
    todo: COUNTS_TODO,
  },
  {
    table: "thread_owner",
    what: "what it counts is not what the user has in the thread",
    query: `SELECT title AS key, user, other.entries AS counted, coalesce(n, 0) AS held
      FROM thread_owner AS other LEFT JOIN thread ON thread.id = other.thread
      LEFT JOIN (SELECT thread, user, count(*) AS n, sum(bytes) AS b FROM entry GROUP BY thread, user) AS held
        USING (thread, user)
      WHERE thread.id IS NULL OR other.entries <> coalesce(n, 0) OR other.bytes <> coalesce(b, 0)`,
    todo: COUNTS_TODO,
  },
  {
    table: "rank",
    what: "the positions of the thread's messages are counted wrongly",
    query: `SELECT thread AS key, level, block FROM (
        SELECT thread, level, block, count FROM rank WHERE thread IN (SELECT id FROM thread)
        UNION ALL SELECT thread, 0, id / 64, -count(*) FROM entry WHERE NOT file GROUP BY thread, id / 64
        UNION ALL SELECT thread, 1, id / 4096, -count(*) FROM entry WHERE NOT file GROUP BY thread, id / 4096)
      WHERE thread IN (SELECT id FROM thread) GROUP BY thread, level, block HAVING sum(count) <> 0`,
  },
  {
    table: "entry",
    what: "its thread is not there",
    query: `SELECT thread || ' ' || id AS key FROM entry
      WHERE thread NOT IN (SELECT id FROM thread UNION ALL SELECT thread FROM removed)`,
  },
  {
    table: "entry",
    what: "the content of this file has no row",
    query: `SELECT thread || ' ' || id AS key, text AS file FROM entry WHERE file
      AND NOT EXISTS (SELECT 1 FROM content WHERE content.thread = entry.thread AND name = text)
      AND thread NOT IN (SELECT thread FROM removed)`,
  },
  {
    table: "content",
    what: "no entry of a thread has this file",
    query: `SELECT thread || ' ' || name AS key FROM content
      WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.thread = content.thread AND file AND text = name)
      AND thread NOT IN (SELECT thread FROM removed)`,
  },
  {
    table: "removed",
    what: "a thread that is there is to be removed",
    query: "SELECT thread AS key FROM removed WHERE thread IN (SELECT id FROM thread)",
  },
  {
    table: "unused",
    what: "a content that a file has is to be removed",
    query: "SELECT content AS key FROM unused WHERE content IN (SELECT content FROM content)",
  },
  {
    table: "said",
    what: "its channel is not there",
    query: "SELECT channel || ' ' || seq AS key FROM said WHERE channel NOT IN (SELECT id FROM channel)",
  },
];

/** Findings of one rule that are listed. */
const FINDINGS_MAX = 20;

/** Checks counts against rows, and what rows refer to. */
export function checkReferences(
  check: Check,
  db: DatabaseSync,
  attempt: (place: string, read: () => void) => void,
) {
  for (const { table, what, query, todo } of RULES) {
    attempt(table, () => {
      const statement = db.prepare(`SELECT * FROM (${query}) LIMIT ${FINDINGS_MAX}`);
      const rows = allRows<Record<string, SQLOutputValue>>(statement);
      for (const { key, ...figures } of rows) {
        const more = Object.entries(figures).map(([name, value]) => `${name} ${value}`).join(", ");
        const place = `${table} ${key}`.trim();
        check.damage(DATABASE_FILE, place, more === "" ? what : `${what}: ${more}`, todo);
      }
    });
  }
}
