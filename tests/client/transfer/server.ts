/**
 * The server's half of the file transfer with threads of its own, on a free port.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { Log } from "../../../server/report/log.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { DEFAULT_FILE_LIMITS, type FileLimits } from "../../../server/store/files/file_quota.ts";
import { ContentFiles } from "../../../server/store/files/files.ts";
import type { GroupCommit } from "../../../server/store/journaled/group.ts";
import { transferKeys } from "../../../protocol/transfer/records.ts";
import {
  type FileRequest,
  Forum,
  type ForumOptions,
  type UploadOutcome,
} from "../../../server/service/forum.ts";
import type { Attach, FindFileOutcome } from "../../../server/store/requests/thread.ts";
import { TransferWire } from "../../../server/wire/transfer/transfer.ts";
import { sendContent, storedOf, TransferPeer, type UploadPeer } from "./peer.ts";

/** Bytes that are no text, the same ones for the same size. */
export function contentOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(size);
  for (let i = 0, state = seed; i < size; i++) content[i] = state = (state * 5 + 1 + (i >> 8)) & 0xff;
  return content;
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A file of a thread. */
export type Upload = Omit<Attach, "kind" | "time">;

type NamedUpload = Omit<Upload, "content" | "hash"> & { hash: string | undefined };

/** What names an upload of this content, by a client that has not read it yet. */
export function uploadOf(content: Uint8Array, more: Partial<NamedUpload> = {}): NamedUpload {
  return { user: "alice", thread: 1, name: "notes.txt", size: content.length, hash: undefined, ...more };
}

/** Names in a server's directory of contents: whole ones, and those that are on their way. */
export function held(directory: string): { contents: number; partials: number } {
  const names = [...Deno.readDirSync(`${directory}/files`)].map(({ name }) => name);
  const partials = names.filter((name) => name.endsWith(".part")).length;
  return { contents: names.length - partials, partials };
}

/** What a server answers that has so many bytes of the content. */
export function offered(content: Uint8Array, from: number): string {
  return `P1 from ${from}${from === 0 ? "" : ` ${sha256(content.subarray(0, from))}`}`;
}

/** Puts it, and gives the last answer, without its proof where that is right. */
export async function put(server: TransferServer, content: Uint8Array, more: Partial<NamedUpload> = {}) {
  using peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(content, more)));
  assertEquals(await peer.line(), "P1 from 0");
  await sendContent(peer, content);
  const answer = await peer.line();
  assertEquals(await peer.line(), null, "the server closes");
  return answer === storedOf(peer, content) ? "P1 stored" : answer;
}

/** Begins an upload, sends a part of it, and cuts it. Resolves to where it got when the server has seen that. */
export async function beginUpload(
  server: TransferServer,
  content: Uint8Array,
  cut: (peer: UploadPeer) => unknown,
  from = 0,
): Promise<number> {
  const part = content.subarray(from, from + 2_000_000);
  using peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(content)));
  assertEquals(await peer.line(), offered(content, from));
  await peer.send(`P1 from ${from}\n`);
  await peer.send(part);
  await cut(peer);
  while (await peer.line().catch(() => null) !== null);
  return from + part.length;
}

export interface TransferServerOptions {
  directory?: string | undefined;
  limits?: Partial<FileLimits>;
  monotonicClock?: () => number;
  setTimer?: (ms: number, callback: () => void) => () => void;
  /** Makes tickets and their keys. */
  random?: (bytes: number) => Uint8Array;
  /** Comes before every commit. */
  beforeCommit?: () => Promise<void>;
  max?: number;
  maxUser?: number;
  maxConnections?: number;
  maxAddressConnections?: number;
}

export class TransferServer implements AsyncDisposable {
  readonly files: ContentFiles;
  readonly forum: Forum;
  readonly service: TransferWire;
  readonly metrics = new Metrics();
  /** What is visible in the threads. */
  readonly uploads: Upload[];
  log = "";
  readonly #log = new Log((bytes) => Promise.resolve(this.log += new TextDecoder().decode(bytes)));
  readonly #socket: Deno.TcpListener;
  /** What the store says about the file of the next ticket. */
  #found: FindFileOutcome = "no thread";
  #isClosed = false;

  private constructor(files: ContentFiles, uploads: Upload[], options: TransferServerOptions) {
    this.files = files;
    this.uploads = uploads;
    const { monotonicClock = () => performance.now(), setTimer = realTimer, max, maxUser } = options;
    const { random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)) } = options;
    const store = {
      submit: (_: unknown, done: (outcome: FindFileOutcome) => void) => done(this.#found),
      async ask({ kind: _, time: __, ...upload }: Attach) {
        await options.beforeCommit?.();
        if (uploads.some(({ thread, name }) => thread === upload.thread && name === upload.name)) {
          return "file exists";
        }
        uploads.push(upload);
        return "stored";
      },
    } as unknown as ForumOptions["store"];
    this.forum = new Forum({ store, files, wallClock: Date.now, monotonicClock, random });
    this.#socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.service = new TransferWire({
      tickets: this.forum.tickets,
      listeners: [this.#socket],
      polling: { due: undefined },
      metrics: this.metrics,
      log: this.#log,
      monotonicClock,
      setTimer,
      ...max === undefined ? {} : { max },
      ...maxUser === undefined ? {} : { maxUser },
      ...options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections },
      ...options.maxAddressConnections === undefined
        ? {}
        : { maxAddressConnections: options.maxAddressConnections },
    });
  }

  /** @param uploads What is visible in the threads from an earlier start. */
  static async start(options: TransferServerOptions = {}, uploads: Upload[] = []): Promise<TransferServer> {
    const files = await ContentFiles.open({
      directory: options.directory,
      limits: { ...DEFAULT_FILE_LIMITS, share: 100, ...options.limits },
      store: {
        ask: ({ contents }: { contents: readonly string[] }) =>
          Promise.resolve(uploads.filter(({ content }) => contents.includes(content)) as never),
      } as Pick<GroupCommit, "ask">,
      wallClock: Date.now,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    });
    return new TransferServer(files, uploads, options);
  }

  get port(): number {
    return this.#socket.addr.port;
  }

  #request(upload: NamedUpload, filesKey?: Uint8Array): UploadOutcome {
    const { user, thread, name: file, size, hash } = upload, title = `thread ${thread}`;
    const request = { user, title, file, size, hash, isRepeated: false, ...sealedBy(filesKey) };
    let outcome: UploadOutcome | undefined;
    this.#found = { thread };
    this.forum.upload(request, () => {}, (result) => outcome = result);
    return outcome!;
  }

  /**
   * A ticket for an upload, and its key.
   *
   * @param filesKey The transfer is sealed with it.
   */
  ticket(upload: NamedUpload, filesKey?: Uint8Array): { ticket: string; key: string } {
    const outcome = this.#request(upload, filesKey);
    if (typeof outcome === "string" || "refused" in outcome) throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  /** Why there is no ticket for this upload; undefined if there is one. */
  refusal(upload: NamedUpload): string | undefined {
    const outcome = this.#request(upload);
    return typeof outcome === "object" && "refused" in outcome ? outcome.refused : undefined;
  }

  /** A ticket for a download of what is in a thread. */
  downloadTicket({ thread, name, ...file }: Upload, user = "bob", filesKey?: Uint8Array): string {
    let ticket = "";
    this.#found = { thread, file };
    const request = { user, title: `thread ${thread}`, file: name, ...sealedBy(filesKey) };
    this.forum.download(request, () => {}, (outcome) => {
      if ("refused" in outcome) throw new Error(outcome.refused);
      ticket = outcome.ticket;
    });
    return ticket;
  }

  /** What is visible under this name, and its bytes. */
  async content(upload: Upload): Promise<Uint8Array> {
    const file = (await this.files.read(upload.content))!;
    return new Uint8Array(await new Response(file.readable).arrayBuffer());
  }

  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.service.close();
    await this.files.close();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

function sealedBy(filesKey?: Uint8Array): Pick<FileRequest, "keysOf"> {
  return filesKey === undefined ? {} : { keysOf: (ticket) => transferKeys(filesKey, ticket) };
}

function realTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
