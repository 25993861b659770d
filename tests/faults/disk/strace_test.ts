import { assert } from "@std/assert";
import { FROM_SOURCE, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { CI, report } from "../form.ts";

const TRACED = "recvfrom,recvmsg,recvmmsg,sendto,sendmsg,sendmmsg,fsync,fdatasync";

/** A system call in the trace: the line on which it began, and the line on which it ended. */
interface Call {
  text: string;
  began: number;
  ended: number;
}

/** The calls of `strace -f -o`. One that another thread interrupted is on two lines. */
function readCalls(trace: string): Call[] {
  const calls: Call[] = [], open = new Map<string, Call>();
  for (const [i, line] of trace.split("\n").entries()) {
    const [, thread = "", text = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    if (text.endsWith("<unfinished ...>") && resumed === undefined) {
      open.set(thread, { text: text.slice(0, -"<unfinished ...>".length).trimEnd(), began: i, ended: i });
    } else if (resumed === undefined) {
      calls.push({ text, began: i, ended: i });
    } else {
      const { text: before = "", began = i } = open.get(thread) ?? {};
      calls.push({ text: before + resumed, began, ended: i });
    }
  }
  return calls;
}

/** The traced server itself: strace has no way to end it. */
async function serverPid(directory: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(`${directory}/server.json`)).pid;
}

/** Why strace can't be used here, or undefined. */
async function unusable(): Promise<string | undefined> {
  try {
    const { code, err } = await runCommand(["strace", "-f", "-e", "trace=fsync", "-o", "/dev/null", "true"]);
    return code === 0 ? undefined : err.trim();
  } catch (error) {
    return (error as Error).message;
  }
}

// mailbox.md 4.2
Deno.test("R is answered with a message only after its removal was synced to the disk", async () => {
  const why = await unusable();
  if (why !== undefined) {
    assert(!CI, `strace has to work here: ${why}`);
    return report(`skipped, strace does not work here: ${why}`);
  }
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, file = `${directory.path}/trace`;
  const strace = ["strace", "-f", "-y", "-s", "64", "-e", `trace=${TRACED}`, "-o", file];
  const server = await ServerProcess.start(["mailbox", "0", "--data", data], {
    command: [...strace, ...FROM_SOURCE],
  });
  try {
    using peer = new Peer(server.port);
    using administrator = await Administrator.of(data, new Peer(server.port));
    await peer.send("F, bob, alice, Is it on the disk?");
    assert(await administrator.count("bob") === 1);
    assert((await peer.ask("R, bob")).endsWith(", alice, Is it on the disk?"));
  } finally {
    // strace ends with the last process that it traces
    Deno.kill(await serverPid(data), "SIGKILL");
    await server.ended();
  }

  const calls = readCalls(await Deno.readTextFile(file));
  const received = (datagram: string) =>
    calls.find(({ text }) => text.startsWith("recv") && text.includes(`"${datagram}`))!;
  const sent = (datagram: string) =>
    calls.find(({ text }) => text.startsWith("send") && text.includes(`"${datagram}`))!;
  const syncsBetween = (from: Call, to: Call) =>
    calls.filter(({ text, began, ended }) =>
      /^fdatasync\(\d+<[^>]*\/journal\/\d+\.journal>\) += 0$/.test(text) && began > from.ended &&
      ended < to.began
    ).length;
  const put = syncsBetween(received("F, bob"), sent("A, ok, 1"));
  const take = syncsBetween(received("R, bob"), sent("N, "));
  report(`syncs of the journal between F and the count that shows it: ${put}; between R and its N: ${take}`);
  assert(put > 0, "the message was counted before it was synced");
  assert(take > 0, "the message was sent before its removal was synced");
});

// seal.md 7.3
Deno.test("a key, a secret and what is remembered have their names on the disk before they are used", async () => {
  const why = await unusable();
  if (why !== undefined) {
    assert(!CI, `strace has to work here: ${why}`);
    return report(`skipped, strace does not work here: ${why}`);
  }
  await using directory = await temporaryDirectory();
  const { path } = directory, state = `${path}/state`, data = `${path}/data`;
  const traced = ["strace", "-f", "-y", "-s", "256", "-e", "trace=/^rename,fsync,sendto,sendmsg"];
  const server = await ServerProcess.start(["mailbox", "0", "--data", data], {
    command: [...traced, "-o", `${path}/server`, ...FROM_SOURCE],
  });
  const client = async (name: string, ...args: string[]) => {
    const options = { env: { XDG_STATE_HOME: state }, input: "one\n" };
    const { code, err } = await runCommand(
      [...traced, "-o", `${path}/${name}`, ...FROM_SOURCE, ...args],
      options,
    );
    assert(code === 0, err);
  };
  try {
    await Deno.mkdir(`${state}/wirepost`, { recursive: true });
    await Deno.writeTextFile(`${state}/wirepost/known-servers`, `a:1 ${"A".repeat(43)}\n`);
    await client("remove", "known-servers", "remove", "a:1");
    const from = ["--from", "alice", "--server", server.address];
    await client("resume", "send", "bob", ...from, "--resume", "now");
  } finally {
    Deno.kill(await serverPid(data), "SIGKILL");
    await server.ended();
  }

  for (
    const [trace, directory, name] of [
      ["server", data, "secret"],
      ["server", data, "seal-key"],
      ["remove", `${state}/wirepost`, "known-servers"],
      ["resume", `${state}/wirepost/send`, "now.json"],
    ] as const
  ) {
    const calls = readCalls(await Deno.readTextFile(`${path}/${trace}`));
    const after = (call: Call | undefined, ...has: string[]) =>
      calls.find(({ text, began }) =>
        began > (call?.ended ?? -1) && has.every((part) => text.includes(part))
      );
    const content = after(undefined, "fsync", `${directory}/${name}.new>`, " = 0");
    const renamed = after(content, "rename", `${directory}/${name}.new"`, `${directory}/${name}"`, " = 0");
    const named = after(renamed, "fsync", `<${directory}>`, " = 0");
    report(`${name}: content synced ${!!content}, renamed ${!!renamed}, directory synced ${!!named}`);
    assert(content !== undefined, `${name} was not synced before it was renamed`);
    assert(renamed !== undefined, `${name} was not renamed`);
    assert(named !== undefined, `the directory of ${name} was not synced after it was renamed`);
    const sent = calls.find(({ text, began }) => began > renamed.ended && /^send(to|msg)\(/.test(text));
    // the first save comes before anything is sent
    assert(sent === undefined || sent.began > named.ended, `something was sent before ${name} had its name`);
  }
});
