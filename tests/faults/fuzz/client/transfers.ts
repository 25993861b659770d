/**
 * Downloads and uploads of the client, whose server answers each connection as a script says. Its first line is `download` or
 * `upload`, then the size and the hash that are announced, in bytes and as `right` or `wrong`; each line after it is what one
 * connection is sent, with `$content` for the content and `$stored` for a proof that is right, and ends with `+` if the
 * connection stays open.
 *
 * @module
 */

import { newDirectory } from "../engine/directory.ts";
import { download } from "../../../../client/transfer/download.ts";
import { ConnectionLostError, TransferError } from "../../../../client/transfer/transfer.ts";
import { upload } from "../../../../client/transfer/upload.ts";
import { MAX_FILE_BYTES, uploadProof } from "../../../../protocol/transfer.ts";
import type { Random } from "../../../simulation/random.ts";
import { contentOf, sha256 } from "../../../client/transfer/server.ts";
import { type Bytes, holds, isSame, pick, type Target, textOf, unescaped } from "../engine/target.ts";
import { listen, throwUncaught } from "../server/lives.ts";
import { FuzzedStream } from "../server/stream.ts";
import { patched } from "./patched.ts";

/** Limits of the attempts at a transfer, and milliseconds within which it ends with them. */
const LIMITS = { stallMsMax: 150, idleMsMax: 60, workMsMax: 150 }, MAX_RUN_MS = 30_000;

/** Bytes of a script that is `$content`, and of one connection at most. */
const CONTENT = contentOf(3000), MAX_SENT = 1024 * 1024;

const TICKET = "A".repeat(22), KEY = "B".repeat(43);

/** Connections, each with what it is sent. */
class Connections {
  opened = 0;
  readonly #steps: string[];
  readonly #streams: FuzzedStream[] = [];

  constructor(steps: readonly string[]) {
    this.#steps = [...steps];
  }

  connect = (): Promise<unknown> => {
    this.opened++;
    const step = this.#steps.shift();
    if (step === undefined) return Promise.reject(new Deno.errors.ConnectionRefused("refused"));
    const stream = new FuzzedStream("127.0.0.1", 10_005);
    this.#streams.push(stream);
    const stays = step.endsWith("+"), text = stays ? step.slice(0, -1) : step;
    stream.send(filled(text).subarray(0, MAX_SENT));
    if (!stays) stream.end();
    return Promise.resolve(Object.assign(stream, { setNoDelay() {} }));
  };

  close() {
    for (const stream of this.#streams) if (!stream.isClosed) stream.cut();
  }
}

/** The bytes of a step. */
function filled(step: string): Bytes {
  const parts = step.split("$content"), content = [...CONTENT];
  const stored = uploadProof("stored", KEY, sha256(CONTENT));
  return new Uint8Array(parts.flatMap((part, i) => [
    ...i === 0 ? [] : content,
    ...unescaped(part.replaceAll("$stored", stored).replaceAll("$hash", sha256(CONTENT))),
  ]));
}

async function run(script: Bytes) {
  listen();
  const [first = "", ...steps] = textOf(script).split("\n"), [what, size = "", hash] = first.split(" ");
  if (what !== "download" && what !== "upload") return;
  const root = newDirectory(), target = `${root}/here`;
  const connections = new Connections(steps);
  try {
    Deno.mkdirSync(target);
    Deno.writeTextFileSync(`${root}/secret`, "outside");
    Deno.writeFileSync(`${root}/sent`, CONTENT);
    const content = { size: Number(size) || 0, hash: hash === "wrong" ? "0".repeat(64) : sha256(CONTENT) };
    // a link at the place where the client keeps what has come leads out of the directory
    if (hash === "linked") {
      Deno.symlinkSync(`${root}/secret`, `${target}/.wirepost-${content.hash.slice(0, 16)}.part`);
    }
    const isDone = await within(
      what === "download" ? fetch(target, content, connections) : send(root, connections),
    );
    holds(isDone !== "late", () => `${first}: not over after ${MAX_RUN_MS} ms`);
    isSame(Deno.readTextFileSync(`${root}/secret`), "outside", "a file outside of the directory");
    isSame([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["here", "secret", "sent"], "files");
    if (what === "download") checkTarget(target, content, isDone === "done");
    holds(connections.opened <= 20, () => `${connections.opened} connections`);
  } finally {
    connections.close();
    Deno.removeSync(root, { recursive: true });
  }
  throwUncaught();
}

/** Whether it is done, or has failed as it may. */
async function within(transfer: Promise<unknown>): Promise<"done" | "failed" | "late"> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, MAX_RUN_MS, "late"));
  const outcome = transfer.then(() => "done" as const, (error) => {
    if (error instanceof TransferError || error instanceof ConnectionLostError) return "failed" as const;
    throw error;
  });
  return await Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

async function fetch(target: string, content: { size: number; hash: string }, connections: Connections) {
  using _ = patched({ connect: connections.connect });
  const ticket = () => Promise.resolve({ ...content, ticket: TICKET });
  await download({ ...LIMITS, hostname: "127.0.0.1", port: 1, path: `${target}/notes.txt`, ticket });
}

async function send(root: string, connections: Connections) {
  using _ = patched({ connect: connections.connect });
  const ticket = () => Promise.resolve({ ticket: TICKET, key: KEY });
  await upload({ ...LIMITS, hostname: "127.0.0.1", port: 1, path: `${root}/sent`, ticket });
}

/** The whole file with the hash that was announced, or no more than what has come of it, under another name. */
function checkTarget(target: string, { size, hash }: { size: number; hash: string }, isDone: boolean) {
  const names = [...Deno.readDirSync(target)].map(({ name }) => name);
  isSame(names.includes("notes.txt"), isDone, "a file of that name");
  if (isDone) isSame(sha256(Deno.readFileSync(`${target}/notes.txt`)), hash, "hash");
  for (const name of names) {
    holds(/^(notes\.txt|\.wirepost-[0-9a-f-]+\.part)$/.test(name), () => `a file ${name}`);
    const { isSymlink, size: bytes } = Deno.lstatSync(`${target}/${name}`);
    holds(isSymlink || bytes <= size, () => `${name} has ${bytes} of ${size} bytes`);
  }
}

const SENT = [
  ...[
    "P1 from 0\\n$content",
    "P1 from 0\\n$content$content",
    "P1 from 0\\n",
    "P1 from 3000\\n",
    "P1 from 17\\n$content",
    "P1 wait\\n",
  ],
  ...[
    "P1 wait\\nP1 from 0\\n$content",
    "P1 no gone it was removed\\n",
    "P1 no busy\\n",
    "P1 no hash \\e[2J\\n",
    "P1 no thread exists\\n",
  ],
  ...[
    "P1 from 0\\nP1 stored $stored\\n",
    "P1 from 3000 $hash\\nP1 stored $stored\\n",
    "P1 from 9 $hash\\n",
    "P1 stored $stored\\n",
  ],
  ...[
    "P1 stored " + "0".repeat(64) + "\\n",
    "P1 from 9007199254740993\\n",
    "x".repeat(2000),
    "",
    "P1 from 0\\n\\0\\0",
    "P1 no short\\n",
  ],
  ...["P1 from 0\\nP1 no hash it differs\\nP1 stored $stored\\n"],
];

const FIRST = [
  ...[
    "download 3000 right",
    "download 3000 wrong",
    "download 0 wrong",
    "download 10 right",
    "download 3000 linked",
    "upload",
  ],
  ...[`download ${MAX_FILE_BYTES} right`, "download 999999999999999 right", "download 6000 right"],
];

export const CLIENT_TRANSFERS: Target = {
  name: "client_transfers",
  covers: ["client/transfer/", "client/file/", "protocol/transfer.ts"],
  words: [...SENT, ...FIRST, "$content", "$stored", "$hash", "+", "\\n", "P1 wait\\n", "0"],
  seeds: FIRST.flatMap((first) => [
    `${first}\n${SENT[first === "upload" ? 11 : 0]}`,
    `${first}\n${SENT.join("\n")}`,
    `${first}\n${SENT.slice(5).map((sent) => `${sent}+`).slice(0, 2).join("\n")}`,
  ]),
  maxBytes: 8192,
  shortInputs: 20,
  maxMs: MAX_RUN_MS,
  line: (random: Random) =>
    random.chance(0.1) ? pick(random, FIRST) : pick(random, SENT) + (random.chance(0.1) ? "+" : ""),
  run,
};
