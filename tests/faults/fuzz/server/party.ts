/** A client whose every datagram a script writes: it only remembers what the server has sent it. */

import { proof } from "../../../../protocol/admin.ts";
import { decodeOriginalReply } from "../../../../protocol/mailbox.ts";
import {
  authMessage,
  clientFinalBare,
  clientFirstBare,
  clientKeysOf,
  clientProof,
  GS2_HEADER,
  parseServerFirst,
} from "../../../../protocol/seal/scram.ts";
import {
  decodeSealToClient,
  encodeHello,
  isSealDatagram,
  Opener,
  Sealer,
} from "../../../../protocol/seal.ts";
import { clientKeys, sealId, type SealKey, sealKey } from "../../../../protocol/seal/keys.ts";
import { decodeServiceAnswer } from "../../../../protocol/session/service_requests.ts";
import { decodeAnswers, encodeRequests, isSessionDatagram } from "../../../../protocol/session.ts";
import { fastSalt } from "../../../simulation/account.ts";
import type { Random } from "../../../simulation/random.ts";
import { type Bytes, bytesOf, holds, textOf } from "../engine/target.ts";
import { addressOf, type DatagramServer, SECRET, type ServiceName } from "./datagram_server.ts";

/** What a client has of a seal. */
interface Seal {
  key: SealKey;
  header: { id: string; startId: string; cookie: string };
  sealer?: Sealer;
  opener?: Opener;
  binding?: Bytes;
}

export class Party {
  readonly #server: DatagramServer;
  readonly #service: ServiceName;
  readonly #random: Random;
  address: Deno.NetAddr;
  session: string;
  #startId = "";
  #cookie = "";
  #seal: Seal | undefined;
  /** What it was sent since the last step, opened where it was sealed. */
  received: string[] = [];
  /** Token and ID of the message that it was sent last. */
  #token = "0".repeat(16);
  #message = "1";

  constructor(server: DatagramServer, service: ServiceName, random: Random, address: Deno.NetAddr) {
    this.#server = server;
    this.#service = service;
    this.#random = random;
    this.address = address;
    this.session = this.#name();
  }

  #name(): string {
    return this.#random.bytes(16).toBase64({ alphabet: "base64url", omitPadding: true });
  }

  /** Takes a datagram of the server, which has to be one that its client can read. */
  take(datagram: Bytes) {
    holds(datagram.length <= 1200, () => `the server sends ${datagram.length} bytes`);
    if (isSealDatagram(datagram)) return this.#takeSealed(datagram);
    if (!isSessionDatagram(datagram)) {
      holds(decodeOriginalReply(datagram) !== undefined, () => `the server sends '${textOf(datagram)}'`);
      this.#takeText(textOf(datagram));
      return;
    }
    const decoded = decodeAnswers<object>(datagram, decodeServiceAnswer);
    holds(decoded !== undefined, () => `the server answers '${textOf(datagram)}'`);
    const { session, startId, cookie } = decoded.header;
    if (session === this.session && cookie !== "") [this.#startId, this.#cookie] = [startId, cookie];
    this.#takeText(textOf(datagram));
  }

  #takeSealed(datagram: Bytes) {
    const decoded = decodeSealToClient(datagram), seal = this.#seal;
    holds(decoded !== undefined, () => `the server sends a seal's '${textOf(datagram)}'`);
    const { header, body } = decoded;
    if (seal === undefined || header.id !== seal.header.id) return;
    if (body.kind === "challenge") seal.header = header;
    else if (body.kind === "hello") {
      const keys = clientKeys(
        { service: this.#service, id: header.id, startId: header.startId },
        seal.key,
        body.key,
        body.server,
      );
      seal.sealer ??= new Sealer(">", keys.toServer);
      seal.opener ??= new Opener(keys.toClient);
      seal.binding ??= keys.binding;
    } else if (body.kind === "sealed") {
      const plain = seal.opener?.open(datagram, body.number);
      if (typeof plain === "object") this.#takeText(textOf(plain));
    }
  }

  #takeText(text: string) {
    this.received.push(text);
    const [, token, id] = /^msg,\d+,\d+,\d+,([0-9a-f]{16}),(\d+),/m.exec(text) ?? [];
    if (token !== undefined) [this.#token, this.#message] = [token, id!];
  }

  async send(datagram: Bytes) {
    this.received = [];
    this.#server.sockets[this.#service].deliver(datagram, this.address);
    await this.#server.settle();
  }

  /** A text in which `$token`, `$id`, `$session`, `$start` and `$cookie` stand for what it knows. */
  filled(text: string): string {
    return text.replaceAll("$token", this.#token).replaceAll("$id", this.#message)
      .replaceAll("$session", this.session).replaceAll("$start", this.#startId || "-")
      .replaceAll("$cookie", this.#cookie || "-");
  }

  /** Sends lines in its session, which begins if it has not. */
  async say(low: number, body: Bytes) {
    const header = () => ({ session: this.session, startId: this.#startId, cookie: this.#cookie, low });
    if (this.#cookie === "") await this.send(encodeRequests(header(), []));
    const head = encodeRequests(header(), []);
    await this.send(new Uint8Array([...head, 10, ...body]));
  }

  /** Makes a handshake, if there is none. Returns whether there is one then. */
  async seal(): Promise<boolean> {
    if (this.#seal?.sealer !== undefined) return true;
    const key = sealKey(this.#random.bytes(32));
    this.#seal = { key, header: { id: sealId(key.public), startId: "", cookie: "" } };
    await this.send(encodeHello(this.#seal.header, key.public));
    await this.send(encodeHello(this.#seal.header, key.public));
    return this.#seal.sealer !== undefined;
  }

  /** Sends this under its seal. */
  async saySealed(plain: Bytes) {
    const { sealer, header } = this.#seal ?? {};
    if (sealer !== undefined) await this.send(sealer.seal(header!, plain));
  }

  /** Logs in, as far as the server goes along. */
  async logIn(name: string, password: string) {
    if (!await this.seal()) return;
    const nonce = "n".repeat(24), first = clientFirstBare(name, nonce);
    await this.saySealed(bytesOf(`first,1,${GS2_HEADER}${first}`));
    const answer = this.received.map((text) => /^first,1,(.*)$/s.exec(text)?.[1]).find((text) =>
      text !== undefined
    );
    const parsed = answer === undefined ? undefined : parseServerFirst(answer, nonce);
    if (parsed === undefined) return;
    const keys = clientKeysOf(await fastSalt(password, parsed.salt, 0));
    const bare = clientFinalBare(parsed.nonce, this.#seal!.binding!);
    const message = authMessage(first, answer!, bare);
    await this.saySealed(bytesOf(`final,2,${this.session},${bare},p=${clientProof(keys, message)}`));
  }

  /** Carries out a command of the administrator. Returns whether it was answered with `ok`. */
  async command(command: string, isProved: boolean): Promise<boolean> {
    await this.send(bytesOf("A, challenge   "));
    const nonce = this.received.map((text) => /^A, ok, ([0-9a-f]+)$/.exec(text)?.[1]).find(Boolean) ?? "";
    const hex = isProved ? proof(SECRET, nonce, command) : "0".repeat(64);
    await this.send(bytesOf(`A, ${nonce}, ${hex}, ${command}`));
    await this.#server.settle();
    return this.received.some((text) => text.startsWith("A, ok"));
  }

  /** Begins another session, without a seal. */
  forget() {
    this.session = this.#name();
    this.#startId = this.#cookie = "";
    this.#seal = undefined;
  }

  move(hostname: string, port: number) {
    this.address = addressOf(hostname, port);
  }
}
