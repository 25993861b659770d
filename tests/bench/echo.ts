/** A bare echo: what one socket in one thread of Deno can do at most. Prints its port. */

const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
const buffer = new Uint8Array(2048);
await Deno.stdout.write(
  new TextEncoder().encode(`echo on 127.0.0.1:${(socket.addr as Deno.NetAddr).port}\n`),
);
for (;;) {
  const [datagram, from] = await socket.receive(buffer);
  await socket.send(datagram, from);
}
