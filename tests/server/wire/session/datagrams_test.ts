/** Sessions as a client without any library sees them: datagrams of text over UDP. */

import { assertEquals, assertMatch } from "@std/assert";
import { Peer } from "../../../program.ts";
import { withServer } from "../../serve.ts";

const ID = "VcQX0h8MDeicdWCQaYz0TA";

/** A client that has the server's start ID and a cookie. */
class RawSession implements Disposable {
  readonly #peer: Peer;
  readonly #id: string;
  header = "";

  constructor(port: number, id = ID) {
    this.#peer = new Peer(port);
    this.#id = id;
  }

  async begin(): Promise<this> {
    const challenge = await this.#peer.ask(`P1> ${this.#id} - - 1`);
    this.header = challenge.replace("P1<", "P1>").replace(/ 0$/, "");
    return this;
  }

  /** Sends these lines below the header, with `low`. */
  async send(low: number, ...lines: string[]) {
    await this.#peer.send([`${this.header} ${low}`, ...lines].join("\n"));
  }

  /** The same, and `done` and the lines of the answer. */
  async ask(low: number, ...lines: string[]): Promise<string[]> {
    await this.send(low, ...lines);
    const [header = "", ...answers] = (await this.#peer.receive()).split("\n");
    return [header.split(" ").at(-1)!, ...answers];
  }

  async raw(datagram: string): Promise<string> {
    return await this.#peer.ask(datagram);
  }

  async sendRaw(datagram: string) {
    await this.#peer.send(datagram);
  }

  [Symbol.dispose]() {
    this.#peer[Symbol.dispose]();
  }
}

const counts = (messages: number, bytes: number) =>
  `messages ${messages},bytes ${bytes},ready ${messages},leased 0,delayed 0,dead 0`;

// session.md 4.1, 4.2
Deno.test("nothing is carried out before the client has shown its address, or for another start of the server", () =>
  withServer({}, async ({ addresses: [address] }) => {
    using session = new RawSession(address!.port);
    const challenge = /^P1< VcQX0h8MDeicdWCQaYz0TA [0-9a-f]{8} [0-9a-f]{28} 0$/;
    assertMatch(await session.raw(`P1> ${ID} - - 1\nput,1,bob,alice,,,hi`), challenge);
    await session.begin();
    const [, , start, cookie] = session.header.split(" ");
    const other = start === "00000000" ? "00000001" : "00000000";
    for (const [id, proof] of [[other, cookie], [start, "-"], [start, "0".repeat(28)]]) {
      assertMatch(await session.raw(`P1> ${ID} ${id} ${proof} 1\nput,1,bob,alice,,,hi`), challenge);
    }
    assertEquals(await session.ask(1, "stat,1,bob"), ["0", `stat,1,${counts(0, 0)}`]);
  }));

// session.md 2.1, 3.11, 3.14, 5.7
Deno.test("a request that is repeated gets its answer again, and is not carried out again", () =>
  withServer({}, async ({ addresses: [address] }) => {
    using session = await new RawSession(address!.port).begin();
    for (let i = 0; i < 3; i++) {
      assertEquals(await session.ask(1, "put,1,bob,alice,,,5 Ω, or more? ✓"), ["1", "ok,1"]);
    }
    assertEquals(await session.ask(2, "put,3,bob,alice,,,third"), ["1", "have,3"]);
    assertEquals(await session.ask(2, "put,2,bob,alice,,,second"), ["3", "ok,2-3"]);
    assertEquals(await session.ask(4, "stat,1,bob"), ["3", `stat,1,${counts(3, 29)}`]);
  }));

// session.md 1.1, 1.2, 1.5, 1.6
Deno.test("a datagram with one line that is not of the grammar is dropped whole, unless that is a put with a number", () =>
  withServer({}, async ({ addresses: [address] }) => {
    using session = await new RawSession(address!.port).begin();
    const put = "put,1,bob,alice,,,hi";
    await session.send(1, put, "nonsense");
    await session.send(1, put, "");
    await session.send(1, put.toUpperCase());
    await session.send(1, "put, 1,bob,alice,,,hi");
    await session.send(1, put, "lease,1,bob,65,30000,0");
    await session.send(1, put, "lease,1,bob,1,999,0");
    await session.send(1, put, "ack,2,eca43648c5ecc233,");
    await session.send(1, put.padEnd(1201 - session.header.length - " 1\n".length, "."));
    await session.sendRaw(`${session.header} 1\n${put}`.replace("P1>", "p1>"));
    assertEquals(await session.ask(1, "stat,1,bob"), ["0", `stat,1,${counts(0, 0)}`]);
    const bad = [
      ["put,1,b,ob,alice,,,hi", "bad,1,bad time"],
      ["put,2,,alice,,,hi", "bad,2,bad sender"],
      ["put,3,bob,admin,,,hi", "bad,3,bad sender"],
      [`put,4,${"b".repeat(65)},alice,,,hi`, "bad,4,bad receiver"],
      ["put,5,bob,alice,,,\x07", "bad,5,not printable"],
    ] as const;
    for (const [i, [request, answer]] of bad.entries()) {
      assertEquals(await session.ask(i + 1, request), [`${i + 1}`, answer]);
    }
  }));

// session.md 2.9; forum.md 1.1, 1.2, 1.7
Deno.test("each service refuses the requests of the other, and a forum those of a session without a user", () =>
  withServer({ ports: { mailbox: 0, forum: 0 } }, async ({ addresses }) => {
    const ports = [...new Set(addresses.map(({ port }) => port))];
    using mailbox = await new RawSession(ports[0]!).begin();
    using forum = await new RawSession(ports[1]!, ID.replace("V", "W")).begin();
    assertEquals(await mailbox.ask(1, "CRT,1,thread0"), ["1", "bad,1,not served here"]);
    assertEquals(await mailbox.ask(2, "LST,1,0"), ["1", "no,1,not served here"]);
    await forum.sendRaw("R, bob");
    await forum.sendRaw("A, challenge   ");
    assertEquals(await forum.ask(1, "CRT,1,thread0"), ["0", "login"]);
    assertEquals(await forum.ask(1, "put,1,bob,alice,,,hi"), ["0", "login"]);
    assertEquals(await forum.ask(1), ["0"]);
  }));
