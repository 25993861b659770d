/** Everything that is fuzzed. */

import type { Target } from "../engine/target.ts";
import { FORUM_SERVER, MAILBOX_SERVER } from "../server/datagrams.ts";
import { CLIENT_CHAT } from "../client/chat.ts";
import { CLIENT_SESSIONS } from "../client/sessions.ts";
import { CLIENT_COMMANDS } from "../client/commands.ts";
import { CLIENT_TRANSFERS } from "../client/transfers.ts";
import { TRANSFER_SERVER } from "../server/transfer.ts";
import { HTTP_SERVER } from "../server/http.ts";
import { HUB_SERVER } from "../server/hub.ts";
import { HUB_TEXTS, STREAMS } from "./hub.ts";
import { HTTP_TEXTS } from "./http.ts";
import { FILES } from "./files.ts";
import { JOURNAL_RECOVERY, JOURNAL_REQUESTS } from "./journal.ts";
import { ORIGINAL, SESSION_DATAGRAMS, SESSION_LINES } from "./mailbox.ts";
import { LOGIN_TEXTS, SEAL_DATAGRAMS } from "./seal.ts";
import { ROWS } from "./rows.ts";
import { TERMINAL_TEXTS } from "./terminal.ts";
import { ADDRESSES, FORUM_TEXTS, WATCH_TEXTS } from "./texts.ts";

export const TARGETS: readonly Target[] = [
  ...[ORIGINAL, SESSION_DATAGRAMS, SESSION_LINES, SEAL_DATAGRAMS, LOGIN_TEXTS, HUB_TEXTS, STREAMS],
  ...[FORUM_TEXTS, WATCH_TEXTS, ADDRESSES, TERMINAL_TEXTS, HTTP_TEXTS],
  ...[JOURNAL_REQUESTS, JOURNAL_RECOVERY, ROWS, FILES],
  ...[MAILBOX_SERVER, FORUM_SERVER, HUB_SERVER, TRANSFER_SERVER, HTTP_SERVER],
  ...[CLIENT_COMMANDS, CLIENT_CHAT, CLIENT_SESSIONS, CLIENT_TRANSFERS],
];
