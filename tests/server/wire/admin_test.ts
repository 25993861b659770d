import { assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { proof } from "../../../protocol/admin.ts";
import { Admin, type AdminCommand } from "../../../server/wire/admin/admin_requests.ts";
import { Peer } from "../../program.ts";
import { withServer } from "../serve.ts";

const secret = new TextEncoder().encode("a secret of an administrator");
const from = "127.0.0.1:5000";

/** An administration whose clock stands until it is moved, and which counts what was carried out. */
function setUp() {
  const state = { now: 1_700_000_000_000, runs: 0 };
  const commands: AdminCommand[] = [
    {
      usage: "count[, ID]",
      run: ([id = "-"]) => [id, String(++state.runs)],
    },
    {
      usage: "many",
      run: () => Array.from({ length: 999 }, (_, i) => `box ${i}`),
    },
    {
      usage: "rows",
      rows: true,
      run: () => Array.from({ length: 999 }, (_, i) => `r, ${i}`),
    },
    {
      usage: "refuse",
      run: () => {
        throw new RangeError("that is too much");
      },
    },
  ];
  let byte = 0;
  const random = (bytes: number) => new Uint8Array(bytes).map(() => byte++);
  const admin = new Admin({ secret, commands, monotonicClock: () => state.now, random });
  const challenge = async (address = from) =>
    (await admin.answer("challenge", address, 15))!.replace("ok, ", "");
  const order = async (command: string, key = secret, nonce?: string) => {
    nonce ??= await challenge();
    return await admin.answer(`${nonce}, ${proof(key, nonce, command)}, ${command}`, from, 200);
  };
  return { admin, state, challenge, order };
}

// admin.md 2.1
Deno.test("Admin carries out a command with its proof", async () => {
  const { order } = setUp();
  assertEquals(await order("count"), "ok, -, 1");
  assertEquals(await order("COUNT, bob b"), "ok, bob b, 2");
  assertEquals(await order("count,"), "ok, , 3");
});

Deno.test("Admin takes the nonce and the proof in either case, with spaces", async () => {
  const { admin, challenge } = setUp();
  const nonce = await challenge();
  const hex = proof(secret, nonce, "count").toUpperCase();
  assertEquals(await admin.answer(`  ${nonce.toUpperCase()} ,${hex} ,  count  `, from, 200), "ok, -, 1");
});

// admin.md 2.1
Deno.test("Admin refuses what is not proved", async () => {
  const { admin, state, challenge, order } = setUp();
  assertEquals(await admin.answer("status", from, 13), "error, no proof: send 'A, challenge'");
  assertEquals(await admin.answer("a, b, count", from, 14), "error, unknown nonce");
  assertEquals(
    await order("count", new TextEncoder().encode("another secret altogether")),
    "error, wrong proof",
  );
  const nonce = await challenge();
  assertEquals(
    await admin.answer(`${nonce}, ${proof(secret, nonce, "count")}, clear`, from, 200),
    "error, wrong proof",
  );
  assertEquals(
    await order("count", secret, await challenge("127.0.0.1:5001")),
    "error, unknown nonce",
  );
  assertEquals(state.runs, 0);
});

// admin.md 2.1, 2.2
Deno.test("Admin takes a nonce once and for 30 s, and answers a repeated datagram again", async () => {
  const { state, challenge, order } = setUp();
  const nonce = await challenge();
  assertEquals(await order("count", secret, nonce), "ok, -, 1");
  assertEquals(await order("count", secret, nonce), "ok, -, 1");
  assertEquals(await order("count, bob", secret, nonce), "error, nonce used");
  const second = await challenge();
  state.now += 29_999;
  assertEquals(await order("count", secret, second), "ok, -, 2");
  state.now += 1;
  assertEquals(await order("count", secret, second), "error, nonce too old");
  assertEquals(state.runs, 2);
});

Deno.test("Admin tells what is wrong with a command", async () => {
  const { order } = setUp();
  assertEquals(await order("dance"), "error, unknown command 'dance'");
  assertEquals(await order("count, a, b"), "error, usage: count[, ID]");
  assertEquals(await order("refuse"), "error, that is too much");
});

// admin.md 1.4
Deno.test("Admin gives as many fields or rows as a datagram holds", async () => {
  const { order } = setUp();
  for (
    const [command, shape] of [["many", /^ok, box 0, box 1, .*, box \d+$/], [
      "rows",
      /^ok\nr, 0\nr, 1\n/,
    ]] as const
  ) {
    const answer = await order(command) ?? "";
    assertMatch(answer, shape);
    assertEquals(answer.length <= 1021 && answer.length > 1000, true);
  }
});

Deno.test("Admin without a secret refuses everything", async () => {
  const admin = new Admin({
    secret: undefined,
    commands: [],
    monotonicClock: Date.now,
    random: (n) => new Uint8Array(n),
  });
  assertEquals(await admin.answer("challenge", from, 15), "error, administration is off");
});

// admin.md 2.3
Deno.test("Admin keeps nothing of nonces that are asked for and not used", async () => {
  const { challenge, order } = setUp();
  const first = await challenge();
  // more than the commands that it remembers within 30 s
  for (let i = 0; i < 20_000; i++) await challenge();
  assertEquals(await order("count", secret, first), "ok, -, 1");
});

// admin.md 3.1
Deno.test("who has not shown that he receives anything gets at most 3 times what came from him", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-admin-" });
  await Deno.writeFile(`${directory}/secret`, secret);
  try {
    await withServer({ secretFile: `${directory}/secret` }, async (server) => {
      const nonce = "0".repeat(36), hex = "0".repeat(64);
      const transcript: [string, string][] = [
        ["A, challenge", "A, error, pad to 15 bytes"],
        ["A,challenge  ", "A, error, pad to 15 bytes"],
        ["A,", ""],
        ["A,,", ""],
        ["A,,,", ""],
        ["A, count", "A, error, no proof"],
        ["A, status now", "A, error, no proof: send 'A, challenge'"],
        ["A, x, y, count", "A, error, unknown nonce"],
        [`A, ${nonce}, ${hex}, status`, "A, error, unknown nonce"],
      ];
      for (const [request, expected] of transcript) {
        using peer = new Peer(server.addresses[0]!.port);
        await peer.send(request);
        // what is answered comes before this
        await peer.send("R, nobody");
        const reply = await peer.receive();
        assertEquals(reply, expected || "X", request);
        if (expected !== "") assertLessOrEqual(reply.length, 3 * request.length, request);
      }
      using peer = new Peer(server.addresses[0]!.port);
      assertMatch(await peer.ask("A, challenge   "), /^A, ok, [0-9a-f]{36}$/);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

// admin.md 4.1
Deno.test("control messages of the mailbox do what they say", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-admin-" });
  const secretFile = `${directory}/secret`;
  await Deno.writeFile(secretFile, secret);
  try {
    await withServer({ secretFile }, async (server, log) => {
      using peer = new Peer(server.addresses[0]!.port);
      const order = async (command: string) => {
        const nonce = (await peer.ask("A, challenge   ")).replace("A, ok, ", "");
        return await peer.ask(`A, ${nonce}, ${proof(secret, nonce, command)}, ${command}`);
      };
      assertEquals(
        await order("help"),
        "A, ok\nhelp\nstatus[, SKIP]\nservices\nlimits[, SKIP]\nlist[, AFTER]\noldest\ncount[, ID]\nclear, ID\nclear-shared\nclear-all\ndead[, AFTER]\n" +
          "requeue, NUMBER\ndelete, NUMBER\nrequeue-all[, AFTER]\ndelete-all\nlimit, N\n" +
          "account, list[, AFTER] | add, NAME, VERIFIER | confirm, NAME | set-password, NAME, VERIFIER | role, NAME, ROLE | remove, NAME | tokens, NAME | add-token, NAME, ID, VERIFIER, SECONDS | remove-token, NAME, ID\n" +
          "connections[, AFTER]\nkick, SUBJECT\nban, SECONDS, SUBJECT\nban-loopback, SECONDS, SUBJECT\nunban, SUBJECT\n" +
          "mute, SECONDS, SUBJECT\nmute-loopback, SECONDS, SUBJECT\nunmute, SUBJECT\nbans[, SKIP]\n" +
          "watch, SECONDS[, FILTER…]\nlog, on|off\nstop",
      );
      assertEquals(await order("list"), "A, ok");
      for (const text of ["F, bob, alice, 1", "F, bob, alice, 2", "F, a b, alice, 3", "for, 4"]) {
        await peer.send(text);
      }
      assertEquals(await order("list"), "A, ok, 1 , 1 a b, 2 bob");
      assertEquals(await order("list,"), "A, ok, 1 a b, 2 bob");
      assertEquals(await order("list, a b"), "A, ok, 2 bob");
      assertEquals(await order("count"), "A, ok, 4");
      assertEquals(await order("count, bob"), "A, ok, 2");
      assertEquals(await order("count,"), "A, ok, 1");
      assertEquals(await order("count, nobody"), "A, ok, 0");
      assertEquals(await order("clear, bob"), "A, ok, 2");
      // neither what was left out nor an empty name is everything
      assertEquals(await order("clear"), "A, error, usage: clear, ID");
      assertEquals(await order("clear,"), "A, error, usage: clear, ID");
      assertEquals(await order("clear-all, x"), "A, error, usage: clear-all");
      assertEquals(await order("count"), "A, ok, 2");
      assertEquals(await order("clear-shared"), "A, ok, 1");
      assertEquals(await order("clear-all"), "A, ok, 1");
      assertEquals(await order("count"), "A, ok, 0");
      assertEquals(await order("dead"), "A, ok");
      for (const name of ["requeue", "delete"]) {
        assertEquals(await order(name), `A, error, usage: ${name}, NUMBER`);
        assertEquals(await order(`${name},`), "A, error, not the number of a dead letter: ''");
        assertEquals(await order(`${name}, x`), "A, error, not the number of a dead letter: 'x'");
        assertEquals(await order(`${name}, 7`), "A, error, no dead letter has the number 7");
      }
      assertEquals(await order("requeue-all"), "A, ok, 0, 0, 0");
      assertEquals(await order("delete-all"), "A, ok, 0");
      assertEquals(await order("limit, 1"), "A, ok, 1");
      assertEquals(await order("limit, 0"), "A, error, limit is not a number from 1: '0'");
      assertEquals(await order("log, on"), "A, ok, on");
      for (const text of ["F, bob, alice, 1", "F, bob, alice, 2"]) await peer.send(text);
      assertEquals(await order("count"), "A, ok, 1");
      assertEquals(await order("log, off"), "A, ok, off");
      assertEquals(await order("log, maybe"), "A, error, log is neither on nor off: 'maybe'");
      const status = (await order("status")).split(", ");
      for (
        const field of ["version 0", "messages 1", "bytes 1", "mailboxes 1", "stored 5", "refused full 1"]
      ) {
        assertEquals(status.includes(field), true, `${field} in ${status}`);
      }
      assertEquals(await order("stop"), "A, ok, stopping");
      await server.stopping;
      const lines = log.join("").split("\n").filter((line) => line.includes(" debug "));
      assertEquals(lines.map((line) => line.replace(/^\S+Z /, "")), [
        `debug mailbox 127.0.0.1:${peer.port} put 1 bytes into mailbox 'bob'`,
        `debug mailbox 127.0.0.1:${peer.port} sent what is refused: full`,
      ]);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
