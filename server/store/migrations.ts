/**
 * The schema of the SQLite store, as the list of steps that lead to it. `PRAGMA user_version` is the number of steps
 * done. A step is never changed once it was released; a new one is added behind it.
 *
 * message   one row a message. `seq` grows with every message put, so that it is the order of arrival, and new rows go
 *           to the end of the table.
 * mailbox   one row a mailbox that holds, or lately held, messages, with the sums over its rows of `message`: written
 *           in the same transaction as these, so that a start needs not count them.
 * cleared   mailboxes whose rows in `message` are to be removed, piece by piece: no request sees them any more. Their
 *           numbers are not used again.
 *
 * @module
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    sender TEXT NOT NULL,
    time INTEGER NOT NULL,
    body TEXT NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX message_order ON message (mailbox, seq);
  CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE cleared (mailbox INTEGER PRIMARY KEY) STRICT;
  `,
];
