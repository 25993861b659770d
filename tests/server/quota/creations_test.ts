import { assertEquals, assertMatch } from "@std/assert";
import { connectChannels } from "../../../client/channels.ts";
import { connectMailbox } from "../../../client/mailbox.ts";
import { Creations } from "../../../server/quota/creations.ts";
import { httpRequest } from "../../http.ts";
import { Peer } from "../../program.ts";
import { withAdministrator } from "../administrator.ts";

// README.md 1.7
Deno.test("one address creates a thousand things a second after ten thousand at once, and this machine any number", () => {
  let now = 0;
  const known = new Set(["known"]);
  const creations = new Creations({ monotonicClock: () => now, isMailbox: (name) => known.has(name) });
  const create = (hostname: string, most: number) => {
    let count = 0;
    while (count < most && creations.takeMailbox(`${hostname} ${now} ${count}`, hostname)) count++;
    return count;
  };
  assertEquals([create("192.0.2.1", 20_000), create("127.0.0.1", 20_000)], [10_000, 20_000]);
  assertEquals(creations.usage, { used: 10_000, limit: 10_000 });
  // what is there is nothing that is created, and neither is what was just counted
  assertEquals(creations.takeMailbox("known", "192.0.2.1"), true);
  assertEquals([creations.takeMailbox("new", "192.0.2.2"), creations.takeMailbox("new", "192.0.2.1")], [
    true,
    true,
  ]);
  assertEquals([create("2001:db8::1", 20_000), create("2001:db8::2", 1)], [10_000, 0]);
  now = 1000;
  assertEquals(create("192.0.2.1", 20_000), 1000);
  // what may be forged counts apart
  const forge = (i: number) => creations.takeMailbox(`forged${i}`, "192.0.2.3", false);
  for (let i = 0; i < 10_000; i++) assertEquals(forge(i), true);
  assertEquals([forge(10_000), creations.take("192.0.2.3")], [false, true]);
  assertEquals([creations.unprovedUsage.used, creations.take("192.0.2.1")], [10_000, false]);
});

// README.md 1.7
Deno.test("who creates too much is refused what is new, uses what is there, and others create on", () =>
  withAdministrator({ creationsPerSecond: 1 }, async ({ control, port }) => {
    using greedy = new Peer(port("mailbox"), "127.0.0.1", "127.0.0.9");
    using other = new Peer(port("mailbox"), "127.0.0.1", "127.0.0.8");
    for (let i = 0; i < 100; i++) await greedy.send(`F, box${i}, mallory, spam`);
    await greedy.send("F, box0, mallory, one more");
    assertEquals(await greedy.ask("R, box99"), "X");
    for (const text of ["spam", "one more"]) {
      assertMatch(await greedy.ask("R, box0"), new RegExp(`, mallory, ${text}$`));
    }
    await other.send("F, carol, dave, hello");
    assertMatch(await other.ask("R, carol"), /, dave, hello$/);
    const status = (await control("status")).join("\n");
    const refused = Number(/^refused creation rate (\d+)$/m.exec(status)?.[1]);
    assertEquals(refused >= 80 && refused <= 90, true, `${refused}`);
    assertMatch((await control("limits")).join("\n"), /^creations of one address,creation-rate,\d+,10$/m);
  }));

// README.md 1.7
Deno.test("who forges addresses on the original wire uses up nothing that those create over a session or HTTP", () =>
  withAdministrator({ creationsPerSecond: 1 }, async ({ control, port }) => {
    using forger = new Peer(port("mailbox"));
    for (let i = 0; i < 100; i++) await forger.send(`F, forged${i}, mallory, spam`);
    // what comes behind it shows that all of it was taken in
    assertEquals(await forger.ask("R, forged99"), "X");
    assertMatch((await control("limits")).join("\n"), /^creations of one address,creation-rate,0,10$/m);
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    await mailbox.send("over-a-session", "alice", "hi");
    const put = await httpRequest(port("http"), "POST /mailbox/over-http", { body: "hi" });
    assertEquals(put.status, 201);
  }));

// README.md 1.7
Deno.test("a session that creates mailboxes too fast gets all of them in time, and a channel too many is refused", () =>
  withAdministrator({ creationsPerSecond: 10 }, async ({ control, port }) => {
    await using mailbox = await connectMailbox({ port: port("mailbox") });
    await Promise.all(Array.from({ length: 110 }, (_, i) => mailbox.send(`box${i}`, "alice", "hi")));
    assertEquals((await control("list")).length > 0, true);
    assertEquals(Number((await control("count"))[0]), 110);
    await using chat = await connectChannels({ port: port("channels"), name: "alice" });
    const answers: string[] = [];
    for (let i = 0; i < 20; i++) await chat.send(`/create c${i}`);
    for await (const line of chat) {
      answers.push(line);
      if (answers.some((answer) => /too many channels/.test(answer))) break;
    }
  }));

// README.md 1.7, http.md 3.1
Deno.test("a put by HTTP that would create a mailbox too fast is told to come later, and others are taken", () =>
  withAdministrator({ creationsPerSecond: 1 }, async ({ port }) => {
    const put = (mailbox: string) => httpRequest(port("http"), `POST /mailbox/${mailbox}`, { body: "hi" });
    let refused = await put("box");
    for (let i = 0; refused.status === 201; i++) refused = await put(`box${i}`);
    assertEquals([refused.status, refused.headers["retry-after"]], [429, "1"]);
    assertEquals((await put("box")).status, 201);
  }));
