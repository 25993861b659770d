import { decodeSealToClient, encodeHello } from "../../../protocol/seal.ts";
import { sealId } from "../../../protocol/seal/keys.ts";
import { type SealedWorld, SERVER } from "../sealed_world.ts";

/** Begins handshakes from many addresses, each of which receives what is sent to it, and finishes none. */
export class HandshakeFlood {
  /** Handshakes that the server has answered. */
  made = 0;
  /** Handshakes that it was asked for with a right cookie. */
  asked = 0;
  #stopped = false;

  /** @param every Milliseconds between two handshakes of an address. */
  constructor(world: SealedWorld, addresses: number, every: number) {
    for (let i = 0; i < addresses; i++) {
      const address = { hostname: `10.7.${i >> 8}.${i & 255}`, port: 7 };
      const keys = new Map<string, Uint8Array>();
      world.network.bind(address, (datagram) => {
        const { header, body } = decodeSealToClient(datagram)!;
        if (body.kind === "hello") this.made++;
        const key = keys.get(header.id);
        if (body.kind !== "challenge" || key === undefined) return;
        keys.delete(header.id);
        this.asked++;
        world.network.send(encodeHello(header, key), address, SERVER);
      });
      const begin = () => {
        if (this.#stopped) return;
        // nobody needs the private half of a handshake that is not finished
        const key = world.random.bytes(32), id = sealId(key);
        keys.set(id, key);
        world.network.send(encodeHello({ id, startId: "", cookie: "" }, key), address, SERVER);
        world.clock.setTimer(every, begin);
      };
      world.clock.setTimer(i * every / addresses, begin);
    }
  }

  stop() {
    this.#stopped = true;
  }
}
