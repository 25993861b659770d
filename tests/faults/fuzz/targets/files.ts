/** The files that programs read: what another program, an editor or a damaged disk has left in them. */

import { newDirectory } from "../engine/directory.ts";
import { KnownServers } from "../../../../client/session/seal/known_servers.ts";
import { Positions } from "../../../../client/command/chat/positions.ts";
import { HttpResume } from "../../../../client/command/send/http_resume.ts";
import { Resume } from "../../../../client/command/send/resume.ts";
import { Arguments, UsageError } from "../../../../client/command/command.ts";
import { readOptionsFile } from "../../../../client/command/serve/options_file.ts";
import { readRunning, readSecret } from "../../../../server/data/directory.ts";
import { environment, patched } from "../client/patched.ts";
import { COMMAND } from "./texts.ts";
import { holds, type Target } from "../engine/target.ts";

let directory: string | undefined;

const ALLOWED = /^(Cannot |Invalid |Missing |Unknown |Unexpected |Option |Expected |\S+\/options:\d+: )/;

export const FILES: Target = {
  name: "files",
  covers: ["client/", "server/data/"],
  words: [
    ...[
      "127.0.0.1:21001",
      "public1",
      "sha256:",
      "0".repeat(64),
      " ",
      "\n",
      "\t",
      "#",
      "--host ",
      "--size=",
      "--wait 30s",
      "--json",
    ],
    ...[
      '{"id":"',
      '"born":"',
      '"next":',
      '"line":',
      "{",
      "}",
      "null",
      "[]",
      '"',
      "1",
      '"pid":1',
      '"services":{"mailbox":["x:1"]}',
    ],
    ...["127.0.0.1:1 a1 7 tea Eve", "\ufeff", "\r\n"],
  ],
  seeds: [
    "127.0.0.1:21001 public1aaaa sha256:" + "0".repeat(64) + "\n# a comment\n\n[::1]:1 x\n",
    "127.0.0.1:1 a1 7 tea Eve\n127.0.0.1:1 b2 9 coffee Eve\n",
    '{"id":"AAAAAAAAAAAAAAAAAAAAAA","born":"000000000001","next":3,"line":2}\n',
    '{"pid":1,"services":{"mailbox":["127.0.0.1:1"]}}',
    "--host 127.0.0.1\n# a comment\n--size=1MiB\n--json\n--name a\n--name b\n",
    "a secret of an administrator\n",
  ],
  maxBytes: 4096,
  shortInputs: 60,
  maxMs: 10_000,
  async run(input) {
    directory ??= newDirectory();
    const path = `${directory}/wirepost/file`;
    using _ = patched({ env: environment({ XDG_STATE_HOME: directory }) });
    for (const name of ["wirepost/file", "wirepost/send/job.json", "options", "server.json", "secret"]) {
      const file = `${directory}/${name}`;
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeFileSync(file, input);
    }
    const known = new KnownServers(path);
    for (const { server } of (await readable(() => known.list()) ?? []).slice(0, 3)) {
      await readable(() => known.keyOf(server));
      await readable(() => known.certificateOf(server));
    }
    await readable(() => known.remove("127.0.0.1:21001"));
    await readable(() => known.addCertificate("127.0.0.1:1", `sha256:${"0".repeat(64)}`));
    const positions = new Positions("127.0.0.1:1", "Eve", path);
    positions.set("tea", { history: "a1", number: 9 });
    positions.save();
    holds(new Positions("127.0.0.1:1", "Eve", path).get("tea")?.number === 9, () => "a position is lost");
    for (const isSealed of [true, false]) {
      const resume = await readable(() => Resume.load("job", isSealed));
      const { id = "A".repeat(22), next = 1 } = resume?.state ?? {};
      holds(
        /^[\w-]{22}$/.test(id) && Number.isSafeInteger(next) && next >= 1,
        () => `a session ${id}, ${next}`,
      );
      const line = resume?.in({ state: { id, startTime: "", next, low: next } }).line ?? 0;
      holds(Number.isSafeInteger(line), () => `line ${line}`);
    }
    const { line = 0 } = await readable(() => HttpResume.load("job")) ?? {};
    holds(Number.isSafeInteger(line), () => `line ${line} over HTTP`);
    const args = new Arguments(COMMAND, ["--config", `${directory}/options`], {} as never);
    await readable(() =>
      readOptionsFile(args, COMMAND, [["host", "json"]], (line) => void line.size("size"))
    );
    await readable(() => readSecret(`${directory}/secret`));
    await readRunning(directory);
  },
  end() {
    if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
    directory = undefined;
    return Promise.resolve();
  },
};

/** What is read; undefined if it can't be, and the error says so to people. */
async function readable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    if (error instanceof Error && error.constructor === Error && ALLOWED.test(error.message)) {
      return undefined;
    }
    throw error;
  }
}
