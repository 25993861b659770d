import type { Sockets } from "../socket.ts";
import { NodeDatagramSocket } from "./datagram_socket.ts";
import { connectNodeTcp } from "./tcp_socket.ts";

/** Sockets of Node. Its modules are loaded when they are used: Deno would take a third of its start for them. */
export const NODE_SOCKETS: Sockets = {
  connect: connectNodeTcp,
  listenDatagram: ({ hostname, port }) => new NodeDatagramSocket(hostname, port),
};
