/**
 * What an honest client does on each service, again and again: each turn is one thing that its user waits for, with a
 * connection of its own if attackers could keep new clients out.
 *
 * @module
 */

import type { connectForum } from "../../../client/forum.ts";
import type { connectMailbox, Mailbox } from "../../../client/mailbox.ts";
import { FULL } from "../form.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

/** The services' ports, and the server's key. */
export interface Target {
  mailbox: number;
  channels: number;
  room: number;
  forum: number;
  roomTls: number;
  serverKey: string;
  /** PEM. */
  certificate: string;
  /** An address of the server's that is none of this machine's own; there in a namespace. */
  far?: string;
}

/** The client library of the version under attack. */
export interface Library {
  connectMailbox: typeof connectMailbox;
  connectForum: typeof connectForum;
}

/** One service, as one honest client uses it. */
export interface Honest extends AsyncDisposable {
  /** How often something was asked for again that the network had lost, where the client does that by itself. */
  repeats?: number;
  /** @throws {Error} It was refused. */
  turn(): Promise<void>;
}

/** Makes a client ready, before anybody attacks and again after something failed. */
export type Open = (target: Target, library: Library, directory: string) => Promise<Honest>;

/** Milliseconds that a busy machine may take for anything. */
export const PATIENCE_MS = 120_000;

/** Milliseconds after which something that was asked for counts as not coming; other tests run beside the short form. */
export const TIMEOUT = FULL ? 10_000 : PATIENCE_MS;

/** Milliseconds after which a message that was put goes by itself. */
const TTL = FULL ? 5000 : PATIENCE_MS;

const NAME = "owner", VISITOR = "visitor", READER = "reader", FETCHER = "fetcher";

/** The accounts that the administrator has to make, and the password of each. */
export const ACCOUNTS = [NAME, VISITOR, READER, FETCHER], PASSWORD = "correct horse";

/**
 * Milliseconds without an answer after which a client of the original wire asks again. That wire leaves it to the client; a
 * session on this machine repeats its first datagram about as soon. How often it has to is in the figures.
 */
const AGAIN = FULL ? 50 : 2000;

/** Bytes of the file that is downloaded. */
const FILE_BYTES = 65_536;

/** A session of its own for each message, which is put and received. */
const sessionPutReceive: Open = (target, { connectMailbox }) => {
  const connect = () => connectMailbox({ port: target.mailbox, timeout: TIMEOUT });
  let mailbox: Mailbox | undefined;
  return Promise.resolve({
    async turn() {
      mailbox = await connect();
      const receiver = `honest-${crypto.randomUUID()}`;
      await mailbox.send(receiver, "alice", "hello", { ttl: TTL });
      await receiveOne(mailbox, receiver);
      await mailbox.close();
    },
    [Symbol.asyncDispose]: () => mailbox?.close(0) ?? Promise.resolve(),
  });
};

async function receiveOne(mailbox: Mailbox, receiver: string) {
  for await (const message of mailbox.messages(receiver, { count: 1, wait: TIMEOUT, prefetch: 1 })) {
    await message.ack();
    return;
  }
  throw new Error("no message came");
}

/** Puts a message with an account, in a sealed session, and receives it from the account's mailbox. */
const accountPutReceive: Open = async (target, { connectMailbox }) => {
  const as = { name: NAME, password: PASSWORD };
  const mailbox = await connectMailbox({
    port: target.mailbox,
    timeout: TIMEOUT,
    as,
    serverKey: target.serverKey,
  });
  return {
    async turn() {
      await mailbox.send(NAME, NAME, "hello", { ttl: TTL, wait: TIMEOUT });
      await receiveOne(mailbox, NAME);
    },
    [Symbol.asyncDispose]: () => mailbox.close(0),
  };
};

/** The original wire: puts a message, and takes until that one comes. */
const originalPutTake: Open = async ({ mailbox: port }) => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const server = { transport: "udp", hostname: "127.0.0.1", port } as const;
  const send = (text: string) => socket.send(new TextEncoder().encode(text), server);
  const receive = async () => {
    for (;;) {
      const [datagram, from] = await socket.receive();
      // or a datagram of another server for the last owner of this port
      if ((from as Deno.NetAddr).port === port) return new TextDecoder().decode(datagram);
    }
  };
  const honest = {
    repeats: 0,
    async turn() {
      const text = crypto.randomUUID();
      const putAndTake = async () => {
        await send(`F, original, alice, ${text}`);
        await send("R, original");
      };
      await putAndTake();
      const asking = setInterval(() => {
        honest.repeats++;
        void putAndTake();
      }, AGAIN);
      try {
        for (let reply = await receive(); !reply.includes(text); reply = await receive()) {
          // one that was put twice, because an answer was lost; or, after `X`, one whose put was lost
          if (reply.startsWith("N")) await send("R, original");
        }
      } finally {
        clearInterval(asking);
      }
    },
    [Symbol.asyncDispose]() {
      socket.close();
      return Promise.resolve();
    },
  };
  await honest.turn();
  return honest;
};

/** A guest joins, sends a message and leaves. The member, who stays, has to receive it. */
const channelMessage: Open = async ({ channels: port }) => {
  const member = await FramePeer.named("member", port);
  await member.send("/create honest", "/join honest");
  await member.settle();
  let guest: FramePeer | undefined;
  return {
    async turn() {
      guest = await FramePeer.named("guest", port);
      await guest.send("/join honest", "hello");
      while (await received(member) !== "[guest] hello");
      guest[Symbol.dispose]();
    },
    [Symbol.asyncDispose]() {
      guest?.[Symbol.dispose]();
      member[Symbol.dispose]();
      return Promise.resolve();
    },
  };
};

/** The same in the room. */
const roomLine: Open = async ({ room: port }) => {
  const member = await LinePeer.connect(port);
  let guest: LinePeer | undefined;
  return {
    async turn() {
      guest = await LinePeer.connect(port);
      await guest.send("hello");
      while (!(await received(member)).endsWith("> hello"));
      guest[Symbol.dispose]();
    },
    [Symbol.asyncDispose]() {
      guest?.[Symbol.dispose]();
      member[Symbol.dispose]();
      return Promise.resolve();
    },
  };
};

/** A guest of the channels logs in over TLS, and is in the list. */
const tlsLogin: Open = (target) => {
  let guest: FramePeer | undefined;
  return Promise.resolve({
    async turn() {
      guest = await FramePeer.overTls(target.channels, target.certificate);
      await guest.send(`/login ${VISITOR} ${PASSWORD}`);
      const answer = await received(guest);
      if (!answer.startsWith("Logged in")) throw new Error(answer);
      guest[Symbol.dispose]();
    },
    [Symbol.asyncDispose]() {
      guest?.[Symbol.dispose]();
      return Promise.resolve();
    },
  });
};

/** A guest enters the room over TLS, and its line arrives. */
const roomTlsLine: Open = async (target) => {
  const member = await LinePeer.connect(target.room);
  let guest: LinePeer | undefined;
  return {
    async turn() {
      guest = await LinePeer.overTls(target.roomTls, target.certificate);
      await guest.send("hello, sealed");
      while (!(await received(member)).endsWith("> hello, sealed"));
      guest[Symbol.dispose]();
    },
    [Symbol.asyncDispose]() {
      guest?.[Symbol.dispose]();
      member[Symbol.dispose]();
      return Promise.resolve();
    },
  };
};

async function received(peer: FramePeer | LinePeer): Promise<string> {
  const text = await peer.next();
  if (text === undefined) throw new Error("the server has closed");
  return text;
}

/** Reads a thread, creates another one, posts to it and removes it. */
const forumThreads: Open = async (target, library) => {
  const forum = await openForum(target, library, READER);
  await made(forum.create("honest"));
  await forum.post("honest", "hello, all");
  return {
    async turn() {
      const title = `t${crypto.randomUUID().slice(0, 8)}`;
      await forum.create(title);
      await forum.post(title, "hello");
      const [entry] = await Array.fromAsync(forum.read("honest"));
      if (entry === undefined) throw new Error("the thread is empty");
      await forum.remove(title);
    },
    [Symbol.asyncDispose]: () => forum.close(0),
  };
};

/** Uploads a file, or downloads it, in turn. */
const fileTransfer: Open = async (target, library, directory) => {
  const forum = await openForum(target, library, FETCHER), path = `${directory}/file`;
  await Deno.writeFile(path, new Uint8Array(FILE_BYTES).fill(0x78));
  await made(forum.create("files"));
  await made(forum.upload("files", "file", path));
  let turns = 0;
  return {
    async turn() {
      if (turns++ % 2 === 0) {
        return void await forum.download("files", "file", `${path}.got`, { force: true });
      }
      const title = `f${crypto.randomUUID().slice(0, 8)}`;
      await forum.create(title);
      await forum.upload(title, "file", path);
      await forum.remove(title);
    },
    [Symbol.asyncDispose]: () => forum.close(0),
  };
};

function openForum({ forum: port, serverKey }: Target, { connectForum }: Library, name: string) {
  return connectForum({
    port,
    serverKey,
    timeout: TIMEOUT,
    as: { name, password: PASSWORD },
  });
}

/** Waits for it; that it is there already is as good. */
async function made(making: Promise<unknown>) {
  try {
    await making;
  } catch (error) {
    if (!/exists/.test((error as { reason?: string }).reason ?? "")) throw error;
  }
}

export const SERVICES: Readonly<Record<string, Open>> = {
  "session": sessionPutReceive,
  "account": accountPutReceive,
  "original": originalPutTake,
  "channels": channelMessage,
  "login": tlsLogin,
  "room": roomLine,
  "room TLS": roomTlsLine,
  "forum": forumThreads,
  "file": fileTransfer,
};
