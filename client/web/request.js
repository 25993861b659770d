// @ts-check

/**
 * Requests to a server over HTTP (`protocol/http.md`): JSON in and out, errors with the server's codes, and changes that
 * are repeated until the server has them, each carried out once.
 *
 * @module
 */

/** How long a request waits to be repeated: at first, and at most. */
const FIRST_DELAY_MS = 250, MAX_DELAY_MS = 5000;

/** Answers after which the same request may succeed: too fast, not ready, storage. */
const TEMPORARY = new Set([408, 425, 429, 500, 502, 503, 504, 507]);

/** What a server refuses: `code` is one of those of `http.md` section 3. */
export class RequestError extends Error {
  /** @override */
  name = "RequestError";

  /**
   * @param {number} status Of the answer.
   * @param {string} code
   * @param {string} message What is wrong, in words.
   * @param {number} [retryAfterMs] When it may be tried again.
   */
  constructor(status, code, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server can't be reached, or the connection broke before its answer was there. */
export class UnreachableError extends Error {
  /** @override */
  name = "UnreachableError";
}

/**
 * @typedef {object} RequestOptions
 * @property {Record<string, string | number | boolean | readonly string[] | undefined>} [query] Those that are undefined are left out.
 * @property {Record<string, string>} [headers]
 * @property {BodyInit} [body]
 * @property {unknown} [json] A body of JSON, instead of `body`.
 * @property {AbortSignal | undefined} [signal]
 */

/**
 * @typedef {object} ServerOptions
 * @property {string | URL} url Where the server is: `http://127.0.0.1:21001`.
 * @property {typeof fetch} [fetch]
 * @property {Record<string, string>} [headers] Of every request, such as `authorization`.
 */

/** A server, as a client over HTTP sees it. */
export class Requests {
  #url;
  #fetch;
  #headers;

  /** @param {ServerOptions} options */
  constructor({ url, fetch = globalThis.fetch.bind(globalThis), headers = {} }) {
    this.#url = new URL(url);
    this.#fetch = fetch;
    this.#headers = headers;
  }

  /**
   * Sends a request once, and returns the answer if it is a good one.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>}
   * @throws {RequestError} The server refuses it.
   * @throws {UnreachableError} There is no answer.
   */
  async send(method, path, { query = {}, headers = {}, body, json, signal } = {}) {
    const url = new URL(path, this.#url);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
    }
    /** @type {Record<string, string>} */
    const all = { accept: "application/json", ...this.#headers, ...headers };
    if (json !== undefined) all["content-type"] = "application/json";
    else if (typeof body === "string") all["content-type"] ??= "text/plain";
    /** @type {RequestInit} */
    const init = { method, headers: all, credentials: "same-origin", cache: "no-store" };
    if (json !== undefined) init.body = JSON.stringify(json);
    else if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    let answer;
    try {
      answer = await this.#fetch(url, init);
    } catch (error) {
      signal?.throwIfAborted();
      throw new UnreachableError(`Cannot reach ${this.#url.host}`, { cause: error });
    }
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  /**
   * Asks for something that is answered in JSON.
   *
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async get(path, options) {
    return await jsonOf(await this.send("GET", path, options));
  }

  /**
   * Has something done that may be done twice, or fail. Returns the answer's status.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   */
  async act(method, path, options) {
    const answer = await this.send(method, path, options);
    await answer.body?.cancel();
    return answer.status;
  }

  /**
   * Sends a request under a key once. Returns the answer's JSON.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & { key: string }} options
   * @returns {Promise<any>}
   */
  async once(method, path, { key, headers, ...options }) {
    return await jsonOf(
      await this.send(method, path, { ...options, headers: { ...headers, "idempotency-key": key } }),
    );
  }

  /**
   * Has something changed, once: the request is repeated under the same key until there is an answer, also over a restart
   * of the server.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & { key?: string | undefined, onDelay?: ((error: Error) => void) | undefined }} [options] `key` names what is done: the same one
   * again changes nothing more. `onDelay` is called when it has to be repeated.
   * @returns {Promise<any>} The answer's JSON; undefined if there is none.
   * @throws {RequestError} The server refuses it for good.
   */
  async change(method, path, { key = newKey(), onDelay, ...options } = {}) {
    for (let delayMs = FIRST_DELAY_MS;; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      try {
        return await this.once(method, path, { ...options, key });
      } catch (error) {
        if (!isTemporary(error)) throw error;
        onDelay?.(error);
        await delay(error instanceof RequestError ? error.retryAfterMs ?? delayMs : delayMs, options.signal);
      }
    }
  }
}

/**
 * Whether the same request may succeed later.
 *
 * @param {unknown} error
 * @returns {error is RequestError | UnreachableError}
 */
export function isTemporary(error) {
  return error instanceof UnreachableError || error instanceof RequestError && TEMPORARY.has(error.status);
}

/** A key that no other request has. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Waits, with up to a quarter more, so that many clients do not come back at the same moment.
 *
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
export function delay(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms * (1 + Math.random() / 4));
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/** @param {Response} answer */
async function jsonOf(answer) {
  let text;
  try {
    text = await answer.text();
  } catch (error) {
    throw new UnreachableError("The connection broke before the answer was there", { cause: error });
  }
  return text === "" ? undefined : JSON.parse(text);
}

/**
 * The problem that an answer has (RFC 9457).
 *
 * @param {Response} answer
 */
async function errorOf(answer) {
  const text = await answer.text().catch(() => "");
  const seconds = Number(answer.headers.get("retry-after") ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  let code = "failed", message = `The server answered ${answer.status}`;
  try {
    const problem = JSON.parse(text);
    if (typeof problem.code === "string") code = problem.code;
    if (typeof problem.detail === "string") message = problem.detail;
  } catch {
    // a proxy's own page, or nothing
  }
  return new RequestError(answer.status, code, message, retryAfterMs);
}
