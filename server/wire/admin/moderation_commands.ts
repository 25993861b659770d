/**
 * The control commands about clients: who is connected, and what is done against them.
 *
 * @module
 */

import { formatAddress } from "../../../protocol/syntax/address.ts";
import { isMistypedNetwork, type Subject, subjectOf } from "../../quota/subject.ts";
import type { Clients, ConnectedClient, ListedClient } from "../../report/clients.ts";
import type { Moderation } from "../../service/moderation.ts";
import { type MeasureKind, MEASURES } from "../../store/requests/measure.ts";
import type { AdminCommand } from "./admin_requests.ts";

export interface ModerationCommandsOptions {
  moderation: Moderation;
  clients: Clients;
  /** Makes the tickets of a name void: for file transfers that have not begun. */
  revoke(name: string): void;
}

/** Clients, and measures, that are looked up for one answer: more than fit into it. */
const MAX_LISTED = 64;

/** The commands, in the order in which `help` names them. */
export function moderationCommands(options: ModerationCommandsOptions): AdminCommand[] {
  const { moderation, clients } = options;
  return [
    {
      usage: "connections[, AFTER]",
      rows: true,
      run: ([after = "0"]) => clients.list(numberOf(after), MAX_LISTED).map(clientRow),
    },
    {
      usage: "kick, SUBJECT",
      lastHasCommas: true,
      run: (words) => [String(kick(options, subjectOf(subjectIn(words))))],
    },
    ...MEASURES.flatMap((what) => [
      takeCommand(options, what, false),
      takeCommand(options, what, true),
      endCommand(moderation, what),
    ]),
    {
      usage: "bans[, SKIP]",
      rows: true,
      run: ([skip = "0"]) =>
        moderation.list().slice(numberOf(skip)).slice(0, MAX_LISTED)
          .map(({ what, since, until, subject }) => `${what},${since},${until ?? ""},${subject}`),
    },
  ];
}

/** `ban, SECONDS, SUBJECT` or `mute, …`; with `-loopback` behind the name also against this machine's own addresses. */
function takeCommand(options: ModerationCommandsOptions, what: MeasureKind, mayBeOwn: boolean): AdminCommand {
  return {
    usage: `${what}${mayBeOwn ? "-loopback" : ""}, SECONDS, SUBJECT`,
    lastHasCommas: true,
    async run([seconds = "", ...words]) {
      const durationMs = 1000 * numberOf(seconds), text = subjectIn(words);
      // it would be a name that nobody has, and who mistyped it would believe that the network is banned
      if (isMistypedNetwork(text)) throw new RangeError(`not a network: '${text}'`);
      const subject = await options.moderation.take(what, text, durationMs, mayBeOwn);
      if (subject === "storage") throw new RangeError("cannot write to disk");
      if (subject === "full") throw new RangeError("there are as many bans and mutes as there may be");
      if (subject === "own machine") {
        throw new RangeError(`these are addresses of the server's own machine: ${what}-loopback means it`);
      }
      if (what === "ban") return [subject.text, String(kick(options, subject))];
      options.revoke(subject.text);
      return [subject.text];
    },
  };
}

function endCommand(moderation: Moderation, what: MeasureKind): AdminCommand {
  return {
    usage: `un${what}, SUBJECT`,
    lastHasCommas: true,
    async run(words) {
      const subject = subjectIn(words), ended = await moderation.end(what, subject);
      if (ended === "storage") throw new RangeError("cannot write to disk");
      if (!ended) throw new RangeError(`there is no ${what} of '${subject}'`);
      return [subjectOf(subject).text];
    },
  };
}

/** Ends what is connected under a name, from an address or a network, or from one `ADDRESS:PORT`. */
function kick({ clients, revoke }: ModerationCommandsOptions, { text, network }: Subject): number {
  revoke(text);
  return clients.end((client) =>
    network === undefined
      ? client.name === text || formatAddress(client) === text
      : network.has(client.hostname)
  );
}

function clientRow({ id, sinceMs, client }: ListedClient): string {
  const { service, kind, name, traffic } = client;
  const { heardMs, receivedMessages, receivedBytes, sentMessages, sentBytes } = traffic;
  return [
    ...[id, service, kind, formatAddress(plain(client)), sinceMs, heardMs],
    ...[receivedMessages, receivedBytes, sentMessages, sentBytes, name],
  ].join(",");
}

function plain({ hostname, port }: ConnectedClient) {
  return { hostname, port };
}

function subjectIn(words: readonly string[]): string {
  const subject = words.join(",");
  if (subject === "") throw new RangeError("there is neither a name nor an address");
  return subject;
}

function numberOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`not a number: '${text}'`);
  return Number(text);
}
