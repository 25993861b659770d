/** So that no two servers of a test have the same. */
const given = new Set<number>();

/**
 * A free port for servers that come and go: one that is ended and started anew, or that nobody is to listen on. The system
 * would give a port of its own choice to the next socket of another test.
 */
export function freePort(): number {
  for (;;) {
    // below what systems assign, and none that a service has by default
    const port = 11_000 + crypto.getRandomValues(new Uint16Array(1))[0]! % 10_000;
    if (given.has(port)) continue;
    try {
      for (const hostname of ["0.0.0.0", "::"]) {
        Deno.listenDatagram({ transport: "udp", hostname, port }).close();
        Deno.listen({ transport: "tcp", hostname, port }).close();
      }
      given.add(port);
      return port;
    } catch {
      // somebody has it
    }
  }
}
