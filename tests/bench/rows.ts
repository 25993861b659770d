/**
 * The table of what is measured: groups of rows, what each system is measured by, and what is wanted of Wirepost.
 *
 * @module
 */

import type { Order } from "./load/loop.ts";
import type { PeerName } from "./peers.ts";

/** What is wanted. A ratio is Wirepost's figure to the other one; of a time it is the other way round. */
export type Want =
  | { peer: PeerName; ratio: number }
  | { row: string; ratio: number }
  | { row: string; p99sMax: number }
  | { figure: "rate"; min: number }
  | { figure: "p99"; msMax: number }
  | { figure: "p99"; p50sMax: number };

/** The program that measures a system, in `load/`, and its arguments behind the port. */
export interface Load {
  script: string;
  args?: readonly string[];
  /** Whether it uses packages of `load/npm.ts`. */
  isFromNpm?: boolean;
}

/** What others do while a row is measured. */
export interface Company {
  /** Messages a second that are put. */
  rate: number;
  /** Whether they are received too. */
  isReceived?: boolean;
}

export interface Row {
  /** Behind the name of its group, and unique in it. */
  name: string;
  what: string;
  order: Order;
  company?: Company;
  wanted: readonly Want[];
  /** Peers that do not take part. */
  without?: readonly PeerName[];
  /** It takes as long as `--latency-seconds` says, not as the others. */
  isLong?: boolean;
}

export interface Group {
  name: string;
  title: string;
  unit: string;
  /** What is compared; `rate` by default. */
  figure?: "rate" | "p99";
  /** Wirepost's service, and whether it is used over HTTP. */
  service: "mailbox" | "channels" | "room" | "forum";
  isHttp?: boolean;
  wirepost: Load;
  peers: Partial<Record<PeerName, Load>>;
  rows: readonly Row[];
  /** MiB of the file that is passed on. */
  fileMib?: number;
}

const LIBRARIES = {
  redis: { script: "ioredis.ts", isFromNpm: true },
  jetstream: { script: "jetstream.ts", isFromNpm: true },
  beanstalkd: { script: "beanstalkd.ts" },
} satisfies Group["peers"];

/** Of those that send each message to the disk by itself, more is wanted where several could go together. */
const overOthers = (inFlight: number): Want[] => [
  { peer: "jetstream", ratio: inFlight === 1 ? 1 : 10 },
  { peer: "beanstalkd", ratio: inFlight === 1 ? 1 : 5 },
];

/** Ratios of puts to Redis. */
const PUT_RATIOS = [[1, 0.7], [32, 1], [256, 1], [4608, 1.2]] as const;

/** Acknowledgements in flight, messages that are received, and the ratio to Redis. */
const RECEIVES = [[1, 3000, 1], [32, 30_000, 1.2], [256, 60_000, 1.2]] as const;

/** Sessions, datagrams in flight, messages in each. */
const RAW = [
  ...[[1, 1, 1], [1, 32, 1], [1, 256, 1], [1, 32, 18], [1, 256, 18]] as const,
  ...[[1000, 1, 1], [1000, 32, 1], [1000, 256, 1]] as const,
];

const MEMBERS = [10, 100, 1000];

/** Messages a second to 1,000 readers that are well below what can be delivered. */
const EVENT_RATE = 50;

function rawRow([sessions, inFlight, each]: typeof RAW[number]): Row {
  const wanted: Want[] = [];
  if (sessions === 1 && inFlight === 32 && each === 1) wanted.push({ peer: "redis", ratio: 0.45 });
  if (sessions > 1) wanted.push({ row: `raw/1x${inFlight}x${each}`, ratio: 0.5 });
  wanted.push({ peer: "beanstalkd", ratio: inFlight * each === 1 ? 1 : 5 });
  return {
    name: `${sessions}x${inFlight}x${each}`,
    what: `${sessions} session${sessions > 1 ? "s" : ""}, ${inFlight} in flight, ${each} in each`,
    order: { measure: "put", sessions, inFlight, each },
    wanted,
  };
}

function fanGroup(name: string, service: "channels" | "room", wire: string): Group {
  return {
    name,
    title: `One sender to all members, ${name} of the ${service}`,
    unit: "deliveries/s",
    service,
    wirepost: { script: "fan.ts", args: [wire] },
    peers: { nats: { script: "fan.ts", args: ["nats"] } },
    rows: MEMBERS.map((members) => ({
      name: `${members}`,
      what: `${members} members`,
      order: { measure: "fan", members },
      wanted: [{ peer: "nats", ratio: 1 }],
    })),
  };
}

/** Readers, those of them that read nothing, and messages a second; as many as there can be without. */
const EVENT_ROWS = [[100], [1000, 0, EVENT_RATE], [900, 100, EVENT_RATE], [1000, 0], [900, 100]] as const;

/** What one reads does not depend on whether others do. */
const EVENTS: Group = {
  name: "events",
  title: "One sender to all readers of events; a bare node:http writes each event to each of them",
  unit: "deliveries/s",
  service: "channels",
  isHttp: true,
  wirepost: { script: "http/events.ts", args: ["wirepost"] },
  peers: { node: { script: "http/events.ts", args: ["node"] } },
  rows: EVENT_ROWS.map(([members, stalled = 0, rate]): Row => {
    const name = (members: number, stalled: number) =>
      [`${members}`, ...stalled > 0 ? [`${stalled}`] : [], ...rate === undefined ? [] : [`at-${rate}`]].join(
        "-",
      );
    return {
      name: name(members, stalled),
      what: `${members} readers${stalled > 0 ? ` beside ${stalled} that read nothing` : ""}` +
        (rate === undefined ? "" : `, ${rate} messages a second`),
      order: {
        measure: "deliver",
        members,
        stalled,
        ...rate === undefined ? {} : { rate },
      },
      wanted: members === 100
        ? [{ peer: "node", ratio: 1 }]
        : stalled > 0
        ? [{ row: `events/${name(members + stalled, 0)}`, p99sMax: 2 }]
        : [],
      ...stalled > 0 || rate !== undefined ? { without: ["node"] } : {},
      isLong: members > 100,
    };
  }),
};

export const GROUPS: readonly Group[] = [
  {
    name: "put",
    title: "Put through the client libraries, each awaited until it is on disk",
    unit: "messages/s",
    service: "mailbox",
    wirepost: { script: "library.ts" },
    peers: LIBRARIES,
    rows: PUT_RATIOS.map(([inFlight, ratio]) => ({
      name: `${inFlight}`,
      what: `${inFlight} awaited at a time`,
      order: { measure: "put", inFlight },
      wanted: [{ peer: "redis", ratio }, ...overOthers(inFlight)],
    })),
  },
  {
    name: "receive",
    title: "Receive through the client libraries, and acknowledge",
    unit: "messages/s",
    service: "mailbox",
    wirepost: { script: "library.ts" },
    peers: LIBRARIES,
    rows: RECEIVES.map(([inFlight, count, ratio]) => ({
      name: `${inFlight}`,
      what: inFlight === 1 ? "a loop that awaits each" : `${inFlight} acknowledgements in flight`,
      order: { measure: "receive", inFlight, count },
      wanted: [{ peer: "redis", ratio }, ...overOthers(inFlight)],
    })),
  },
  {
    name: "end-to-end",
    title: "Put to a receiver that waits, through the client libraries",
    unit: "messages/s",
    service: "mailbox",
    wirepost: { script: "library.ts" },
    peers: LIBRARIES,
    rows: [{
      name: "256",
      what: "256 on their way at a time",
      order: { measure: "endToEnd", inFlight: 256 },
      wanted: [{ figure: "rate", min: 40_000 }, { figure: "p99", msMax: 10 }, ...overOthers(256)],
    }],
  },
  {
    name: "latency",
    title: "One put after the other while others put, 99th percentile",
    unit: "ms",
    figure: "p99",
    service: "mailbox",
    wirepost: { script: "library.ts" },
    peers: { redis: LIBRARIES.redis },
    rows: [
      ...[50_000, 100_000].map((rate): Row => ({
        name: `${rate}`,
        what: `${rate} messages/s put by others`,
        order: { measure: "singlePuts" },
        company: { rate },
        wanted: [{ figure: "p99", p50sMax: 2 }],
        isLong: true,
      })),
      {
        name: "in-and-out",
        what: "50000 messages/s put and received by others",
        order: { measure: "singlePuts" },
        company: { rate: 50_000, isReceived: true },
        wanted: [{ figure: "p99", p50sMax: 2 }],
        without: ["redis"],
        isLong: true,
      },
    ],
  },
  {
    name: "raw",
    title: "Put by raw sockets, each on disk",
    unit: "messages/s",
    service: "mailbox",
    wirepost: { script: "session.ts" },
    peers: {
      redis: { script: "stream.ts", args: ["redis"] },
      beanstalkd: { script: "stream.ts", args: ["beanstalkd"] },
    },
    rows: RAW.map(rawRow),
  },
  {
    name: "original",
    title: "Pairs of the original wire, put and take; the Python server keeps all in memory",
    unit: "pairs/s",
    service: "mailbox",
    wirepost: { script: "original.ts" },
    peers: { python: { script: "original.ts" } },
    rows: [1, 32, 128].map((inFlight) => ({
      name: `${inFlight}`,
      what: `${inFlight} in flight`,
      order: { measure: "pairs", inFlight },
      wanted: [{ peer: "python", ratio: 0.8 }],
    })),
  },
  fanGroup("frames", "channels", "frames"),
  fanGroup("lines", "room", "lines"),
  {
    name: "http",
    title: "Put over HTTP on connections that stay open, each on disk; a bare node:http keeps nothing",
    unit: "messages/s",
    service: "mailbox",
    isHttp: true,
    wirepost: { script: "http/put.ts", args: [] },
    peers: { node: { script: "http/put.ts" } },
    rows: [1, 32].map((inFlight) => ({
      name: `${inFlight}`,
      what: `${inFlight} in flight, each on a connection of its own`,
      order: { measure: "put", inFlight },
      // ten times what ntfy did on this kind of machine, not on disk
      wanted: inFlight === 1 ? [] : [{ peer: "node", ratio: 0.3 }, { figure: "rate", min: 10_180 }],
    })),
  },
  EVENTS,
  {
    name: "file",
    title: "A file of 256 MiB to the forum and back",
    unit: "MiB/s",
    service: "forum",
    wirepost: { script: "forum.ts" },
    peers: { ncat: { script: "ncat.ts" } },
    fileMib: 256,
    rows: (["up", "down"] as const).flatMap((measure): Row[] => [
      {
        name: `plain-${measure}`,
        what: `${measure}load in the clear`,
        order: { measure: `plain-${measure}` },
        wanted: [{ peer: "ncat", ratio: 0.8 }],
      },
      {
        name: measure,
        what: `${measure}load, sealed`,
        order: { measure },
        wanted: [{ row: `file/plain-${measure}`, ratio: 0.7 }],
        without: ["ncat"],
      },
    ]),
  },
];

/** The groups with those rows whose ID, `GROUP/NAME`, is one of these or begins with one of these groups. */
export function selected(wanted: readonly string[]): Group[] {
  if (wanted.length === 0) return [...GROUPS];
  const isWanted = (group: Group, row: Row) =>
    wanted.some((one) => one === group.name || one === `${group.name}/${row.name}`);
  return GROUPS
    .map((group) => ({ ...group, rows: group.rows.filter((row) => isWanted(group, row)) }))
    .filter(({ rows }) => rows.length > 0);
}
