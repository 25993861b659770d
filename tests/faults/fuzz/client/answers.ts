/** What servers answer to commands, right and in part hostile: a fuzzed script begins with these. */

/** An event of `watch`. */
const EVENT = (more: string) =>
  `{"time":"2026-01-31T12:00:00.000Z","direction":"in","service":"mailbox","peer":"1.2.3.4:5","what":"put"${more}}`;

/** What a terminal would obey, or a reader be deceived by. */
export const NASTY = [
  "\\e[2J",
  "\\e]0;x\\x07",
  "\\x9b",
  "\\xc2\\x9b2J",
  "\u202e",
  "\\x08",
  "\\x7f",
  "\u2028",
  "\\0",
];

/** By the kind of question, the answers to it. */
export const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  peek: [
    ...[
      "seen,$t,0,7,ready,0,1700000000000,alice,5,hello\\nlast,$t,7",
      "seen,$t,0,$i,ready,1,1,al\\e[2J,9,x",
      "last,$t,0",
      "more,$t,7",
    ],
    ...[
      "seen,$t,$i,8,leased,2,999999999999999,a,99999,x",
      "no,$t,not your mailbox\\e[2J",
      "no,$t,denied",
      "denied,$t",
    ],
  ],
  receive: [
    ...[
      "msg,$t,1,1,0123456789abcdef,7,1,1700000000000,alice,5,hello",
      "msg,$t,1,2,0123456789abcdef,7,1,0,al\\e]0;,3,x\\x9b2J",
    ],
    ...[
      "piece,$t,1,2,llo",
      "piece,$t,1,$i,x",
      "none,$t",
      "pending,$t",
      "got,$t",
      "ok,$n",
      "ok,1-9",
      "denied,$t",
      "no,$t,\\e[2J",
    ],
    ...["lost,$n,7", "lost,$n,"],
  ],
  send: [
    "ok,$n",
    "have,$n",
    "bad,$n,\\e[2J",
    "full,$n,\\x9b2J",
    "storage,$n",
    "login",
    "owned",
    "busy",
    "ending",
    "unknown",
  ],
  original: [
    ...[
      "raw N, 2026-01-31T00:00:00.000Z, ali\\e[2Jce, hel\\x9blo",
      "raw X",
      "raw nxt, x",
      "raw A, error, \\e[2J",
      "raw N, x, y, z",
    ],
  ],
  watch: [
    ...[
      "ok, 0123abcd, 1, 0",
      "error, \\e[2J",
      `raw A, events, 0123abcd, 1, 0\\n${EVENT("")}`,
      "raw A, events, 0123abcd, 1, 9",
    ],
    ...[
      `raw A, events, 0123abcd, $i, 0\\n${EVENT(',"text":"\\\\u001b[2J","refused":"x","why":"\\\\u009b"')}`,
    ],
    ...[
      `raw A, events, 0123abcd, 1, 0\\n${EVENT("").replace("mailbox", "\\\\u001b[2J")}`,
      "ok, 0123abcd, 9, 4",
    ],
    ...[`raw A, events, 0123abcd, 1, 0\\n${EVENT("").replace("1.2.3.4:5", "\\\\u001b[2J")}`],
  ],
  admin: [
    ...[
      "ok",
      "ok, \\e[2J",
      "ok, up, 1, \\x9b2J, 5",
      "ok\\n7,bob,alice,1700000000000,3,bro\\e[2Jken,5,hello",
      "error, \\e[2J",
    ],
    ...[
      "ok\\n1,connection,channels,1.2.3.4:5,Eve\\e[2J,1,2,3,4",
      "ok\\nban,eve\\e]0;,1,0",
      "ok, 1 bob\\e[2J",
      "ok, alice=1B mailbox admin",
    ],
    ...[
      "ok\\nmailbox,udp,127.0.0.1:21001",
      "ok\\nsessions,1,2,opt\\e[2Jion",
      "ok, stored, 1, received, x, version, \\e[2J",
    ],
    ...[
      "ok\\n1,session,mailbox,127.0.0.1:5,bob,1700000000000,1,2,3,4,5,6",
      "ok\\nban\\,127.0.0.1\\,5\\,",
      "ok, $i",
      "error, unknown command 'x'",
    ],
  ],
  stream: [
    ...[
      "info,$t,mailbox 21001,channels 55555,room 6000",
      "info,$t,channels 55555,account mailbox,auth required",
      "info,$t,room 6000",
    ],
    ...[
      `tcp ${"/create command must be followed by the name of a channel to create".padEnd(200)}`,
      "tcp \\r<x> \\e[2J\\n",
      "tcp [x] entered room\\n",
    ],
    ...[
      `tcp ${"[Bob] hello".padEnd(200)}`,
      `tcp ${"Room tea already exists, so cannot be created.".padEnd(200)}`,
      `tcp ${"tea\\e[2J".padEnd(205)}`,
    ],
    ...[`tcp ${"[B\\x9b2Job] hel\u202elo".padEnd(200)}`, "tcp \\x02message 1 2 3 x"],
  ],
};
