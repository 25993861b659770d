import { Opener, Sealer, type SealHeader } from "../../../protocol/seal.ts";
import type { SealKeys } from "../../../protocol/seal/keys.ts";
import { type TransferKeys, transferKeys } from "../../../protocol/transfer/records.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { isLoopback, networkOf } from "../../quota/address.ts";
import { LOOPBACK, type Origin } from "../../quota/fair_table.ts";
import type { Linked } from "../../quota/owner_lists.ts";
import { Login, type LoginOptions, type LoginSeal } from "./login.ts";
import type { SessionSeal } from "./session.ts";

/** Sends a datagram, undefined if the keys are used up, with what is sealed in it. */
export type SendDatagram<A extends Address> = (
  datagram: Uint8Array<ArrayBuffer> | undefined,
  seal: Seal<A>,
  body: Uint8Array | string,
) => void;

const encoder = new TextEncoder();

/** What the server has in memory of one handshake. */
export class Seal<A extends Address> implements SessionSeal<A>, LoginSeal, Linked<Seal<A>> {
  older: Seal<A> | undefined;
  newer: Seal<A> | undefined;
  use = 0;
  readonly id: string;
  readonly opener: Opener;
  readonly binding: Uint8Array<ArrayBuffer>;
  readonly #filesKey: Uint8Array<ArrayBuffer>;
  /** The network that the handshake began in. */
  readonly network: string;
  readonly login: Login<Seal<A>>;
  /** The account that is logged in, or `""`. */
  account = "";
  /** The network at which a client has made it; undefined if none has. */
  maker: string | undefined;
  /** The session that is logged in. */
  session: string | undefined;
  /** The ID of the token by which it logged in; undefined if that was the password. */
  token: string | undefined;
  receivedAt = 0;
  /** When the handshake was made. */
  madeAt = 0;
  /** Whether the account is being given another password, which does not end this log-in. */
  isChanging = false;
  isOpen = true;
  readonly #header: SealHeader;
  readonly #sealer: Sealer;
  readonly #isLoopback: boolean;
  readonly #send: SendDatagram<A>;

  constructor(
    header: SealHeader,
    keys: SealKeys,
    readonly hello: Uint8Array<ArrayBuffer>,
    public address: A,
    send: SendDatagram<A>,
    loginOptions: LoginOptions<Seal<A>>,
  ) {
    this.id = header.id;
    this.#header = header;
    this.binding = keys.binding;
    this.#filesKey = keys.files;
    this.opener = new Opener(keys.toServer);
    this.#sealer = new Sealer("<", keys.toClient);
    this.network = networkOf(address.hostname);
    this.#isLoopback = isLoopback(address.hostname);
    this.#send = send;
    this.login = new Login(this, loginOptions);
  }

  /** Where it is counted. */
  get origin(): Origin {
    const { network, account, maker } = this;
    return { network: this.#isLoopback ? LOOPBACK : network, account, maker };
  }

  /** Ends it: its keys are overwritten (seal.md 4.14). */
  close() {
    this.isOpen = false;
    this.#sealer.erase();
    this.opener.erase();
    this.binding.fill(0);
    this.#filesKey.fill(0);
  }

  transferKeys(ticket: string): TransferKeys | undefined {
    return this.isOpen ? transferKeys(this.#filesKey, ticket) : undefined;
  }

  send(body: Uint8Array | string) {
    if (!this.isOpen) return;
    let datagram: Uint8Array<ArrayBuffer> | undefined;
    try {
      datagram = this.#sealer.seal(this.#header, typeof body === "string" ? encoder.encode(body) : body);
    } catch {
      // used up: a client makes a new handshake long before
    }
    this.#send(datagram, this, body);
  }
}
