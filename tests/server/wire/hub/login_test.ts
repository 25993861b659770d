/** Log-in on channels and room (channels.md section 9, room.md section 6). Who is let in at all is in `../access/table.ts`. */

import { assertEquals } from "@std/assert";
import { newVerifier } from "../../../../client/command/account/store.ts";
import { LOGIN_TEXTS } from "../../../../protocol/channels/login.ts";
import { FramePeer, LinePeer } from "../../../stream.ts";
import { PASSWORD, withProtected } from "../../protected.ts";
import { converse, type Writes } from "./conversation.ts";

const { usage, wrong, unconfirmed, required, closed } = LOGIN_TEXTS;
const isRefused = "is not a valid control message. Valid messages are /create, /list, and /join.";

/** Alice, Bob and all with a capital letter are in the channels, others in the room. */
const rows: Readonly<Record<string, string>> = {
  "no account: nothing is different": `
    Dora > dora
    Dora > /create tea
    Dora > /list
    Dora < tea
    Eve > eve
    Eve > /join tea
    Dora < eve has joined
    Eve > hello
    Dora < [eve] hello
    Eve > /loginx
    Eve < /loginx ${isRefused}
    Eve > /LOGIN
    Eve < /LOGIN ${isRefused}
  `,
  "right, in place of a name": `
    Dora > dora
    Dora > /create tea
    Dora > /list
    Dora < tea
    Alice > /login alice ${PASSWORD}
    Alice < Logged in as alice
    Alice > /join tea
    Dora < alice has joined
  `,
  "right, of another name than its own, in a channel": `
    Dora > dora
    Dora > /create tea
    Dora > /list
    Dora < tea
    Alice > eve
    Alice > /join tea
    Dora < eve has joined
    Alice > \\t /login alice ${PASSWORD}
    Alice < Logged in as alice
    Dora < eve has left
    Dora < alice has joined
    Alice > hello
    Dora < [alice] hello
    Alice > /login bob ${PASSWORD}
    Alice < Logged in as bob
    Dora < alice has left
    Dora < bob has joined
  `,
  "right, of an announced client": `
    Dora > dora
    Dora > /create tea
    Dora > /list
    Dora < tea
    Alice > alice
    Alice < ${required}
    Alice > /wirepost\\n1
    Alice < STX wirepost 1 alice
    Alice > /join tea
    Alice < ${required}
    Alice > //login alice ${PASSWORD}
    Alice < ${usage}
    Alice > /login alice ${PASSWORD}
    Alice < Logged in as alice
    Alice > /join tea
    Dora < alice has joined
    Alice < STX channel ID 0 tea
    Alice > hello
    Dora < [alice] hello
    Alice < STX sent 1 TIME
  `,
  "wrong, in place of a name": `
    Alice > /login alice wrong
    Alice < ${wrong}
    Alice > eve
    Alice > /login nobody ${PASSWORD}
    Alice < ${wrong}
    Alice > /create tea
    Alice > /list
    Alice < tea
  `,
  "absent password": `
    Alice > alice
    Alice < ${required}
    Alice > /login
    Alice < ${usage}
    Alice > /login alice
    Alice < ${usage}
    Alice > /login a]b ${PASSWORD}
    Alice < ${usage}
    Alice > hello
    Alice < ${required}
    Alice > /list
    Alice < ${required}
    Alice close
  `,
  "other's name": `
    Bob > bob
    Bob < ${required}
    Bob > /login alice ${PASSWORD}
    Bob < Logged in as alice
    Bob > /login carla ${PASSWORD}
    Bob < ${unconfirmed}
    Carla > carla
    Carla > /create tea
    Carla > /list
    Carla < tea
  `,
  "a name that could look like another's": `
    A > alice] hello
    A < ${required}
    A close
    B > alice> hello
    B < ${required}
    B close
    C > al\u200bice
    C < ${required}
    C close
    D >  alice
    D < ${required}
    D close
    E > alicex
    E > /list
    F > x alice
    F > /list
  `,
  "a line or frame whose first word is /login goes nowhere": `
    Dora > dora
    Dora > /create room
    Dora > /list
    Dora < room
    b enter
    Dora < 127.0.0.1:{b} has joined
    Eve > eve
    Eve > /join room
    Dora < eve has joined
    b < [eve] entered room
    Eve > hello\\n /login bob secret
    Eve < ${usage}
    Dora < [eve] hello
    b < \\r<eve> hello
    Eve > /login bob secret\\nhello
    Eve < ${wrong}
    b > hello\\r\\t/login bob secret
    b < ${usage}
    Dora < [127.0.0.1:{b}] hello
    Eve < [127.0.0.1:{b}] hello
    b > /login bob secret\\rhello
    b < ${wrong}
    b > /login
    b < ${usage}
    b > \u200b\\x1b/login
    b < ${usage}
    b > /login nobody secret
    b < ${wrong}
    b > /login carla secret
    b < ${unconfirmed}
    b > say /login
    Dora < [127.0.0.1:{b}] say /login
    Eve < [127.0.0.1:{b}] say /login
  `,
  "room, right": `
    a enter
    b enter
    a < [127.0.0.1:{b}] entered room
    Dora > dora
    Dora > /create room
    a < [dora] entered room
    b < [dora] entered room
    b > /login alice ${PASSWORD}
    b < Logged in as alice
    a < Client (127.0.0.1, {b}) is offline
    a < [alice] entered room
    Dora < 127.0.0.1:{b} has left
    Dora < alice has joined
    b > hello
    a < \\r<alice> hello
    Dora < [alice] hello
    b > /login bob ${PASSWORD}
    b < Logged in as bob
    a < Client alice is offline
    a < [bob] entered room
    Dora < alice has left
    Dora < bob has joined
    b close
    a < Client bob is offline
    Dora < bob has left
  `,
};

for (const writes of ["a message a write", "a byte a write", "all in one write"] satisfies Writes[]) {
  for (const [row, conversation] of Object.entries(rows)) {
    // channels.md 9.1 to 9.6, room.md 6.1 and 6.2
    Deno.test(`log-in, ${writes}: ${row}`, () =>
      withProtected(({ server }) => converse(server, conversation, writes)));
  }
}

// channels.md 9.10
Deno.test("with --auth required a client that announces itself is told so, and has to log in for all the rest", () =>
  withProtected(({ server }) =>
    converse(
      server,
      `
      Eve > eve
      Eve < ${closed}
      Eve > /wirepost\\n1
      Eve < STX wirepost 1 eve
      Eve > /who
      Eve < ${closed}
      Eve close
      `,
    ), { auth: "required" }));

// channels.md 9.7
Deno.test("an account that is removed, or has another password, ends the connections that have logged in by it", async () => {
  await withProtected(async ({ port, control }) => {
    for (
      const change of [
        `account, set-password, alice, ${await newVerifier("another")}`,
        "account, remove, alice",
      ]
    ) {
      using room = await LinePeer.connect(port("room"));
      using channels = await FramePeer.named("eve", port("channels"));
      const password = change.includes("set-password") ? PASSWORD : "another";
      for (const peer of [room, channels]) {
        await peer.send(`/login alice ${password}`);
        assertEquals(await peer.next(), "Logged in as alice");
      }
      using waiting = await FramePeer.named("alice", port("channels"));
      assertEquals(await waiting.next(), required);
      await control(change);
      assertEquals([await room.next(), await channels.next()], [undefined, undefined]);
      // it is free once the account is gone
      await waiting.send("/create tea", "/list");
      assertEquals(await waiting.next(), change.includes("remove") ? "tea" : required);
    }
  });
});

// channels.md 9.7
Deno.test("an account that begins to protect its name ends the connections that use it without a log-in", async () => {
  await withProtected(async ({ port, control }) => {
    using carla = await FramePeer.named("carla", port("channels"));
    using mimic = await FramePeer.named("carla] hello", port("channels"));
    using dora = await FramePeer.named("dora", port("channels"));
    await carla.settle();
    await mimic.settle();
    await control("account, confirm, carla");
    assertEquals([await carla.next(), await mimic.next()], [undefined, undefined]);
    assertEquals(await dora.settle(), []);
    const { "channels logged out": ended } = Object.fromEntries(
      (await control("status, 20")).concat(await control("status")).map((field) =>
        /^(.*) (\S+)$/.exec(field)!.slice(1)
      ),
    );
    assertEquals(ended, "2");
  });
});

// channels.md 9.1
Deno.test("nothing of a log-in is logged, counted by its words, or shown to those who watch", async () => {
  await withProtected(async ({ port, log }) => {
    for (
      const peer of [await FramePeer.named("eve", port("channels")), await LinePeer.connect(port("room"))]
    ) {
      using _ = peer;
      for (
        const line of [
          "/login alice hidden-1",
          " /login hidden-2",
          "/login hidden-3 hidden-4",
          "x\r/login alice hidden-5",
          `/login alice ${PASSWORD}`,
        ]
      ) {
        await peer.send(line);
      }
      for (let answers = 0; answers < 4; answers++) await peer.next();
    }
    assertEquals(log.filter((line) => /hidden|horse/.test(line)), []);
  }, { logLevel: "debug" });
});
