/**
 * Routes of the files in the forum's threads. http.md section 10.
 *
 * @module
 */

import type { Routes } from "../route.ts";
import { THREAD } from "./thread.ts";

const FILE = { ...THREAD, file: "The file's name in the thread: at most 128 bytes" };

const STORED_SCHEMA = {
  type: "object",
  required: ["received", "size"],
  properties: {
    received: { type: "integer", description: "Bytes that have arrived" },
    size: { type: "integer" },
    hash: { type: "string", description: "SHA-256 in hexadecimal digits, once all of it is stored" },
  },
} as const;

export const FILE_ROUTES = {
  downloadFile: {
    method: "GET",
    path: "/thread/{thread}/file/{file}",
    summary: "Download a file of a thread, or a part of it",
    access: "user",
    parameters: FILE,
    headers: {
      "range": "The part: `bytes=0-99`",
      "if-range": "The ETag of the file that the part is of: another file is sent whole",
      "if-none-match": "The ETag of the file that the client has",
    },
    answers: {
      200: {
        help: "The file",
        types: { "application/octet-stream": undefined },
        headers: { "ETag": "The SHA-256 of the file, in quotes", "Repr-Digest": "The same (RFC 9530)" },
      },
      206: {
        help: "The part",
        types: { "application/octet-stream": undefined },
        headers: { "Content-Range": "Which it is" },
      },
      304: { help: "The client has it" },
    },
    problems: ["no log-in", "no thread", "no file", "bad range", "files busy", "storage"],
    examples: [{
      title: "Download a file",
      as: "bob",
      target: "/thread/plans/file/hello.txt",
      answer: {
        status: 200,
        headers: { "etag": '"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"' },
        body: "hello\n",
      },
    }, {
      title: "Download a part of it",
      as: "bob",
      target: "/thread/plans/file/hello.txt",
      headers: { range: "bytes=0-3" },
      answer: { status: 206, headers: { "content-range": "bytes 0-3/6" }, body: "hell" },
    }, {
      title: "Ask whether it is another one",
      as: "bob",
      target: "/thread/plans/file/hello.txt",
      headers: { "if-none-match": '"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"' },
      answer: { status: 304 },
    }],
  },
  uploadFile: {
    method: "PUT",
    path: "/thread/{thread}/file/{file}",
    summary: "Upload a file to a thread, at once or in parts",
    help:
      "An upload that was cut goes on where it ended: `Content-Range: bytes */SIZE` without a body asks how much has " +
      "arrived, and `Content-Range: bytes FIRST-LAST/SIZE` sends the part behind that.",
    access: "user",
    parameters: FILE,
    headers: {
      "content-range": "Which part of the file the body is",
      "content-digest": "SHA-256 of the body (RFC 9530)",
      "repr-digest": "SHA-256 of the whole file (RFC 9530)",
    },
    body: {
      help: "The content, or a part of it",
      isRequired: false,
      types: { "application/octet-stream": undefined },
    },
    answers: {
      200: {
        help: "The same file is there already",
        types: { "application/json": STORED_SCHEMA },
        headers: { "ETag": "The SHA-256 of the file, in quotes" },
      },
      201: {
        help: "The whole file is stored",
        types: { "application/json": STORED_SCHEMA },
        headers: { "ETag": "The SHA-256 of the file, in quotes" },
      },
      202: {
        help: "Not all of it has arrived",
        types: { "application/json": STORED_SCHEMA },
        headers: { "Range": "What has arrived: `bytes=0-99`; not there if nothing has" },
      },
    },
    problems: [
      ...["no log-in", "no thread", "muted", "bad ID", "file exists", "forum full", "wrong offset"],
      ...["wrong digest", "files busy", "overload", "storage"],
    ] as const,
    examples: [{
      title: "Upload a file",
      as: "alice",
      target: "/thread/plans/file/hello.txt",
      body: "hello\n",
      answer: {
        status: 201,
        body:
          '{"received":6,"size":6,"hash":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}\n',
      },
    }, {
      title: "Upload it again",
      as: "alice",
      target: "/thread/plans/file/hello.txt",
      headers: { "repr-digest": "sha-256=:WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=:" },
      body: "hello\n",
      answer: {
        status: 200,
        body:
          '{"received":6,"size":6,"hash":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}\n',
      },
    }, {
      title: "Upload the first part of one",
      as: "alice",
      target: "/thread/plans/file/long.txt",
      headers: { "content-range": "bytes 0-5/12" },
      body: "hello\n",
      answer: { status: 202, headers: { range: "bytes=0-5" }, body: '{"received":6,"size":12}\n' },
    }],
  },
} as const satisfies Routes;
