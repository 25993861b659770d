/** What a session says, in words; in the clear, under a seal, and of the forum. */

import { assertEquals } from "@std/assert";
import {
  describeDroppedSeal,
  describeLogin,
  describeLoginAnswer,
  describeSealToClient,
  describeSealToServer,
} from "../../protocol/describe/seal.ts";
import {
  describeAnswers,
  describeRequests,
  describeSealedAnswers,
  describeSealedRequests,
} from "../../protocol/describe/session.ts";

import { bytes, COOKIE, line, lines, SESSION, TOKEN } from "./described.ts";

Deno.test("each request of a session is described, and what asks for a challenge", () => {
  const requests = [
    "put,1,bob,alice,1500,,5 Ω",
    "put,2,,,,60000,x",
    `ack,3,${TOKEN},1 2`,
    `back,4,${TOKEN},7`,
    `fail,5,${TOKEN},1000,5,exit 3,1`,
    `extend,6,${TOKEN},30000`,
    `begin,7,${TOKEN},1`,
    "skip,8",
    "part,9,abc",
    "put,10,b\tb,alice,,,x",
    "lease,1,bob,1,30000,5000",
    "lease,2,bob,64,30000,0,ahead",
    "got,1",
    "cancel,1",
    "stat,3,",
    "info,4,bob",
    "peek,5,bob,0",
    "peek,6,,17",
    "bye",
  ];
  const datagram = bytes([`P1> ${SESSION} 57c3cc1d ${COOKIE} 1`, ...requests].join("\n"));
  const expected = [
    "put 1: into 'bob' from 'alice', in 1.5 s, 4 bytes | \"5 Ω\"",
    'put 2: into the shared queue, for 60 s, 1 byte | "x"',
    "ack 3: messages 1 2 done",
    "back 4: releases message 7",
    "fail 5: message 1 failed (exit 3), again in 1 s, at most 5 attempts",
    "extend 6: a lease by 30 s",
    "begin 7: begins with message 1",
    "skip 8: withdraws a request",
    'part 9: the beginning of a text, 3 bytes | "abc"',
    "request 10, which can't be carried out | bad receiver (session.md section 11)",
    "lease 1: up to 1 message from 'bob' for 30 s, waits 5 s",
    "lease 2: up to 64 messages from 'bob' for 30 s, ahead",
    "got 1: its messages have arrived",
    "cancel 1: waits no longer",
    "stat 3: counts of all mailboxes",
    "info 4: what runs, and whether 'bob' has an account",
    "peek 5: shows 'bob'",
    "peek 6: shows the shared queue behind message 17",
    "bye: the client needs nothing more",
  ];
  assertEquals(lines(describeRequests(datagram)), expected.map((one) => `session VcQX0h… ${one}`));
  assertEquals(lines(describeSealedRequests(SESSION, bytes("1\nskip,1"), "carol")), [
    "'carol' sealed: session VcQX0h… skip 1: withdraws a request",
  ]);
  assertEquals(lines(describeRequests(bytes(`P1> ${SESSION} - - 1`))), [
    "session VcQX0h… begins: it has no start ID and no cookie yet",
  ]);
});

Deno.test("each answer of a session is described, and a challenge", () => {
  const answers = [
    ["ok,1", "ok 1: done"],
    ["ok,1-3", "ok 1 to 3: done"],
    ["have,4", "have 4: arrived, not done yet"],
    [
      "seen,1,0,17,leased,1,1795264095073,alice,3,one",
      "seen 1: message 17 from 'alice', leased, 3 bytes | \"one\"",
    ],
    ["more,1,17", "more 1: there are messages behind 17"],
    ["last,1,17", "last 1: no message is behind 17"],
    [
      "lost,5,7",
      "lost 5: message 7 not this lease's any more | given out again, or removed (session.md section 11)",
    ],
    ["bad,6,bad sender", "bad 6 | bad sender (session.md section 11)"],
    ["full,7,full", "full 7: not done for the time being | full (session.md section 11)"],
    ["no,1,not confirmed", "no 1 | not confirmed (session.md section 11)"],
    ["denied,2", "denied 2 | the mailbox is another account's (accounts.md 2.1)"],
    [
      `msg,3,1,1,${TOKEN},7,2,1795264095073,alice,2,hi`,
      "msg 3: 1 of 1, message 7 from 'alice', attempt 2, 2 bytes | \"hi\"",
    ],
    ["piece,3,1,100,more", 'piece 3: of message 1, from byte 100, 4 bytes | "more"'],
    ["pending,4", "pending 4: waits for a message"],
    ["stat,5,messages 1,bytes 2", "stat 5: messages 1, bytes 2"],
    ["unknown", "unknown | the server does not know this session (session.md 8.9)"],
    ["login", "login | the session has no user (forum.md 1.7)"],
  ] as const;
  const body = `7\n${answers.map(([answer]) => answer).join("\n")}`;
  const expected = answers.map(([, what]) => `session VcQX0h… ${what}`);
  assertEquals(lines(describeAnswers(bytes(`P1< ${SESSION} 57c3cc1d - ${body}`))), expected);
  assertEquals(
    lines(describeSealedAnswers(SESSION, bytes(body), "carol")),
    expected.map((one) => `'carol' sealed: ${one}`),
  );
  assertEquals(lines(describeAnswers(bytes(`P1< ${SESSION} 57c3cc1d ${COOKIE} 0`))), [
    "session VcQX0h… challenge: a start ID and a cookie",
  ]);
});

Deno.test("a session's datagram that is malformed is described with the line that is", () => {
  const rows: [string, string][] = [
    ["P1> x", "its first line is not 'P1> SESSION START-ID COOKIE LOW'"],
    [`P1> ${SESSION} - - 1\nput,1,bob`, "line 2: 'put' with other fields than it has"],
    [`P1> ${SESSION} - - 1\nskip,1\ndance,2`, "line 3: no request is called 'dance'"],
    [`P1> ${SESSION} - - 1\n?`, "line 2 is no request"],
    [`P1> ${SESSION} - - 1\n`, "it ends with a line end"],
    [
      `P1> ${SESSION} - - 1\nput,1,bob,alice,,,${"x".repeat(1200)}`,
      "longer than 1200 bytes (session.md 1.1)",
    ],
  ];
  for (const [datagram, why] of rows) {
    assertEquals(lines(describeRequests(bytes(datagram))), [
      `a session's datagram, ${datagram.length} bytes | ${why} (session.md 1.5)`,
    ]);
  }
});

Deno.test("the forum's requests and answers are described", () => {
  const requests = [
    ["CRT,1,t0", "CRT 1: make thread 't0'"],
    ["MSG,2,t0 hello", "MSG 2: post into thread 't0', 5 bytes | \"hello\""],
    ["EDT,3,t0 1 hi", "EDT 3: edit message 1 of thread 't0', 2 bytes | \"hi\""],
    ["DLT,4,t0 1", "DLT 4: delete message 1 of thread 't0'"],
    ["RMV,5,t0", "RMV 5: remove thread 't0'"],
    ["LST,1,0", "LST 1: list the threads"],
    ["RDT,2,#7,t0", "RDT 2: read thread 't0', from message 7"],
    ["UPD,3,0,11,-,t0 f.txt", "UPD 3: upload 'f.txt' of 11 bytes to thread 't0'"],
    ["DWN,4,t0 f.txt", "DWN 4: download 'f.txt' from thread 't0'"],
  ] as const;
  const body = bytes(`1\n${requests.map(([request]) => request).join("\n")}`);
  assertEquals(
    lines(describeSealedRequests(SESSION, body, "yoda")),
    requests.map(([, what]) => `'yoda' sealed: session VcQX0h… ${what}`),
  );
  const answers = [
    ["title,1,0,1,t0", "title 1: thread 't0'"],
    ["line,2,0,2,1,1767225600000,0,5,yoda hello", "line 2: message 1 of 'yoda', 5 bytes | \"hello\""],
    ["file,2,2,3,1767225600000,11,yoda f.txt", "file 2: 'f.txt' of 'yoda', 11 bytes"],
    ["end,2,3", "end 2: nothing more"],
  ] as const;
  assertEquals(
    lines(
      describeSealedAnswers(SESSION, bytes(`1\n${answers.map(([answer]) => answer).join("\n")}`), "yoda"),
    ),
    answers.map(([, what]) => `'yoda' sealed: session VcQX0h… ${what}`),
  );
});

Deno.test("handshakes and log-ins are described", () => {
  const id = "MAyclgO5Kks57TlYv5JAEQ", key = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo";
  const begin = `seal MAyclg… `;
  assertEquals(lines(describeSealToServer(bytes(`S1> ${id} - - hello,${key}`))), [
    `${begin}hello: begins a handshake, without a cookie yet`,
  ]);
  assertEquals(lines(describeSealToClient(bytes(`S1< ${id} 00000001 0123456789abcdef challenge`))), [
    `${begin}challenge: a start ID and a cookie`,
  ]);
  assertEquals(
    line(describeDroppedSeal(bytes(`S1> ${id} 00000001 - 5\n${"x".repeat(20)}`))),
    `${begin}datagram 5, 60 bytes`,
  );
  assertEquals(line(describeDroppedSeal(bytes("S1> x"))), "a seal's datagram, 5 bytes");
  const logins: [string, string][] = [
    ["first,1,p=parley-seal-1,,n=alice,r=rOprNGfwEbeRWgbNEkqO", "first: log-in as 'alice'"],
    [`first,1,${SESSION},p=parley-seal-1,,n=a=2Cb,r=rOprNGfwEbeRWgbNEkqO`, "first: log-in as 'a,b'"],
    [`final,2,${SESSION},c=cD1w,r=rOpr,p=OTXE`, "final: the proof of its password"],
    ["make,3,alice,SCRAM-SHA-256$600000:AAEC", "make: an account 'alice'"],
    ["change,4,SCRAM-SHA-256$600000:AAEC", "change: another password"],
    ["bye,5", "bye: logs out"],
    ["here", "here: still there"],
    ["dance", "nothing that can be read"],
  ];
  for (const [text, what] of logins) assertEquals(line(describeLogin(id, text, "")), begin + what);
  const rule = "(seal.md section 10)";
  const answers: [string, string][] = [
    ["first,1,r=rOpr,s=AAEC,i=600000", "first: what its proof has to be made with"],
    ["final,2,v=MtM4PzztRD8oZp", "final: logged in as 'alice'"],
    ["final,2,e=invalid-proof", `final | the password is wrong ${rule}`],
    ["none,1", `none | no account has this name ${rule}`],
    ["none,1,closed", `none | no account has this name, and only the administrator makes accounts ${rule}`],
    ["active,1", `active | the name is active in another session ${rule}`],
    ["wait,2,3000", `wait | asked too often: again in 3000 ms ${rule}`],
    ["refused,2,bad name", `refused | bad name ${rule}`],
    ["made,3,forum", "made: it is on disk"],
    ["bye,5", "bye"],
  ];
  for (const [text, what] of answers) {
    assertEquals(line(describeLoginAnswer(id, text, "alice")), begin + what);
  }
});
