/**
 * Administration of a server without a mailbox, whose port it would otherwise use: on a UDP port of its own, for this
 * machine alone. `protocol/admin.md` is the specification.
 *
 * @module
 */

import { MAX_DATAGRAM_BYTES } from "../protocol/mailbox.ts";
import { DatagramSocket } from "./net/datagram_socket.ts";
import type { SocketPolling } from "./net/fairness.ts";
import { listenDatagrams } from "./net/sockets.ts";
import { Networks } from "./quota/address.ts";
import type { Metrics } from "./report/metrics.ts";
import { UNWATCHED, type Watch } from "./report/watch.ts";
import type { Admin } from "./wire/admin/admin_requests.ts";
import { OriginalWire } from "./wire/mailbox/original_wire.ts";

const HOST = "127.0.0.1";

export type AdminSocket = ReturnType<typeof openAdminSocket>;

/**
 * Begins to receive on a free port.
 *
 * @throws {Error} There is none.
 */
export function openAdminSocket(
  admin: Admin,
  options: { polling: SocketPolling; metrics: Metrics; watch: Watch },
) {
  const { metrics } = options;
  const wire = new OriginalWire({
    mailboxes: undefined,
    admin,
    metrics,
    originalFrom: new Networks([HOST]),
    timestamps: false,
    maxDatagramBytes: MAX_DATAGRAM_BYTES,
    taps: { mailbox: UNWATCHED, admin: options.watch.tap("admin") },
    onRefused: (reason) => metrics.add(`refused ${reason}`),
    debug() {},
  });
  const [listening] = listenDatagrams([HOST], 0) as [Deno.DatagramConn];
  const socket = new DatagramSocket(listening, {
    ...options,
    maxBytes: MAX_DATAGRAM_BYTES,
    onDatagram: (datagram, address, socket) => wire.received(datagram, { address, socket }),
  });
  return {
    address: socket.address,
    async close() {
      socket.stop();
      await wire.close();
      await socket.close();
    },
  };
}
