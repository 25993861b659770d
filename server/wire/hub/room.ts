/**
 * The room: members of the hub that speak lines. `protocol/README.md`, "Room", is the specification.
 *
 * @module
 */

import { type Line, LineDecoder, linesOf } from "../../../protocol/line.ts";
import { enteredRoom, isOffline, lineTooLong, roomPrefix } from "../../../protocol/room.ts";
import { type HubEvent, Member, type Wire } from "../../service/channel.ts";
import type { Listener } from "../../net/listener.ts";
import { listenForMembers, type MemberConnection, type MemberServiceOptions } from "./member_service.ts";

export interface RoomServiceOptions extends MemberServiceOptions {
  /** Longest line, in bytes without its end. */
  maxLine: number;
}

const encoder = new TextEncoder();

/** What members in lines are told. */
const lines: Wire = {
  name: "room",
  encode(events: readonly HubEvent[]): Uint8Array {
    let text = "";
    for (const event of events) {
      const { inRoom } = event.speaker;
      if (event.kind === "said") text += `${roomPrefix(inRoom)}${event.text}\n`;
      else text += event.kind === "joined" ? enteredRoom(inRoom) : isOffline(inRoom);
    }
    return encoder.encode(text);
  },
};

export class RoomService {
  readonly #options: RoomServiceOptions;
  readonly #listener: Listener;

  /** Begins to accept. */
  constructor(options: RoomServiceOptions) {
    this.#options = options;
    options.hub.openRoom();
    this.#listener = listenForMembers("room", options, (session) => this.#serve(session));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(session: MemberConnection) {
    const { hub, log, maxLine } = this.#options;
    const { connection } = session, { hostname, port } = connection;
    const member = session.member = new Member({ hostname, port }, lines, connection);
    log.console("room", `Client (${hostname}, ${port}) connected`, true);
    hub.enter(member);
    const decoder = new LineDecoder(maxLine, "replace");
    for (let bytes = await session.read(); bytes !== undefined; bytes = await session.read()) {
      await this.#receive(session, member, decoder.decode(bytes));
    }
    // the last one may lack its end
    await this.#receive(session, member, decoder.end());
    log.console("room", `Client (${hostname}, ${port}) is offline`, true);
  }

  async #receive(session: MemberConnection, member: Member, lines: Iterable<Line>) {
    const { hub, maxLine } = this.#options;
    for (const line of lines) {
      // each piece between two CRs is a message, or a line could be as many as it has bytes
      for (const text of "text" in line ? linesOf(line.text) : [undefined]) {
        const wait = session.pace();
        if (wait !== undefined) await wait;
        if (session.connection.isClosed) return;
        if (text === undefined) {
          session.count("line too long");
          session.answer(encoder.encode(lineTooLong(maxLine)), 1);
        } else {
          session.count("received");
          hub.say(member, text);
        }
      }
    }
  }
}
