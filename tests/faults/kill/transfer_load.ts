/**
 * Files that go up to a forum and down again, one after the other, while its server is killed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Forum } from "../../../client/forum.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { Random } from "../../simulation/random.ts";

/** Bytes of a file: it takes long enough to be hit. */
const SIZE = 6 * 1024 ** 2;

/** What a transfer is given: servers that are started and machines that are busy take their time. */
type Attempt = { stallMsMax: number; idleMsMax: number; onProgress(): void; onRetry(): void };

/** Files that a thread has before it is removed. */
const THREAD_FILES = 4;

/** The content of a file with this number. */
function contentOf(number: number): Uint8Array<ArrayBuffer> {
  const random = new Random(number), content = new Uint8Array(SIZE), piece = random.bytes(4099);
  for (let at = 0; at < SIZE; at += piece.length) content.set(piece.subarray(0, SIZE - at), at);
  return content;
}

export class TransferLoad {
  readonly #forum: Forum;
  readonly #directory: string;
  /** Files that are up, or down again. */
  moved = 0;
  /** Attempts that were broken off and tried again. */
  retries = 0;
  /** Whether a file is on its way just now. */
  isMoving = false;
  /** Called while a file is on its way. */
  onProgress = () => {};

  constructor(forum: Forum, directory: string) {
    this.#forum = forum;
    this.#directory = directory;
  }

  async work(goesOn: () => boolean) {
    for (let thread = 0; goesOn(); thread++) {
      const title = `files-${thread}`, kept: number[] = [];
      await this.#forum.create(title);
      for (let i = 0; i < THREAD_FILES && goesOn(); i++) {
        const number = thread * THREAD_FILES + i;
        await this.#up(title, number);
        kept.push(number);
        await this.#down(title, kept[i >> 1]!);
      }
      const entries = await Array.fromAsync(this.#forum.read(title));
      assertEquals(entries.map((entry) => "file" in entry && entry.file), kept.map((n) => `file-${n}`));
      await this.#forum.remove(title);
    }
  }

  async #up(title: string, number: number) {
    const path = `${this.#directory}/up`;
    await Deno.writeFile(path, contentOf(number));
    await this.#move((options) => this.#forum.upload(title, `file-${number}`, path, options));
  }

  async #down(title: string, number: number) {
    const path = `${this.#directory}/down`;
    await this.#move((options) =>
      this.#forum.download(title, `file-${number}`, path, { ...options, force: true })
    );
    const got = await Deno.readFile(path), sent = contentOf(number);
    assert(
      got.length === sent.length && got.every((byte, i) => byte === sent[i]),
      `file-${number} is another`,
    );
  }

  async #move(transfer: (options: Attempt) => Promise<unknown>) {
    this.isMoving = true;
    const [stallMsMax, idleMsMax] = [2 * PATIENCE_MS, PATIENCE_MS];
    await transfer({
      stallMsMax,
      idleMsMax,
      onProgress: () => this.onProgress(),
      onRetry: () => void this.retries++,
    });
    this.isMoving = false;
    this.moved++;
  }
}
