/**
 * Where a server writes, syncs, renames, removes or creates something in its data directory: found by counting the calls
 * of a life under strace in which nothing fails.
 *
 * @module
 */

import { FROM_SOURCE, runCommand, ServerProcess } from "../../../program.ts";
import type { Load, Ports } from "../../power/load.ts";
import { type Call, descriptorOf, readCalls, stringsOf, textOf } from "../../power/trace.ts";
import { passThrough } from "./passing.ts";

const CALLS = [
  ...["fsync", "fdatasync", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate"],
  ...["rename", "renameat", "renameat2", "unlink", "unlinkat", "openat", "mkdir"],
];

/** A kind of call on one file. */
export interface Place {
  call: string;
  /** From the data directory on: empty for the directory itself. */
  path: string;
  /** How often one thread made it, at most: strace counts the calls of each thread. */
  times: number;
}

/** Names of contents are random. */
const RANDOM_NAME = /^\/files\/[0-9a-f]{32}$/;

/** Counts the calls of a life that ends with SIGKILL. */
export async function countPlaces(data: string, load: Load, bulk: Load): Promise<Place[]> {
  const trace = `${data}.trace`, strace = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-ttt", "-s", "512"];
  const command = [
    ...strace,
    "-e",
    `trace=${CALLS.join(",")}`,
    "-e",
    "signal=none",
    "-o",
    trace,
    ...FROM_SOURCE,
  ];
  const server = await ServerProcess.start([...SERVICES, "--data", data], { command });
  try {
    await passThrough(server, await portsOf(server), load, bulk);
  } finally {
    Deno.kill(await pidOf(server), "SIGKILL");
    await server.ended();
  }
  return placesOf(await readCalls(trace), data);
}

export const SERVICES = ["mailbox", "0", "channels", "0", "forum", "0"];

export async function portsOf(server: ServerProcess): Promise<Ports> {
  return {
    mailbox: await server.ready("mailbox"),
    channels: await server.ready("channels"),
    forum: await server.ready("forum"),
  };
}

/** The process of a server that strace has started: the last one of those that each have started one. */
export async function pidOf({ pid }: ServerProcess): Promise<number> {
  const child = Number.parseInt((await runCommand(["ps", "-o", "pid=", "--ppid", `${pid}`])).out);
  return Number.isNaN(child) ? pid : await pidOf({ pid: child } as ServerProcess);
}

function placesOf(calls: readonly Call[], data: string): Place[] {
  const places = new Map<string, Place>(), counts = new Map<string, number>();
  for (const call of calls) {
    const path = pathOf(call);
    if (path !== data && !path.startsWith(`${data}/`)) continue;
    const within = path.slice(data.length), key = `${call.name} ${within}`;
    // what is opened to be read, or the lock, which is not created any more
    if (RANDOM_NAME.test(within) || call.name === "openat" && !/O_CREAT/.test(call.args)) continue;
    const times = (counts.get(`${call.thread} ${key}`) ?? 0) + 1;
    counts.set(`${call.thread} ${key}`, times);
    const place = places.get(key) ?? { call: call.name, path: within, times: 0 };
    place.times = Math.max(place.times, times);
    places.set(key, place);
  }
  return [...places.values()];
}

function pathOf({ name, args }: Call): string {
  const { strings } = stringsOf(args);
  // `openat(AT_FDCWD</where/it/runs>, "path", …)`
  return /^\d/.test(args) && !/at2?$/.test(name) ? descriptorOf(args).path : textOf(strings[0] ?? "");
}
