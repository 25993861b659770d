// @ts-check

/**
 * Files on their way to the forum. One that was given up, or whose page was closed, goes on where it ended when the same
 * file is chosen again.
 *
 * @module
 */

import { Observable } from "./observable.js";

const BEGUN_KEY = "wirepost.uploads";

/** Uploads that the page remembers to have begun. */
const MAX_BEGUN = 20;

/** Characters of a file's name that the forum takes (forum.md section 1). */
const NO_WORD_CHARACTER = /[^A-Za-z0-9!@#$%.?,_-]/g;

/** Longest name of a file, in bytes. */
const MAX_NAME_BYTES = 128;

/** A file, and how much of it the server has. */
class Upload {
  sent = 0;
  /** @type {"runs" | "waits" | "stopped"} */
  state = "runs";
  /** @type {string | undefined} Why it does not go on. */
  wrong;
  /** Ends it. */
  end = new AbortController();

  /**
   * @param {string} thread
   * @param {File} file
   */
  constructor(thread, file) {
    this.thread = thread;
    this.file = file;
    this.name = file.name.replace(NO_WORD_CHARACTER, "_").slice(-MAX_NAME_BYTES);
    this.key = `${thread}/${this.name}/${file.size}/${file.lastModified}`;
  }
}

export class Uploads extends Observable {
  /** @type {Upload[]} */
  running = [];
  #client;

  /** @param {import("../../web/forum.js").Forum} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  /**
   * @param {string} thread
   * @param {Iterable<File>} files
   * @param {(upload: Upload) => void} onStored
   */
  add(thread, files, onStored) {
    for (const file of files) {
      const upload = new Upload(thread, file);
      if (this.running.some(({ key }) => key === upload.key)) continue;
      this.running.push(upload);
      this.#run(upload, begun().includes(upload.key), onStored);
    }
  }

  /**
   * @param {Upload} upload
   * @param {boolean} goesOn
   * @param {(upload: Upload) => void} onStored
   */
  async #run(upload, goesOn, onStored) {
    keepBegun([upload.key, ...begun().filter((key) => key !== upload.key)]);
    upload.state = "runs";
    upload.wrong = undefined;
    this.changed();
    try {
      await this.#client.upload(upload.thread, upload.name, upload.file, {
        goesOn,
        signal: upload.end.signal,
        onProgress: (bytes) => {
          upload.sent = bytes;
          upload.state = "runs";
          this.changed();
        },
        onDelay: () => {
          upload.state = "waits";
          this.changed();
        },
      });
      this.#forget(upload);
      onStored(upload);
    } catch (error) {
      if (upload.end.signal.aborted) return;
      upload.state = "stopped";
      upload.wrong = /** @type {Error} */ (error).message;
      keepBegun(begun().filter((key) => key !== upload.key));
      this.changed();
    }
  }

  /** @param {Upload} upload Is given up; the server keeps what it has for a day. */
  stop(upload) {
    upload.end.abort();
    this.running = this.running.filter((one) => one !== upload);
    this.changed();
  }

  /** @param {Upload} upload */
  #forget(upload) {
    keepBegun(begun().filter((key) => key !== upload.key));
    this.running = this.running.filter((one) => one !== upload);
    this.changed();
  }
}

/** @returns {string[]} Keys of what was begun and is not known to have ended. */
function begun() {
  try {
    const keys = JSON.parse(localStorage.getItem(BEGUN_KEY) ?? "[]");
    return Array.isArray(keys) ? keys : [];
  } catch {
    return [];
  }
}

/** @param {readonly string[]} keys */
function keepBegun(keys) {
  localStorage.setItem(BEGUN_KEY, JSON.stringify(keys.slice(0, MAX_BEGUN)));
}
