/**
 * The wire of the room: members of the hub that send and receive lines. `protocol/room.md` is the
 * specification.
 *
 * @module
 */

import { MUTED_TEXT } from "../../../protocol/admin.ts";
import { describeRoomLine } from "../../../protocol/describe/hub.ts";
import { refusal } from "../../../protocol/describe/refusals.ts";
import { isLogin } from "../../../protocol/channels/login.ts";
import { ROOM_LINES, roomPrefix } from "../../../protocol/room.ts";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { type Line, LineDecoder, linesOf } from "../../../protocol/syntax/line.ts";
import { type EventEncoder, Member } from "../../service/hub/channel.ts";
import { logIn, type LoginWire, refuseLogin, refuseUnproved } from "./login.ts";
import { type MemberConnection, MemberWire, type MemberWireOptions } from "./member_wire.ts";

const encoder = new TextEncoder();

const lines: EventEncoder = {
  wire: "room",
  encode(events) {
    let text = "";
    for (const event of events) {
      const { speaker } = event;
      if (event.kind === "message") text += `${roomPrefix(speaker)}${event.text}\n`;
      else text += event.kind === "joined" ? ROOM_LINES.entered(speaker) : ROOM_LINES.offline(speaker);
    }
    return encoder.encode(text);
  },
};

const MUTED = encoder.encode(`${MUTED_TEXT}\n`);

export class RoomWire extends MemberWire {
  readonly #maxLineBytes: number;
  readonly #login: LoginWire;

  /**
   * Begins to accept.
   *
   * @param maxLineBytes Longest line, without its end.
   */
  constructor(maxLineBytes: number, options: MemberWireOptions) {
    super("room", options);
    this.#maxLineBytes = maxLineBytes;
    this.#login = { options, encoder: lines, answer };
    options.hub.openRoom();
  }

  protected override encode(text: string): Uint8Array {
    return encoder.encode(`${text}\n`);
  }

  protected override async serve(client: MemberConnection) {
    const { hub, log } = this.options, { hostname, port } = client;
    const name = formatAddress(client);
    client.member = new Member({ name, address: { hostname, port } }, lines, client);
    log.console("room", `Client (${hostname}, ${port}) connected`, { hostname });
    if (this.options.accounts?.auth !== "required") hub.enter(client.member);
    else {
      client.claimed = "";
      refuseUnproved(client, this.#login);
    }
    const decoder = new LineDecoder(this.#maxLineBytes, "replace");
    for (let bytes = await client.read(); bytes !== undefined; bytes = await client.read()) {
      await this.#receive(client, decoder.decode(bytes));
    }
    // the last line may lack its end
    await this.#receive(client, decoder.end());
    log.console("room", `Client (${hostname}, ${port}) is offline`, { hostname });
  }

  async #receive(client: MemberConnection, lines: Iterable<Line>) {
    for (const line of lines) {
      const isWholeLogin = "text" in line && isLogin(line.text);
      // each piece between two CRs is a message, or a line could be as many as it has bytes
      for (const text of !("text" in line) ? [undefined] : isWholeLogin ? [line.text] : linesOf(line.text)) {
        const wait = client.throttle();
        if (wait !== undefined) await wait;
        if (client.isClosed) return;
        if (text !== undefined && isLogin(text)) {
          if (isWholeLogin) await logIn(client, text, this.#login);
          else refuseLogin(client, this.#login);
          continue;
        }
        // a log-in gives it another one
        const member = client.member!;
        if (client.tap.isOn) client.tap.see("in", client, () => described(text, member.speaker.name));
        if (text === undefined) {
          client.count("line too long");
          answer(client, ROOM_LINES.tooLong(this.#maxLineBytes).trimEnd());
        } else {
          client.count("received");
          if (client.claimed !== undefined) refuseUnproved(client, this.#login);
          else if (!client.isMuted(member, MUTED)) this.options.hub.send(member, text);
        }
      }
    }
  }
}

function answer(client: MemberConnection, text: string) {
  client.answer(encoder.encode(`${text}\n`), 1);
}

function described(text: string | undefined, name: string) {
  return text === undefined
    ? { what: "a line", names: [name], ...refusal("line too long") }
    : describeRoomLine(text, name);
}
