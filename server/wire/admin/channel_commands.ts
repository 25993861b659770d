/**
 * The control commands of channels and room.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import type { Channel } from "../../service/hub/channel.ts";
import type { Hub } from "../../service/hub/hub.ts";
import type { AdminCommand } from "./admin_requests.ts";

/** Names are ordered by their bytes, as everywhere; UTF-16 has another order. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The commands, in the order in which `help` names them. */
export function hubCommands(hub: Hub): AdminCommand[] {
  const find = (name: string): Channel => {
    const channel = hub.find(name);
    if (channel === undefined) throw new RangeError(`no channel named '${name}'`);
    return channel;
  };
  return [
    {
      usage: "channels[, AFTER]",
      lastHasCommas: true,
      run: (after) =>
        hub.channels.toSorted((a, b) => byBytes(a.name, b.name))
          .filter(({ name }) => after.length === 0 || byBytes(name, after.join(",")) > 0)
          .map(({ name, size }) => `${size} ${name}`),
    },
    {
      usage: "members, SKIP, CHANNEL",
      lastHasCommas: true,
      run([skip = "", ...name]) {
        if (!/^\d{1,9}$/.test(skip)) throw new RangeError(`not a number of members: '${skip}'`);
        const channel = find(name.join(","));
        return channel.allMembers.slice(Number(skip))
          // a comma and a space separate fields
          .map(({ speaker, connection }) =>
            `${formatAddress(connection)} ${speaker.name.replace(/, +/g, ",")}`
          );
      },
    },
    {
      usage: "remove-channel, CHANNEL",
      lastHasCommas: true,
      run(name) {
        const { name: found } = find(name.join(","));
        return [String(hub.removeChannel(found))];
      },
    },
  ];
}
