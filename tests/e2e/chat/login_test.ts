/** `wirepost chat` and `wirepost room` log in (channels.md 9.10 and 9.11). */

import { assertEquals } from "@std/assert";
import { connectChannels, LoginRefusedError } from "../../../client/channels.ts";
import { connectRoom } from "../../../client/room.ts";
import { encodeFrames } from "../../../protocol/syntax/frame.ts";
import { ScriptedServer } from "../../client/scripted_server.ts";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";

const PASSWORD = "correct horse";

/** A server where alice has an account, and what runs the program there. */
async function withAlice(
  use: (
    run: (command: string, input: string, env?: Record<string, string>) => ReturnType<typeof wirepost>,
    server: ServerProcess,
    directory: string,
  ) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  const cwd = directory.path;
  const run = (command: string, input: string, env: Record<string, string> = {}) =>
    wirepost(command.split(" "), { cwd, input, env: { XDG_STATE_HOME: `${cwd}/state`, ...env } });
  const data = ["--data", `${cwd}/data`];
  await using server = await ServerProcess.start(["mailbox", "0", "channels", "0", "room", "0", ...data], {
    cwd,
  });
  await Deno.writeTextFile(`${cwd}/password`, `${PASSWORD}\n`);
  const added = await run(`account add alice --data ${cwd}/data --password-file password`, "");
  assertEquals([added.code, added.err], [0, ""]);
  await use(run, server, cwd);
}

Deno.test("chat logs in by the password of a file, or of the environment where --as names its user", async () => {
  await withAlice(async (run, server) => {
    using bob = await FramePeer.named("Bob", await server.ready("channels"));
    await bob.send("/create tea");
    await bob.settle();
    const at = `--server ${server.address} --linger 0s`;
    for (
      const [options, env] of [
        ["--password-file password", {}],
        ["", { WIREPOST_PASSWORD: PASSWORD }],
      ] as const
    ) {
      const { code, err } = await run(
        `chat tea --as alice ${options} ${at}`.replace("  ", " "),
        "hello\n",
        env,
      );
      assertEquals([code, err], [0, ""]);
      assertEquals(
        [await bob.next(), await bob.next(), await bob.next()],
        ["alice has joined", "[alice] hello", "alice has left"],
      );
    }
  });
});

Deno.test("chat without a password, or with a wrong one, says what is missing and sends nothing", async () => {
  await withAlice(async (run, server) => {
    const at = `--server ${server.address} --linger 0s`;
    assertEquals(await run(`chat tea --as alice ${at}`, "hello\n"), {
      code: 1,
      out: "",
      err:
        "wirepost chat: Cannot ask for a password: standard input is not a terminal; give --password-file or set " +
        "WIREPOST_PASSWORD\n",
    });
    assertEquals(await run(`chat tea --as alice ${at}`, "hello\n", { WIREPOST_PASSWORD: "wrong" }), {
      code: 1,
      out: "",
      err: "wirepost chat: Cannot log in as 'alice': the name or the password is wrong.\n",
    });
    // a name without an account is free
    assertEquals((await run(`chat tea --as carol ${at}`, "hello\n")).code, 0);
  });
});

Deno.test("room logs in with --as, and is shown by the name", async () => {
  await withAlice(async (run, server) => {
    const port = await server.ready("room");
    using bob = await LinePeer.connect(port);
    const { code, err } = await run(
      `room --server ${server.address} --as alice --password-file password --linger 0s`,
      "hi\n",
    );
    assertEquals([code, err], [0, ""]);
    const lines = [];
    while (lines.at(-1) !== "Client alice is offline") lines.push(await bob.next());
    assertEquals(lines.slice(-3), ["[alice] entered room", "\r<alice> hi", "Client alice is offline"]);
  });
});

Deno.test("the library logs in, and gives what came meanwhile", async () => {
  await withAlice(async (_, server) => {
    const [channels, room] = [await server.ready("channels"), await server.ready("room")];
    await using alice = await connectChannels({ port: channels, name: "alice", password: PASSWORD });
    await using bob = await connectRoom({ port: room });
    await alice.send("/join room");
    await using too = await connectRoom({ port: room, as: { name: "alice", password: () => PASSWORD } });
    await too.send("hi");
    const said = [];
    while (said.at(-1) !== "[alice] hi") said.push(await alice.receive());
    assertEquals(said.slice(-2), ["alice has joined", "[alice] hi"]);
    const lines = [];
    while (lines.at(-1) !== "<alice> hi") lines.push(await bob.receive());
  });
});

// channels.md 9.10
Deno.test("a server that knows no log-in is not sent the password", async () => {
  using server = new ScriptedServer();
  const connecting = connectChannels({ port: server.port, name: "alice", password: PASSWORD })
    .catch((error) => error);
  await server.accept();
  assertEquals(
    await server.read(400),
    new TextDecoder().decode(encodeFrames("alice")) + "/login".padEnd(200),
  );
  const answer = "/login is not a valid control message. Valid messages are /create, /list, and /join.";
  await server.write(encodeFrames(answer));
  const error = await connecting;
  assertEquals([error instanceof LoginRefusedError, error.reason], [true, "no log-in"]);
  assertEquals(await server.readAll(), "");
});
