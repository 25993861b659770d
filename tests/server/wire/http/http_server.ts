import type { Server } from "../../../../server/server.ts";
import { HttpPeer, type HttpRequestOptions } from "../../../http.ts";
import { withServer } from "../../serve.ts";

/** A server in memory with HTTP, and its port. */
export async function withHttp(
  options: Parameters<typeof withServer>[0],
  use: (port: number, server: Server, log: string[]) => Promise<void>,
) {
  await withServer(options, (server, log) => use(httpPort(server), server, log));
}

export function httpPort(server: Server): number {
  return server.listening.find(({ name }) => name === "http")!.addresses[0]!.port;
}

/**
 * Plays a transcript: `name > GET /healthz | header: value | …` is a request, and the lines after it with a body, and
 * `name < 200 | header: value` its answer: the status, headers that it has to have, and `name = text` its whole body. In
 * an answer, `…` stands for any characters. `name <` without a request before waits for one that is on its way. `name ~
 * text` is the next line of an answer that does not end, without blank ones; `name ~` alone its end. `{word}` in a request
 * stands for what `{word}` in an answer before stood for.
 */
export async function httpTranscript(port: number, text: string) {
  const peers = new Map<string, HttpPeer>();
  const bodies = new Map<string, string>(), words = new Map<string, string>();
  const likeLine = (pattern: string, text: string, line: string) => assertLike(pattern, text, line, words);
  try {
    for (const written of text.split("\n")) {
      const isRequest = /^\s*\w+ +>/.test(written);
      const line = isRequest
        ? written.replaceAll(/\{(\w+)\}/g, (all, word) => words.get(word) ?? all)
        : written;
      const [, name, direction, rest = ""] = /^\s*(\w+) +([<>=~]) ?(.*)$/.exec(line) ?? [];
      if (name === undefined) continue;
      let peer = peers.get(name);
      if (peer === undefined) peers.set(name, peer = await HttpPeer.connect(port));
      const [first = "", ...parts] = rest.split(" | ");
      if (direction === ">") await peer.send(first, requestOf(parts));
      else if (direction === "~") likeLine(rest, await nextLine(peer) ?? "", line);
      else if (direction === "=") likeLine(rest.replaceAll("\\n", "\n"), bodies.get(name) ?? "", line);
      else {
        const { status, headers, body } = await peer.reply();
        bodies.set(name, body);
        if (`${status}` !== first) throw new Error(`Expected '${line.trim()}', got ${status} ${body}`);
        for (const part of parts) {
          const [header, value] = split(part);
          likeLine(value, headers[header.toLowerCase()] ?? "(none)", line);
        }
      }
    }
  } finally {
    for (const peer of peers.values()) peer[Symbol.dispose]();
  }
}

/** `header: value` are headers; `= text` is the body. */
function requestOf(parts: readonly string[]): HttpRequestOptions {
  const body = parts.find((part) => part.startsWith("= "))?.slice(2).replaceAll("\\n", "\n");
  const headers = parts.filter((part) => !part.startsWith("= ")).map(split);
  return { headers: Object.fromEntries(headers), ...body === undefined ? {} : { body } };
}

function split(header: string): [name: string, value: string] {
  const colon = header.indexOf(":");
  return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()];
}

async function nextLine(peer: HttpPeer): Promise<string | undefined> {
  let line = await peer.line();
  while (line === "") line = await peer.line();
  return line;
}

function assertLike(pattern: string, text: string, line: string, words: Map<string, string>) {
  const names: string[] = [];
  const parts = pattern.split(/(…|\{\w+\})/).map((part) => {
    if (part === "…") return "[^]*";
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [], known = name === undefined ? part : words.get(name);
    if (known !== undefined) return RegExp.escape(known);
    names.push(name!);
    return "([A-Za-z0-9._~-]+)";
  });
  const found = new RegExp(`^${parts.join("")}$`).exec(text);
  if (found === null) {
    throw new Error(`Expected ${JSON.stringify(pattern)} for '${line.trim()}', got ${JSON.stringify(text)}`);
  }
  names.forEach((name, i) => words.set(name, found[i + 1]!));
}
