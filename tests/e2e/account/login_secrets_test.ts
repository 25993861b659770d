/**
 * What is typed behind `/login` on channels and room, or logs in over HTTP, right or wrong, in whatever pieces it comes:
 * it is in no log, status, event of `watch`, history, error or file, nothing that others are shown, and not where the
 * system shows processes.
 */

import { assert, assertEquals } from "@std/assert";
import { selfSigned } from "../../../client/command/cert/self_signed.ts";
import { encodeFrames } from "../../../protocol/syntax/frame.ts";
import { httpRequest } from "../../http.ts";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { Recorder } from "./recorder.ts";

const PASSWORD = "known-pass-4Hj", WRONG = "known-wrong-6Bn";

/** Runs a command until it is ended, and records what it writes. */
async function running(recorder: Recorder, isBegun: string, ...args: string[]) {
  const [program = "", ...before] = FROM_SOURCE;
  const child = new Deno.Command(program, {
    args: [...before, ...args],
    cwd: recorder.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const begun = Promise.withResolvers<void>();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes(isBegun)) begun.resolve();
    }
    begun.reject(new Error(`${args.join(" ")} ended: ${text}`));
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  begun.promise.catch(() => {});
  await begun.promise;
  return {
    pid: child.pid,
    get text() {
      return text;
    },
    async end() {
      child.kill("SIGINT");
      await child.stdin.close().catch(() => {});
      await child.status;
      await reading;
      recorder.add(args.join(" "), text);
    },
  };
}

/** What the system shows of a process to whoever may look. */
async function shownOf(pid: number): Promise<string> {
  const { code, out, err } = await runCommand(["cat", `/proc/${pid}/cmdline`, `/proc/${pid}/environ`], {
    input: "",
  });
  assertEquals(code, 0, err);
  return out;
}

/** Lines whose first word is `/login`, as far as the server takes it for one. */
const linesWith = (secret: string) => [
  `/login dora ${secret}`,
  `   /login dora ${secret}`,
  `\t /login dora ${secret}`,
  `\u00a0\u200b/login dora ${secret}`,
  `/login ${secret}`,
  `/login ${secret} dora`,
  `/login nobody ${secret}`,
  `/login dora ${secret} `,
];

Deno.test(
  "nothing of a log-in on channels, in the room or over HTTP is shown, stored or logged anywhere",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory, recorder = new Recorder(path);
    const { cert, key } = await selfSigned(["127.0.0.1"], 1);
    for (const [name, text] of Object.entries({ cert, key, password: `${PASSWORD}\n` })) {
      await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o600 });
    }
    const server = await ServerProcess.start([
      ...["mailbox", "0", "channels", "0", "room", "0", "--tls-room-port", "0", "--data", "data"],
      ...["--tls-cert", "cert", "--tls-key", "key", "--log-level", "debug"],
    ], { cwd: path, command: FROM_SOURCE });
    try {
      const at = ["--server", server.address], beside = ["--data", "data"];
      const add = await wirepost(["account", "add", "dora", "--password-file", "password", ...beside], {
        cwd: path,
      });
      assertEquals(add.code, 0, add.err);
      // it is shown once, here
      const { out: made } = await wirepost(["account", "token", "add", "dora", ...beside], { cwd: path });
      const token = made.trim(),
        channels = await server.ready("channels"),
        secrets = [PASSWORD, WRONG, token];
      await Deno.writeTextFile(`${path}/password`, `${token}\n`);
      const watching = ["--texts", "--json", ...beside];
      const watch = await running(recorder, "watching", "watch", ...watching);
      using member = await FramePeer.named("eve", channels);
      await member.send("/create room");
      await member.settle();
      const chat = await running(
        recorder,
        "[Me]",
        "chat",
        "room",
        "--as",
        "dora",
        "--password-file",
        "password",
        ...at,
      );

      const connect = [
        () => FramePeer.connect(channels),
        () => FramePeer.overTls(channels, cert),
        async () => LinePeer.connect(await server.ready("room")),
        async () => LinePeer.overTls(await server.ready("room-tls"), cert),
      ];
      for (const open of connect) {
        for (const isSplit of [false, true]) {
          using peer = await open();
          if (peer instanceof FramePeer) await peer.send("fay", "/join room");
          const said: string[] = [];
          for (const secret of secrets) for (const line of linesWith(secret)) said.push(line);
          // in the middle of a frame too, which is cut into lines
          if (peer instanceof FramePeer) {
            said.push(...secrets.map((secret) => `hello\n /login dora ${secret}`));
          }
          for (const line of said) {
            if (!isSplit) await peer.send(line);
            else for (const byte of peer.encode(line)) await peer.write(new Uint8Array([byte]));
          }
          await peer.send("the end");
          recorder.add("answers", (await peer.rest()).join("\n"));
        }
      }
      // in place of a name, and as long as a frame may be
      using long = await FramePeer.connect(channels);
      for (const secret of secrets) {
        await long.write(encodeFrames(`/login dora ${secret}`.padEnd(200, "x")));
      }
      recorder.add("answers", (await long.rest()).join("\n"));

      // over HTTP each request has it
      for (const secret of secrets) {
        const basic = `Basic ${new TextEncoder().encode(`dora:${secret}`).toBase64()}`;
        for (const authorization of [basic, `Bearer ${secret}`, `Digest ${secret}`, `${basic} ${secret}`]) {
          const { body } = await httpRequest(await server.ready("http"), "GET /", {
            headers: { authorization },
          });
          recorder.add("http", body);
        }
        for (const body of [JSON.stringify({ name: "dora", password: secret }), `{"password":"${secret}`]) {
          const headers = { "content-type": "application/json" };
          recorder.add(
            "http",
            (await httpRequest(await server.ready("http"), "POST /login", { headers, body })).body,
          );
        }
      }

      recorder.add("the member", (await member.settle()).join("\n"));
      using late = await FramePeer.named("late", channels);
      await late.send("/wirepost\n1", "/join room", "/history");
      recorder.add("the history", (await late.settle()).join("\n"));
      for (
        const words of ["status", "status --limits", "admin connections", "admin status", "account list"]
      ) {
        await recorder.run([...words.split(" "), ...beside]);
      }
      for (const { pid } of [server, watch, chat]) recorder.add(`the process ${pid}`, await shownOf(pid));
      assert(server.err.includes("wrong password"), "a wrong password was tried");
      await chat.end();
      await watch.end();
      assert(watch.text.includes("/login"), "log-ins were watched");
      recorder.add("the server", server.err + server.out);
      await server.end();
      recorder.add("the server's end", server.err + server.out);
      assertEquals(recorder.found(secrets), []);
    } finally {
      await server.end();
    }
  },
);
