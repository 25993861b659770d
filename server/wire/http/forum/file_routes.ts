/**
 * What the routes of files answer. http.md 10.4 to 10.8.
 *
 * @module
 */

import { doneText, refusedText } from "../../../../protocol/forum/forum_text.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import {
  encodeDigest,
  encodeDisposition,
  parseContentRange,
  parseDigest,
  parseRange,
} from "../../../../protocol/http/range.ts";
import type { FILE_ROUTES } from "../../../../protocol/http/routes/file.ts";
import { isFileName } from "../../../../protocol/transfer.ts";
import type { Forum } from "../../../service/forum.ts";
import type { DownloadGrant } from "../../../service/tickets.ts";
import type { Handlers, HttpExchange } from "../exchange.ts";
import { sendPart } from "./file_download.ts";
import { FileTransfer, type TransferContext } from "./file_transfer.ts";
import { receivePart, storedAnswer, type UploadedPart } from "./file_upload.ts";
import { checkMuted, forumRefusal, type ThreadRoutesOptions, userOf } from "./thread_routes.ts";

export interface FileRoutesOptions extends ThreadRoutesOptions, TransferContext {}

type FileRoutes = typeof FILE_ROUTES;

export function fileHandlers(options: FileRoutesOptions): Handlers<FileRoutes> {
  const { forum, moderation, console } = options;
  return {
    async downloadFile(exchange) {
      const { client, path: { thread: title, file }, connection, incoming } = exchange;
      const request = { user: userOf(client), network: client.network, title, file };
      const onEnd = () => console(doneText({ kind: "DWN", title, file }), client.hostname);
      const grant = await new Promise<Parameters<Parameters<Forum["permitDownload"]>[2]>[0]>((done) =>
        forum.permitDownload(request, onEnd, done)
      );
      if ("refused" in grant) throw fileRefusal(grant.refused);
      const { size } = grant, headers = headersOf(grant, file), part = partOf(exchange, grant);
      if (exchange.header("if-none-match")?.split(",").some((tag) => tag.trim() === headers.etag)) {
        return { status: 304, headers: { etag: headers.etag } };
      }
      const range = part ?? { start: 0, end: size - 1 }, length = range.end + 1 - range.start;
      const head = {
        status: part === undefined ? 200 : 206,
        headers: {
          ...headers,
          "content-length": `${length}`,
          ...part === undefined ? {} : { "content-range": `bytes ${range.start}-${range.end}/${size}` },
        },
      };
      if (incoming.method === "HEAD") {
        exchange.open(head.status, head.headers).end();
        return "opened";
      }
      console(`${client.account} issued DWN command`, client.hostname);
      using transfer = new FileTransfer(connection, client, options);
      return await sendPart(exchange, grant, range, head, transfer);
    },
    async uploadFile(exchange) {
      const { client, path: { thread: title, file }, connection } = exchange, user = userOf(client);
      checkMuted(client, moderation);
      if (!isFileName(file)) throw new Refusal("bad ID", "a file cannot have this name (transfer.md)");
      const { part, size, hash } = uploadOf(exchange);
      const request = { user, network: client.network, title, file, size, hash, isRepeated: true };
      if (part.range !== undefined) console(`${user} issued UPD command`, client.hostname);
      const onEnd = (refused?: string) => {
        const command = { kind: "UPD", title, file } as const;
        console(refused === undefined ? doneText(command) : refusedText(command, refused), client.hostname);
      };
      const grant = await new Promise<Parameters<Parameters<Forum["permitUpload"]>[2]>[0]>((done) =>
        forum.permitUpload(request, onEnd, done)
      );
      if (grant === "stored") return storedAnswer(200, size, hash!);
      if ("refused" in grant) throw fileRefusal(grant.refused);
      using transfer = new FileTransfer(connection, client, options);
      return await receivePart(exchange, grant, part, transfer);
    },
  };
}

function fileRefusal(reason: string): Refusal {
  return reason === "file exists" || reason === "no file" ? new Refusal(reason) : forumRefusal(reason);
}

/** What anybody uploaded is never shown as a page of this server. */
function headersOf({ hash }: DownloadGrant, file: string) {
  return {
    "content-type": "application/octet-stream",
    "content-disposition": encodeDisposition(file),
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
    "etag": `"${hash}"`,
    "repr-digest": encodeDigest(hash),
  };
}

/**
 * The part that is asked for; undefined for the whole file.
 *
 * @throws {Refusal} `bad range`.
 */
function partOf(exchange: HttpExchange, { size, hash }: DownloadGrant) {
  const header = exchange.header("range"), condition = exchange.header("if-range");
  if (header === undefined || condition !== undefined && condition !== `"${hash}"`) return undefined;
  const range = parseRange(header, size);
  if (range !== "none") return range;
  throw new Refusal("bad range", `the file has ${size} bytes`, {
    headers: { "content-range": `bytes */${size}` },
  });
}

/**
 * What a request uploads.
 *
 * @throws {Refusal} `bad header`.
 */
function uploadOf(exchange: HttpExchange): { part: UploadedPart; size: number; hash: string | undefined } {
  const header = exchange.header("content-range"), length = exchange.header("content-length");
  const bodyHash = digestIn(exchange, "content-digest"), wholeHash = digestIn(exchange, "repr-digest");
  if (header === undefined) {
    if (length === undefined) throw new Refusal("bad header", "the header Content-Length is missing");
    return { part: { range: "whole", bodyHash }, size: Number(length), hash: wholeHash ?? bodyHash };
  }
  const content = parseContentRange(header);
  if (content === undefined) throw new Refusal("bad header", "the header Content-Range can't be read");
  const { range, size } = content;
  const expected = range === undefined ? 0 : range.end + 1 - range.start;
  if (Number(length ?? 0) !== expected) {
    const detail = `Content-Range is of ${expected} bytes, and Content-Length of ${length ?? 0}`;
    throw new Refusal("bad header", detail);
  }
  return { part: { range, bodyHash }, size, hash: wholeHash };
}

function digestIn(exchange: HttpExchange, name: string): string | undefined {
  const header = exchange.header(name);
  if (header === undefined) return undefined;
  const hash = parseDigest(header);
  if (hash === undefined) {
    throw new Refusal("bad header", `the header ${name} has no sha-256 that can be read`);
  }
  return hash;
}
