/**
 * One sender, and members to whom everything goes: `fan.ts PORT frames|lines|nats`. Of the frames and lines that arrive only the bytes are
 * counted, because each delivery of a message has as many.
 *
 * @module
 */

import { carryOut, type Figures, ProcessorTime } from "./loop.ts";
import { Poll, Socket } from "./libc.ts";

/** Messages that are not delivered to all members yet, at most. */
const IN_FLIGHT = 64;

/** Milliseconds without any delivery after which the server counts as gone. */
const GONE_MS = 5000;

const TEXT = "hello world this is a chat message okay?";
const encoder = new TextEncoder(), decoder = new TextDecoder();
const port = Number(Deno.args[0]);

/** A message on the wire, and how many bytes it has at a member. */
interface Wire {
  message: Uint8Array<ArrayBuffer>;
  delivered: number;
}

const FRAME_BYTES = 200, whole = { bytes: FRAME_BYTES };
const frame = (text: string) => encoder.encode(text.padEnd(FRAME_BYTES));

/** Reads until a text has come, and the message of so many bytes that it is in has come whole. */
function readUntil(socket: Socket, text: string, { times = 1, bytes = 1 } = {}) {
  const buffer = new Uint8Array(65_536);
  let seen = "", count = 0, read = 0;
  while (count < times || read % bytes > 0) {
    const length = socket.receiveSomething(buffer);
    read += length;
    seen += decoder.decode(buffer.subarray(0, length));
    const parts = seen.split(text);
    count += parts.length - 1;
    seen = parts.at(-1)!;
  }
}

/** Members join one after the other, so that the last note that each reads is known. */
const WIRES = {
  frames(sockets: readonly Socket[]): Wire {
    const channel = `c${crypto.randomUUID().slice(0, 8)}`,
      [sender, ...members] = sockets as [Socket, ...Socket[]];
    sender.sendAll(frame("u0"));
    sender.sendAll(frame(`/create ${channel}`));
    sender.sendAll(frame("/list"));
    readUntil(sender, channel, whole);
    for (const [i, member] of members.entries()) {
      member.sendAll(frame(`u${i + 1}`));
      member.sendAll(frame(`/join ${channel}`));
      readUntil(sender, "has joined", whole);
    }
    sender.sendAll(frame("all are here"));
    for (const member of members) readUntil(member, "all are here", whole);
    return { message: frame(TEXT), delivered: FRAME_BYTES };
  },
  lines([sender, ...members]: readonly Socket[]): Wire {
    readUntil(sender!, "entered room\n", { times: members.length });
    sender!.sendAll(encoder.encode("all are here\n"));
    for (const member of members) readUntil(member, "all are here\n");
    return { message: encoder.encode(`${TEXT}\n`), delivered: 0 };
  },
  nats([sender, ...members]: readonly Socket[]): Wire {
    const subject = `s${crypto.randomUUID().slice(0, 8)}`, connect = 'CONNECT {"verbose":false}\r\n';
    sender!.sendAll(encoder.encode(`${connect}PING\r\n`));
    readUntil(sender!, "PONG\r\n");
    for (const member of members) {
      member.sendAll(encoder.encode(`${connect}SUB ${subject} 1\r\nPING\r\n`));
      readUntil(member, "PONG\r\n");
    }
    const payload = `${TEXT.length}\r\n${TEXT}\r\n`;
    return {
      message: encoder.encode(`PUB ${subject} ${payload}`),
      delivered: `MSG ${subject} 1 ${payload}`.length,
    };
  },
};

/** Deliveries a second. */
function fan({ members, ms, pid }: { members: number; ms: number; pid: number }): Figures {
  const wire = Deno.args[1] as keyof typeof WIRES;
  using stack = new DisposableStack();
  const sockets: Socket[] = [];
  for (let i = 0; i <= members; i++) sockets.push(stack.use(new Socket("tcp", port)));
  const { message, delivered } = WIRES[wire](sockets),
    [sender, ...receivers] = sockets as [Socket, ...Socket[]];
  const buffer = new Uint8Array(65_536);
  // a line begins with the sender's address
  let bytes = delivered;
  if (bytes === 0) {
    sender.sendAll(message);
    for (const receiver of receivers) {
      for (bytes = 0; buffer[bytes - 1] !== "\n".charCodeAt(0);) {
        bytes += receiver.receiveSomething(buffer.subarray(bytes));
      }
    }
  }
  const poll = stack.use(new Poll());
  for (const [i, receiver] of receivers.entries()) poll.add(receiver, i);
  const burst = new Uint8Array(message.length * IN_FLIGHT);
  for (let i = 0; i < IN_FLIGHT; i++) burst.set(message, i * message.length);
  const processor = new ProcessorTime(pid), begin = performance.now(), end = begin + ms;
  let sent = 0, received = 0, heard = begin, now = begin;
  const total = bytes * members;
  while (now < end || received < total * Math.ceil(sent / message.length)) {
    // bytes, because a write may end within a message: then it has to be finished
    const within = sent % message.length, done = Math.floor(received / total) * message.length;
    const room = now < end
      ? done + IN_FLIGHT * message.length - sent
      : (message.length - within) % message.length;
    if (room > 0) {
      sent += Math.max(
        0,
        sender.send(burst.subarray(within, within + Math.min(room, burst.length - within))),
      );
    }
    poll.wait(room > 0 ? 1 : GONE_MS, (i) => {
      const length = receivers[i]!.receive(buffer);
      if (length === 0) throw new Error(`Cannot measure: the server has closed member ${i + 1}`);
      if (length > 0) received += length, heard = performance.now();
    });
    now = performance.now();
    if (now - heard > GONE_MS) throw new Error("Cannot measure: nothing was delivered for 5 s");
  }
  const count = received / bytes;
  return { rate: count / (now - begin) * 1000, ...processor.each(count) };
}

await carryOut({ fan });
