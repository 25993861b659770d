import { blockOf } from "../../quota/address.ts";
import { type Linked, OwnerLists } from "../../quota/owner_lists.ts";

/** Where a place is in a list. */
interface Link extends Linked<Link> {
  place: Place;
}

/** What one client holds. */
export interface Place {
  readonly network: string;
  /** Among those of its block, and of its network. */
  readonly inBlock: Link;
  readonly inNetwork: Link;
  giveUp(): void;
}

/**
 * A limited number of places. One that is taken when all are used makes the oldest one give way: of the block with most,
 * and in it of the network with most. So neither a network nor its neighbours keep out anybody else.
 */
export class Places {
  readonly #max: number;
  readonly #byBlock = new OwnerLists<Link>();
  /** By block, the places of its networks. */
  readonly #byNetwork = new Map<string, OwnerLists<Link>>();

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#byBlock.size;
  }

  get max(): number {
    return this.#max;
  }

  /** @param giveUp Called when it has lost its place. */
  take(network: string, giveUp: () => void): Place {
    if (this.used >= this.#max) this.#makeRoom();
    const place = { network, giveUp } as { -readonly [K in keyof Place]: Place[K] };
    place.inBlock = { place, older: undefined, newer: undefined, use: 0 };
    place.inNetwork = { place, older: undefined, newer: undefined, use: 0 };
    const block = blockOf(network);
    let networks = this.#byNetwork.get(block);
    if (networks === undefined) this.#byNetwork.set(block, networks = new OwnerLists());
    this.#byBlock.add(block, place.inBlock);
    networks.add(network, place.inNetwork);
    return place;
  }

  /** The place must be taken. */
  leave({ network, inBlock, inNetwork }: Place) {
    const block = blockOf(network), networks = this.#byNetwork.get(block)!;
    this.#byBlock.remove(block, inBlock);
    networks.remove(network, inNetwork);
    if (networks.size === 0) this.#byNetwork.delete(block);
  }

  #makeRoom() {
    const block = this.#byBlock.largest;
    if (block === undefined) return;
    const networks = this.#byNetwork.get(block)!, network = networks.largest!;
    const { place } = networks.oldest(network)!;
    this.leave(place);
    place.giveUp();
  }
}
