/**
 * Holds every import of the program against the table of its rooms, which is the architecture. `server/README.md` draws
 * it and says what each room is for.
 *
 * @module
 */

import { assertEquals, assertLessOrEqual } from "@std/assert";

/**
 * The rooms, and what each may import besides itself. A room is a folder with everything below it that is not a room
 * itself. It imports only rooms that stand below it here.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["client/command", "client/page", "server"],
  "client/command": ["client", "client/terminal", "client/file", "protocol"],
  "client/terminal": ["protocol"],
  "client/page": ["client/web"],
  "client": ["client/web", "client/session", "client/transfer", "client/stream", "protocol"],
  "client/web": [],
  "client/session": ["client/stream", "client/file", "protocol"],
  "client/transfer": ["client/stream", "client/file", "protocol"],
  "client/stream": ["protocol"],
  "client/file": [],
  "server": [
    "server/wire",
    "server/service",
    "server/store",
    "server/net",
    "server/report",
    "server/quota",
    "protocol",
  ],
  "server/wire": [
    "server/service",
    "server/store",
    "server/net",
    "server/report",
    "server/quota",
    "protocol",
  ],
  "server/service": ["server/store", "server/report", "server/quota", "protocol"],
  "server/store": ["server/quota", "protocol"],
  "server/net": ["server/report", "server/quota", "protocol"],
  "server/report": ["server/quota"],
  "server/quota": [],
  "protocol": [],
};

/** Arrows between rooms, at most: with more of them the table is no map any more. */
const MAX_ARROWS = 44;

/** Folders and files that know nothing of each other, although they are in one room. */
const APART: readonly (readonly string[])[] = [
  ["admin", "http", "hub", "mailbox", "session", "transfer"].map((wire) => `server/wire/${wire}`),
  ["server/wire/session/mailbox", "server/wire/session/forum"],
  ["account", "forum.ts", "hub", "mailboxes.ts"].map((service) => `server/service/${service}`),
  ["client/mailbox", "client/forum"],
];

/** Folders whose files do not import the folders below them: a session knows none of the services that use it. */
const WITHOUT_BELOW = ["server/wire/session"];

interface Import {
  file: string;
  line: number;
  target: string;
}

const ROOT = new URL("../", import.meta.url).pathname;

const IMPORT =
  /(?:^(?:import|export)\b[^;"]*?\bfrom\s+|^import\s+|\bimport\(\s*|\bnew URL\(\s*)"(\.{1,2}\/[^"]+\.[tj]s)"/gm;

/** The program's files, by their paths from the root. */
function* filesOf(folder = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}${folder}`)) {
    const path = `${folder}${name}`;
    if (isDirectory && !name.startsWith(".") && !["tests", "dist", "node_modules"].includes(path)) {
      yield* filesOf(`${path}/`);
    } else if (/\.[tj]s$/.test(name) && !name.endsWith(".d.ts")) yield path;
  }
}

function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(IMPORT)].map((match) => ({
    file,
    line: source.slice(0, match.index + match[0].length).split("\n").length,
    target: new URL(match[1]!, `file:///${file}`).pathname.slice(1),
  }));
}

function isBelow(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

function roomOf(file: string): string | undefined {
  return Object.keys(ROOMS).filter((room) => isBelow(file, room)).sort((a, b) => b.length - a.length)[0];
}

/** Why an import is not allowed, and what to do; undefined if it is. */
function violation({ file, target }: Import): string | undefined {
  const from = roomOf(file), to = roomOf(target);
  if (from === undefined) return "the file is in no room: add its folder to the table";
  if (to === undefined) return `${target} is in no room of the program`;
  if (from !== to && !ROOMS[from]!.includes(to)) {
    const allowed = ROOMS[from]!.join(", ") || "nothing";
    return `${from} may import ${allowed}: move what both need to a room below them, or hand it down`;
  }
  for (const folders of APART) {
    const one = folders.find((folder) => isBelow(file, folder));
    const other = folders.find((folder) => isBelow(target, folder));
    if (one !== undefined && other !== undefined && one !== other) {
      return `${one} and ${other} know nothing of each other: move what both need to a room below them`;
    }
  }
  const folder = WITHOUT_BELOW.find((folder) => file.slice(0, file.lastIndexOf("/")) === folder);
  if (folder !== undefined && target.slice(folder.length + 1).includes("/") && isBelow(target, folder)) {
    return `${folder} knows none of the services below it: hand it in as an interface`;
  }
  return undefined;
}

const IMPORTS = [...filesOf()].flatMap((file) => importsOf(file, Deno.readTextFileSync(`${ROOT}${file}`)));

Deno.test("every import of the program is allowed by the table of rooms", () => {
  const wrong = IMPORTS.flatMap((one) => {
    const why = violation(one);
    return why === undefined ? [] : [`${one.file}:${one.line} imports ${one.target}: ${why}`];
  });
  assertEquals(wrong, []);
});

Deno.test("the table of rooms goes one way, has no arrow that is not used, and is small enough to be a map", () => {
  const order = Object.keys(ROOMS);
  const upward = Object.entries(ROOMS).flatMap(([room, below]) =>
    below.filter((other) => order.indexOf(other) <= order.indexOf(room)).map((other) => `${room} > ${other}`)
  );
  assertEquals(upward, []);
  const used = new Set(IMPORTS.map(({ file, target }) => `${roomOf(file)} > ${roomOf(target)}`));
  const arrows = Object.entries(ROOMS).flatMap(([room, below]) => below.map((other) => `${room} > ${other}`));
  assertEquals(arrows.filter((arrow) => !used.has(arrow)), []);
  assertLessOrEqual(arrows.length, MAX_ARROWS);
});

Deno.test("no files import each other in a circle", () => {
  const targets = new Map<string, string[]>();
  for (const { file, target } of IMPORTS) targets.set(file, [...targets.get(file) ?? [], target]);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    if (path.includes(file) || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  assertEquals(circles, []);
});

Deno.test("a forbidden import is found in every form, and named with its line", () => {
  const source = [
    'import { a } from "../server/server.ts";',
    "import {",
    "  b,",
    '} from "./session/session.ts";',
    'export * from "../server/store/store.ts";',
    'const later = await import("../server/net/listener.ts");',
    'new Worker(new URL("../server/store/checkpoint/write_back_worker.ts", import.meta.url));',
  ].join("\n");
  const wrong = importsOf("client/mailbox.ts", source).filter((one) => violation(one) !== undefined);
  assertEquals(wrong.map(({ line }) => line), [1, 5, 6, 7]);
  const isWrong = (file: string, target: string) => violation({ file, line: 1, target }) !== undefined;
  assertEquals(isWrong("server/wire/hub/room_wire.ts", "server/wire/admin/admin_socket.ts"), true);
  assertEquals(isWrong("server/wire/session/session.ts", "server/wire/session/mailbox/leases.ts"), true);
  assertEquals(isWrong("server/wire/session/mailbox/leases.ts", "server/wire/session/handler.ts"), false);
});
