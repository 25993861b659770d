import { assertEquals } from "@std/assert";
import type { Server } from "../../../../server/server.ts";
import { FramePeer, LinePeer } from "../../../stream.ts";

/** How what one peer says at a time is put into writes. */
export type Writes = "a message a write" | "a byte a write" | "all in one write";

/**
 * Plays a conversation. Its lines are `NAME > text`, which the peer sends, `NAME < text`, which it receives, `NAME close`
 * and `NAME closed`, where the server did it. Names of the room's clients begin with a small letter; `enter` connects
 * one, and in texts `{name}` is its port. Clients of the channels connect with the first line, their name. In the end
 * none may have received anything else. `\n`, `\r`, `\t`, `\0` and `\x1b` are those characters; `␣` is a space at an end.
 * What an announced client receives begins with `STX`, and has `ID` and `TIME` for a history ID and a time; `{ID}` is the
 * last ID that one received.
 */
export async function converse(server: Server, text: string, writes: Writes = "a message a write") {
  const portOf = (name: string) =>
    server.listening.find((service) => service.name === name)!.addresses[0]!.port;
  const peers = new Map<string, FramePeer | LinePeer>();
  let id = "";
  /** What an announced client received, as it is written in a conversation. */
  const normal = (text: string | undefined) => {
    if (!text?.startsWith("\x02")) return text;
    id = /^.(?:channel|history) (\w+)/.exec(text)?.[1] ?? id;
    return `STX ${text.slice(1)}`.replace(/^(STX (?:channel|history)) \w+/, "$1 ID")
      .replace(/^(STX (?:message|part|sent) \d+) \d{13}\b/, "$1 TIME");
  };
  const unescape = (text: string) =>
    text.replaceAll("{ID}", id).replace(/\\n/g, "\n").replace(/\\r/g, "\r").replace(/\\t/g, "\t").replace(
      /\\x1b/g,
      "\x1b",
    )
      .replace(/\\0/g, "\0")
      .replaceAll("␣", " ").replace(/\{(\w+)\}/g, (_, name) => `${peers.get(name)!.port}`);
  const unsaid = new Map<FramePeer | LinePeer, string[]>();
  const say = async () => {
    for (const [peer, texts] of unsaid) {
      unsaid.delete(peer);
      if (writes === "all in one write") await peer.send(...texts);
      else if (writes === "a message a write") { for (const text of texts) await peer.send(text); }
      else {
        for (const byte of texts.flatMap((text) => [...peer.encode(text)])) {
          await peer.write(new Uint8Array([byte]));
        }
      }
    }
  };
  try {
    for (const line of text.split("\n").map((line) => line.trim()).filter((line) => line !== "")) {
      const [, name = "", verb, said = ""] = /^(\w+) (>|<|enter|closed?)(?: (.*))?$/.exec(line) ?? [];
      let peer = peers.get(name);
      if (peer === undefined) {
        await say();
        peer = /^[a-z]/.test(name)
          ? await LinePeer.connect(portOf("room"))
          : await FramePeer.connect(portOf("channels"));
        peers.set(name, peer);
        if (verb === "enter") continue;
      }
      if (verb === ">") {
        // one after the other, across peers too
        if (!unsaid.has(peer)) await say();
        unsaid.set(peer, [...unsaid.get(peer) ?? [], unescape(said)]);
        continue;
      }
      await say();
      if (verb === "<") assertEquals([line, normal(await peer.next())], [line, unescape(said)]);
      else {
        if (verb === "closed") assertEquals([line, await peer.next()], [line, undefined]);
        peer[Symbol.dispose]();
        peers.delete(name);
      }
    }
    await say();
    for (const [name, peer] of peers) {
      const before = peer instanceof FramePeer ? await peer.settle() : [];
      const rest = [...before, ...await peer.rest()].map(normal)
        .filter((text) => !/ (has left|is offline)$|^STX left /.test(text!));
      assertEquals([name, rest], [name, []]);
    }
  } finally {
    for (const peer of peers.values()) peer[Symbol.dispose]();
  }
}
