/** Commands of the forum, lines of transfers, events and subscriptions, addresses, options, and what a terminal shows. */

import { doneText, parseCommand, refusedText } from "../../../../protocol/forum/forum_text.ts";
import {
  decodeTransferAnswer,
  decodeTransferRequest,
  encodeTransferAnswer,
  encodeTransferRequest,
  isFileName,
  isUploadProof,
  MAX_ANSWER_BYTES,
} from "../../../../protocol/transfer.ts";
import { describeTransferAnswer, describeTransferLine } from "../../../../protocol/describe/transfer.ts";
import { accountRefusal, isProof } from "../../../../protocol/admin.ts";
import {
  decodeEvents,
  decodeWatch,
  decodeWatchAnswer,
  encodeEvent,
  encodeEvents,
  encodeWatch,
  fittingRows,
  MAX_EVENTS_BYTES,
} from "../../../../protocol/watch.ts";
import { networkOf, Networks, plainAddress } from "../../../../server/quota/address.ts";
import { isMistypedNetwork, isOwnMachine, subjectOf } from "../../../../server/quota/subject.ts";
import { NetworkMap } from "../../../../server/quota/network_map.ts";
import { Arguments, type Command, parseAddress, UsageError } from "../../../../client/command/command.ts";
import { checkSavedName, nameOfPath } from "../../../../client/transfer/file_name.ts";
import { formatAddress } from "../../../../protocol/syntax/address.ts";
import { allowing, holds, isSame, type Target, textOf } from "../engine/target.ts";
import { checkDescribed, isBounded } from "./bounds.ts";

const TICKET = "A".repeat(22), HASH = "0".repeat(64);

export const FORUM_TEXTS: Target = {
  name: "forum_texts",
  covers: ["protocol/", "client/transfer/file_name.ts"],
  words: [
    ...[
      "CRT",
      "MSG",
      "DLT",
      "EDT",
      "LST",
      "RDT",
      "UPD",
      "DWN",
      "RMV",
      "XIT",
      " ",
      "  ",
      "\t",
      "title",
      "1",
      "{title}",
    ],
    ...[
      "P1 upload ",
      "P1 from ",
      "P1 sum ",
      "P1 download ",
      "P1 wait",
      "P1 stored ",
      "P1 no ",
      TICKET,
      HASH,
      "hash",
    ],
    ...["../", "..", "/", "\\", "C:", "nul", "con.txt", "full ", "no ticket ", "\u00a0"],
  ],
  seeds: [
    ...[
      "CRT title",
      "MSG title a text",
      "DLT title 1",
      "EDT title 1 a text",
      "LST",
      "RDT title",
      "UPD title a.txt",
    ],
    ...[
      "DWN title a.txt",
      "RMV title",
      "XIT",
      `P1 upload ${TICKET}`,
      `P1 from 17`,
      `P1 sum ${HASH}`,
      "P1 wait",
    ],
    ...[
      `P1 download ${TICKET} 0`,
      `P1 from 17 ${HASH}`,
      `P1 stored ${HASH}`,
      "P1 no hash it differs",
      "P1 no busy",
    ],
    ...["full 10 threads", "../../etc/passwd", "C:\\autoexec.bat"],
  ],
  maxBytes: 16_384,
  shortInputs: 2000,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const text = textOf(input), command = parseCommand(text);
    if (typeof command === "object") {
      isBounded(command, input);
      for (const answer of [doneText(command), refusedText(command, text)]) isBounded(answer, input);
    }
    const request = decodeTransferRequest(text), answer = decodeTransferAnswer(text);
    checkDescribed(describeTransferLine(text), input);
    if (request !== undefined) {
      isSame(decodeTransferRequest(textOf(encodeTransferRequest(request)).slice(0, -1)), request, "request");
    }
    if (answer !== undefined) {
      checkDescribed(describeTransferAnswer(answer), input);
      const line = encodeTransferAnswer(answer);
      holds(
        line.length <= MAX_ANSWER_BYTES + 1 && line.indexOf(10) === line.length - 1,
        () => "another line",
      );
      const again = decodeTransferAnswer(textOf(line).slice(0, -1));
      isSame(again?.kind, answer.kind, "answer");
    }
    isUploadProof(text, "sum", "A".repeat(43), HASH);
    accountRefusal(text), isProof(text, new Uint8Array(32), "0123", text);
    for (const os of ["linux", "windows"]) {
      allowing([TypeError], () => checkSavedName(text, os));
      const name = allowing([TypeError], () => nameOfPath(text, os));
      if (name !== undefined) holds(isFileName(name) && !/[/\\]|^\.\.?$/.test(name), () => `a path: ${name}`);
    }
  },
};

const EVENT = JSON.stringify({
  ...{
    time: "2026-01-31T12:00:00.000Z",
    direction: "in",
    service: "mailbox",
    peer: "127.0.0.1:60602",
    what: "put",
  },
  ...{ text: "hi", refused: "malformed", why: "it is", rule: "mailbox.md 3.3", cut: true },
});

export const WATCH_TEXTS: Target = {
  name: "watch_texts",
  covers: ["protocol/watch.ts", "protocol/mailbox.ts"],
  words: [
    ...[
      "events, 0123abcd, 1, 0\n",
      "watch, ",
      "service=mailbox",
      "peer=",
      "name=",
      "texts",
      "%2C",
      "%",
      ", ",
      "\n",
      "30",
    ],
    ...[
      '"time":',
      '"direction":"out"',
      '"service":',
      '"peer":',
      '"what":',
      '"text":',
      '"cut":true',
      "{",
      "}",
      "[",
      '"',
      "null",
    ],
    ...["\\u001b", "\\ud800", "x".repeat(1200), "😀".repeat(100), "\\u0000".repeat(100)],
  ],
  seeds: [
    ...[
      `events, 0123abcd, 7, 0\n${EVENT}`,
      `events, 0123abcd, 7, 3\n${EVENT}\n${EVENT}`,
      "events, 0123abcd, 7, 0",
    ],
    ...["30, service=mailbox, peer=127.0.0.1, name=b%2Cob, texts", "0123abcd, 7, 0", "0", EVENT],
  ],
  maxBytes: 4096,
  shortInputs: 2000,
  maxMs: 250,
  run(input) {
    const text = textOf(input), datagram = decodeEvents(text);
    decodeWatchAnswer(text.split(", "));
    if (datagram !== undefined) {
      isBounded(datagram, input);
      const rows = datagram.events.map(encodeEvent), fit = fittingRows(rows);
      if (
        fit > 0 &&
        datagram.events.every(({ rule = "", refused = "", peer, service, time }) =>
          (rule + refused + peer + service + time).length < 100
        )
      ) {
        const bytes =
          new TextEncoder().encode(`A, ${encodeEvents("0123abcd", 1, 0, rows.slice(0, fit))}`).length;
        holds(bytes <= MAX_EVENTS_BYTES, () => `${bytes} bytes of events`);
      }
    }
    const watch = allowing([RangeError], () => decodeWatch(text.split(", ")));
    if (watch === undefined) return;
    const [, ...args] = encodeWatch(watch.seconds, watch.filter).split(", ");
    isSame(decodeWatch(args), watch, "subscription");
  },
};

/** A command with an option of each kind. */
export const COMMAND: Command = {
  ...{ name: "fuzz", summary: "", usage: [], examples: [], run: () => Promise.resolve(0) },
  options: {
    host: { value: "ADDRESS", help: "" },
    size: { value: "SIZE", help: "" },
    wait: { value: "DURATION", help: "" },
    count: { value: "N", help: "" },
    name: { value: "NAME", many: true, help: "" },
    json: { help: "" },
    config: { value: "FILE", help: "" },
  },
};

export const ADDRESSES: Target = {
  name: "addresses",
  covers: ["server/quota/", "client/command/command.ts", "client/command/nearest.ts"],
  words: [
    ...[
      "127.0.0.1",
      "::1",
      "::ffff:1.2.3.4",
      "fe80::1%eth0",
      "2001:db8::",
      "/64",
      "/8",
      "/33",
      ":21001",
      "[",
      "]",
      ":",
      ".",
    ],
    ...[
      "--host",
      "--size",
      "--wait",
      "--count",
      "--name",
      "--json",
      "--",
      "=",
      "\n",
      "30s",
      "1.5MiB",
      "1d",
      "-x",
      "--__proto__",
    ],
  ],
  seeds: [
    ...[
      "127.0.0.1:21001",
      "[::1]:21001",
      "localhost",
      "10.0.0.0/8",
      "2001:db8:0:1::/64",
      "::ffff:10.0.0.1",
      "fe80::1%eth0",
    ],
    ...[
      "--host\n::1\n--size\n1.5MiB\n--wait=30s\n--count\n7\n--json\n--name\na\n--name\nb\nrest",
      "1::2:3.4.5.6",
    ],
  ],
  maxBytes: 4096,
  shortInputs: 2000,
  maxMs: 250,
  run(input) {
    const text = textOf(input), address = parseAddress(text);
    if (address !== undefined) isSame(parseAddress(formatAddress(address)), address, "address");
    const networks = allowing([SyntaxError], () => new Networks([text]));
    networks?.has("10.1.2.3"), networks?.has("2001:db8::7");
    const { text: subject, network } = subjectOf(text);
    isMistypedNetwork(text), isOwnMachine({ text: subject, ...network && { network } });
    if (network !== undefined) {
      // what is kept is read again at the next start
      isSame(subjectOf(subject).text, subject, "subject");
      const map = new NetworkMap<string>();
      map.set(subject, "it");
      const own = plainAddress(text.split("/")[0]!.toLowerCase());
      if (!text.includes("/")) isSame([map.get(own), network.has(own)], ["it", true], "in its own network");
      holds(networkOf(own).length <= 64, () => "a longer network");
    }
    const args = allowing([UsageError], () => new Arguments(COMMAND, text.split("\n"), {} as never));
    if (args === undefined) return;
    allowing([UsageError], () => args.size("size", 2));
    allowing([UsageError], () => args.duration("wait"));
    allowing([UsageError], () => args.integer("count", 1, 1000));
    allowing([UsageError], () => args.address("host", 1));
    args.texts("name"), args.flag("json");
  },
};
