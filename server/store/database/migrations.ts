/**
 * The schema, as the list of steps that lead to it. `PRAGMA user_version` is the number of steps done. A step is never
 * changed once it was released; a new one is added at the end.
 *
 * message   one row a message. `seq` grows with every message put: it is the order of arrival. `long` is 1 if it is too
 *           long for a take, by the limit in `taken`. `due` is set while it waits for its next attempt. `token` is that
 *           of the last lease that released it, so that a late acknowledgement is recognized.
 * taken     one row: most bytes of sender and text of a message that a take gives.
 * mailbox   one row a mailbox that holds messages, or did lately, with the sums over its rows of `message` and `delayed`,
 *           so that a start needs not count them.
 * cleared   mailboxes whose rows in `message` are to be removed, piece by piece: no request sees them any more. Their
 *           numbers are not used again.
 * lease     messages that are with a session: their numbers, separated by spaces. They keep their rows. `network` and
 *           `account` are those of its session. `given` and `until` are in milliseconds of the records' monotonic clock,
 *           NULL if an earlier version gave it; `use` is which use of all leases its last one was.
 * delayed   messages that were put with a delay. They get a new number when it is over.
 * dead      dead letters. `reason` is why the last attempt failed, empty if that is not known. `apart` is 1 for a message
 *           that was put before an account covered its mailbox.
 * sequence  one row: the highest number that a message has or has had, so that none is used twice.
 * session   how far each session has come: the highest request number carried out, and how many outcomes its client may
 *           lack (`lacking`). `account` is the one that it is logged in to, `network` the one where it began, or empty.
 *           `start_time` is in milliseconds since 1970. `ended`: its client has said `bye`.
 *           `used_at` is when it was used last, in milliseconds of the records' monotonic clock, and `use` which use of
 *           all sessions that was.
 * outcome   what became of requests of a session that did not just succeed, as JSON, while its client may lack that.
 * forgotten sessions that were forgotten although their clients may go on with them, the last ones; in the order of `number`.
 * forgotten_times   one row: no forgotten session whose client may go on with it began after `latest`, and none of them
 *           that `forgotten` does not name began after `horizon`.
 * account   the verifier of a name (RFC 5803), and its `role`, `user` or `admin`. `last` is the number of the last
 *           message that was put before the account covered the mailbox of that name; NULL: it does not. `tokens` are
 *           JSON: `[{"id": …, "verifier": …, "until": milliseconds since 1970, or null}, …]`. `network` is where a client
 *           has made it, empty if the administrator has, or has confirmed it.
 * thread    one row a thread of the forum, with the sums over its rows of `entry`, and the highest ID that one ever had.
 * entry     one row a message or a file of a thread. Positions are not stored: see `thread_positions.ts`.
 * rank      how many messages there are in a block of IDs of a thread.
 * content   a file of a thread: `content` is its name on disk.
 * removed   threads whose rows are to be removed, piece by piece. Their numbers are not used again.
 * unused    contents of removed threads whose files may still be on disk.
 * channel   one row a channel. `place` is its place in the list, 0 if it is not listed; messages before `first` are gone.
 *           `history` has its history IDs, each with the number from which it holds: `ID:NUMBER`, separated by spaces.
 * measure   what the administrator has done against a name or a network: `what` is `ban` or `mute`. `since` and `until`
 *           are in milliseconds since 1970; `until` is NULL if it does not end by itself.
 * said      the last messages of each channel, in the order of `seq`.
 * channels_complete   one row: 1 if all that was said is stored, which is so from a clean stop to the next start.
 * checksums_complete   one row: 1 if every row that is to have a checksum has one.
 * owner     one row an account or network that owns messages: `owner` elsewhere is its number, 0 is none. In `channel`
 *           it is the name itself, in `thread` it is the creator.
 * position  one row: of which record the state is, with the chain and the clocks of that record; `journal` is the ID of the
 *           journal that the database belongs to.
 * configuration   one row, if there was such a record: the options that outcomes depend on, as JSON.
 * epoch     one row: the epoch that sessions see; empty before the first start.
 * engine    one row: the version of the engine that the state is at.
 * covering  mailboxes that accounts are about to cover, which takes pieces: `last` is the number of the last message that
 *           was put before, `requests` how many accounts are on the way, and `apart` how many messages were set apart
 *           between the pieces. Empty after a start.
 * request_key   keys under which requests were carried out, and what these came to: `message` is the number of a message, or
 *           the ID of one of a thread, or of a thread, `place` the number of a message in its thread. `used_at` is in
 *           milliseconds of the records' monotonic clock.
 * mailbox_owner, thread_owner   what others than its owner have in a mailbox or a thread; the rest is the owner's.
 *
 * `checksum` is a CRC32C of the row's other fields (store 7.1); NULL if an earlier version wrote the row.
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
  `
  ALTER TABLE message ADD COLUMN expires INTEGER;
  ALTER TABLE message ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE message ADD COLUMN token TEXT;
  CREATE INDEX message_expiry ON message (expires) WHERE expires IS NOT NULL;
  CREATE TABLE lease (
    token TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    tag INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    duration INTEGER NOT NULL,
    messages TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE delayed (
    id INTEGER PRIMARY KEY,
    due INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    sender TEXT NOT NULL,
    time INTEGER NOT NULL,
    body TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    expires INTEGER
  ) STRICT;
  CREATE INDEX delayed_due ON delayed (due);
  CREATE TABLE dead (
    id INTEGER PRIMARY KEY,
    mailbox TEXT NOT NULL,
    sender TEXT NOT NULL,
    time INTEGER NOT NULL,
    body TEXT NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE session (
    id TEXT PRIMARY KEY,
    done INTEGER NOT NULL,
    special TEXT NOT NULL,
    used INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE sequence (last INTEGER NOT NULL) STRICT;
  INSERT INTO sequence SELECT max(
    (SELECT coalesce(max(seq), 0) FROM message),
    (SELECT coalesce(max(id), 0) FROM delayed),
    (SELECT coalesce(max(id), 0) FROM dead)
  );
  `,
  `
  CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    place INTEGER NOT NULL,
    first INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE said (
    channel INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    sender TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (channel, seq)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE session ADD COLUMN owner TEXT NOT NULL DEFAULT '';
  CREATE TABLE account (
    name TEXT PRIMARY KEY,
    verifier TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE thread (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL UNIQUE,
    creator TEXT NOT NULL,
    last INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE entry (
    thread INTEGER NOT NULL,
    id INTEGER NOT NULL,
    file INTEGER NOT NULL,
    version INTEGER NOT NULL,
    time INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    user TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (thread, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE rank (
    thread INTEGER NOT NULL,
    level INTEGER NOT NULL,
    block INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (thread, level, block)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE content (
    thread INTEGER NOT NULL,
    name TEXT NOT NULL,
    user TEXT NOT NULL,
    size INTEGER NOT NULL,
    hash TEXT NOT NULL,
    content TEXT NOT NULL UNIQUE,
    PRIMARY KEY (thread, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE removed (thread INTEGER PRIMARY KEY) STRICT;
  `,
  `
  CREATE INDEX delayed_mailbox ON delayed (mailbox);
  `,
  `
  ALTER TABLE session ADD COLUMN network TEXT NOT NULL DEFAULT '';
  ALTER TABLE lease ADD COLUMN network TEXT NOT NULL DEFAULT '';
  `,
  `
  CREATE TABLE unused (content TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE message ADD COLUMN due INTEGER;
  CREATE INDEX message_due ON message (due) WHERE due IS NOT NULL;
  ALTER TABLE dead ADD COLUMN attempts INTEGER NOT NULL DEFAULT 5;
  ALTER TABLE dead ADD COLUMN reason TEXT NOT NULL DEFAULT '';
  `,
  `
  CREATE TABLE holder (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE mailbox_holder (
    mailbox INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (mailbox, holder)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE thread_holder (
    thread INTEGER NOT NULL,
    user TEXT NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (thread, user)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO thread_holder SELECT thread, user, count(*), sum(entry.bytes)
    FROM entry JOIN thread ON thread.id = thread WHERE user <> creator GROUP BY thread, user;
  ALTER TABLE message ADD COLUMN holder INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE delayed ADD COLUMN holder INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE mailbox ADD COLUMN holder INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE channel ADD COLUMN holder TEXT NOT NULL DEFAULT '';
  `,
  `
  ALTER TABLE account ADD COLUMN last INTEGER;
  UPDATE account SET last = 0;
  ALTER TABLE dead ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX dead_kept ON dead (id) WHERE apart = 0;
  `,
  `
  ALTER TABLE session ADD COLUMN born INTEGER NOT NULL DEFAULT 0;
  UPDATE session SET born = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER);
  ALTER TABLE session ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE lease ADD COLUMN owner TEXT NOT NULL DEFAULT '';
  CREATE TABLE horizon (born INTEGER NOT NULL) STRICT;
  INSERT INTO horizon VALUES (0);
  `,
  `
  ALTER TABLE lease ADD COLUMN begun TEXT;
  `,
  `
  DROP INDEX message_order;
  ALTER TABLE message ADD COLUMN long INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX message_order ON message (mailbox, long);
  CREATE TABLE taken (bytes INTEGER NOT NULL) STRICT;
  INSERT INTO taken VALUES (9007199254740991);
  `,
  `
  ALTER TABLE message RENAME COLUMN body TO text;
  ALTER TABLE delayed RENAME COLUMN body TO text;
  ALTER TABLE dead RENAME COLUMN body TO text;
  ALTER TABLE said RENAME COLUMN body TO text;
  ALTER TABLE entry RENAME COLUMN body TO text;
  ALTER TABLE holder RENAME TO owner;
  ALTER TABLE message RENAME COLUMN holder TO owner;
  ALTER TABLE delayed RENAME COLUMN holder TO owner;
  ALTER TABLE mailbox RENAME COLUMN holder TO owner;
  ALTER TABLE channel RENAME COLUMN holder TO owner;
  ALTER TABLE mailbox_holder RENAME TO mailbox_owner;
  ALTER TABLE mailbox_owner RENAME COLUMN holder TO owner;
  ALTER TABLE thread_holder RENAME TO thread_owner;
  ALTER TABLE session RENAME COLUMN owner TO account;
  ALTER TABLE lease RENAME COLUMN owner TO account;
  ALTER TABLE session RENAME COLUMN special TO outcomes;
  ALTER TABLE session RENAME COLUMN born TO start_time;
  ALTER TABLE horizon RENAME COLUMN born TO start_time;
`,
  `
  ALTER TABLE channel ADD COLUMN history TEXT NOT NULL DEFAULT '';
  CREATE TABLE channels_complete (complete INTEGER NOT NULL) STRICT;
  INSERT INTO channels_complete VALUES (1);
`,
  `
  CREATE TABLE measure (
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (what, subject)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE position (
    number INTEGER NOT NULL,
    chain BLOB NOT NULL,
    wall_clock REAL NOT NULL,
    monotonic_clock REAL NOT NULL,
    journal BLOB NOT NULL,
    checksum INTEGER
  ) STRICT;
  INSERT INTO position (number, chain, wall_clock, monotonic_clock, journal)
    VALUES (0, zeroblob(16), 0, 0, randomblob(16));
  CREATE TABLE configuration (text TEXT NOT NULL, checksum INTEGER) STRICT;
  CREATE TABLE epoch (id TEXT NOT NULL, checksum INTEGER) STRICT;
  INSERT INTO epoch (id) VALUES ('');
  ALTER TABLE session ADD COLUMN used_at REAL NOT NULL DEFAULT 0;
  ALTER TABLE session ADD COLUMN use INTEGER NOT NULL DEFAULT 0;
  UPDATE session
    SET used_at = used + ended * 86280000 - (julianday('now') - 2440587.5) * 86400000, use = ordered.use
    FROM (SELECT id, row_number() OVER (ORDER BY used, id) AS use FROM session) AS ordered WHERE ordered.id = session.id;
  ALTER TABLE session DROP COLUMN used;
  CREATE TABLE forgotten (
    id TEXT PRIMARY KEY,
    start_time INTEGER NOT NULL,
    number INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE horizon RENAME TO forgotten_times;
  ALTER TABLE forgotten_times RENAME COLUMN start_time TO latest;
  ALTER TABLE forgotten_times ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0;
  UPDATE forgotten_times SET horizon = latest;
  ALTER TABLE lease ADD COLUMN given REAL;
  ALTER TABLE lease ADD COLUMN until REAL;
  ALTER TABLE lease ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE lease ADD COLUMN use INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE lease ADD COLUMN checksum INTEGER;
  ALTER TABLE message ADD COLUMN checksum INTEGER;
  ALTER TABLE delayed ADD COLUMN checksum INTEGER;
  ALTER TABLE dead ADD COLUMN checksum INTEGER;
  ALTER TABLE session ADD COLUMN checksum INTEGER;
  ALTER TABLE account ADD COLUMN checksum INTEGER;
  ALTER TABLE thread ADD COLUMN checksum INTEGER;
  ALTER TABLE entry ADD COLUMN checksum INTEGER;
  ALTER TABLE content ADD COLUMN checksum INTEGER;
  ALTER TABLE channel ADD COLUMN checksum INTEGER;
  ALTER TABLE said ADD COLUMN checksum INTEGER;
  `,
  `
  CREATE TABLE engine (version INTEGER NOT NULL, checksum INTEGER) STRICT;
  INSERT INTO engine VALUES (1, 1706157312);
  CREATE TABLE checksums_complete (complete INTEGER NOT NULL) STRICT;
  INSERT INTO checksums_complete VALUES (0);
  `,
  `
  CREATE INDEX dead_mailbox ON dead (mailbox) WHERE apart = 0;
  CREATE TABLE outcome (
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    checksum INTEGER,
    PRIMARY KEY (session, number)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO outcome (session, number, text)
    SELECT session.id, json_extract(one.value, '$[0]'), json_extract(one.value, '$[1]')
    FROM session, json_each(session.outcomes) AS one;
  UPDATE session SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  ALTER TABLE session ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;
  UPDATE session SET lacking = json_array_length(outcomes);
  ALTER TABLE session DROP COLUMN outcomes;
  `,
  `
  ALTER TABLE account ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
  UPDATE account SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  `,
  `
  ALTER TABLE account ADD COLUMN tokens TEXT NOT NULL DEFAULT '[]';
  UPDATE account SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  `,
  `
  CREATE TABLE covering (
    mailbox TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    apart INTEGER NOT NULL,
    checksum INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE account ADD COLUMN network TEXT NOT NULL DEFAULT '';
  UPDATE account SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  `,
  `
  CREATE TABLE request_key (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    owner TEXT NOT NULL,
    used_at REAL NOT NULL,
    message INTEGER NOT NULL,
    time INTEGER NOT NULL,
    checksum INTEGER
  ) STRICT;
  ALTER TABLE lease ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
  UPDATE lease SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  `,
  `
  ALTER TABLE request_key ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
  UPDATE request_key SET checksum = NULL;
  UPDATE checksums_complete SET complete = 0;
  `,
];
