import { assertEquals, assertMatch } from "@std/assert";
import {
  decodeSealToClient,
  encodeHello,
  Opener,
  Sealer,
  type SealToClient,
} from "../../../protocol/seal.ts";
import { clientKeys, sealId, sealKey } from "../../../protocol/seal/keys.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { ForumUser } from "../forum/user.ts";

const VERIFIER = `SCRAM-SHA-256$600000:${"A".repeat(22)}==$${"A".repeat(43)}=:${"A".repeat(43)}=`;

/** A client under seal that has not logged in, and sends what the test wants. */
async function stranger(port: number) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const key = sealKey(crypto.getRandomValues(new Uint8Array(32)));
  const header = { id: sealId(key.public), startId: "", cookie: "" };
  const ask = async (datagram: Uint8Array<ArrayBuffer>) => {
    await socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
    const [answer] = await socket.receive();
    return { answer, ...decodeSealToClient(answer)! };
  };
  Object.assign(header, (await ask(encodeHello(header, key.public))).header);
  const { body } = await ask(encodeHello(header, key.public));
  const greeting = body as SealToClient & { kind: "hello" };
  const keys = clientKeys({ service: "mailbox", ...header }, key, greeting.key, greeting.server);
  const sealer = new Sealer(">", keys.toServer), opener = new Opener(keys.toClient);
  return {
    async say(text: string): Promise<string> {
      const { answer, body } = await ask(sealer.seal(header, new TextEncoder().encode(text)));
      const plain = opener.open(answer, (body as SealToClient & { kind: "sealed" }).number);
      return new TextDecoder().decode(plain as Uint8Array);
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

// accounts.md 1.1; seal.md 5.2
Deno.test("with --accounts admin, accounts are made only beside the server", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path;
  const run = (command: string, password = "organa") =>
    wirepost(command.split(" "), {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: password },
    });
  const services = ["mailbox", "0", "forum", "0", "--accounts", "admin"];
  await using server = await ServerProcess.start(services, { cwd });
  const forum = await server.ready("forum");
  const refused = "Cannot make an account for 'luke': the administrator alone makes accounts\n";
  assertEquals(await run(`account add luke --server ${server.address}`), {
    code: 1,
    out: "",
    err: `wirepost account: ${refused}`,
  });
  assertEquals(await run(`forum 127.0.0.1 ${forum} --user luke --new LST`), {
    code: 1,
    out: "",
    err: `wirepost forum: ${refused}`,
  });
  // at a prompt, the name is asked for again, and no password
  await using user = new ForumUser(forum, cwd);
  assertEquals(await user.say("luke", 1), [
    "luke has no account, and the administrator alone makes new ones",
  ]);
  assertEquals((await run("account add luke")).code, 0);
  assertEquals(await user.say("luke\norgana", 1), ["Welcome to the forum"]);
  assertEquals((await user.end()).code, 0);
  assertEquals((await run(`send leia hi --as luke --server ${server.address}`)).code, 0);
  // a client that asks all the same
  using client = await stranger(server.port);
  assertEquals(await client.say(`first,1,p=parley-seal-1,,n=han,r=${"0".repeat(24)}`), "none,1,closed");
  assertEquals(await client.say(`make,2,han,${VERIFIER}`), "refused,2,closed");
  assertEquals(await client.say(`make,3,luke,${VERIFIER}`), "exists,3");
  assertEquals((await run("account list")).out, "luke  forum, mailbox\n");
  // each of these, and the three clients before them
  assertMatch((await run("admin status")).out, /^refused sealed no account 5$/m);
});

// accounts.md 1.1
Deno.test("without --accounts admin, anybody may make an account", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  using client = await stranger(server.port);
  assertEquals(await client.say(`first,1,p=parley-seal-1,,n=han,r=${"0".repeat(24)}`), "none,1");
  assertEquals(await client.say(`make,2,han,${VERIFIER}`), "made,2");
});
