// @ts-check

/**
 * Requests to a server over HTTP (`protocol/http.md`): JSON in and out, errors with the server's codes, and changes that
 * are repeated until the server has them, each carried out once.
 *
 * @module
 */

/** How long a request waits to be repeated: at first, and at most. */
const FIRST_DELAY_MS = 250, MAX_DELAY_MS = 5000;

/** How long one answer may take, in milliseconds; then the request counts as one without an answer. */
export const ANSWER_MS = 30_000;

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
 * @property {{ name?: string, password: string }} [as] Logs in with each request: with the password of an account, or one
 *   of its tokens. A token needs no name. Only over TLS, or on this machine.
 * @property {number} [timeout] Milliseconds without any answer after which a request fails; for good is it repeated by
 *   default.
 * @property {(error: Error) => void} [onDelay] Called each time when a request has to be repeated.
 * @property {typeof fetch} [fetch] By default the one of the platform.
 * @property {Record<string, string>} [headers] Of every request.
 */

/**
 * @typedef {object} RepeatOptions
 * @property {number | undefined} [wait] Milliseconds to try again while the server refuses it for the time being; for
 *   good by default.
 * @property {((error: Error) => void) | undefined} [onDelay] Called each time when it has to be tried again.
 * @property {AbortSignal | undefined} [signal]
 */

/** A server, as a client over HTTP sees it. */
export class Requests {
  #url;
  #fetch;
  #headers;
  #timeout;
  #onDelay;
  /** Whether the server has answered anything yet. */
  hasAnswered = false;

  /**
   * @param {ServerOptions} options
   * @throws {TypeError} A log-in would travel so that others can read it.
   */
  constructor(
    { url, as, timeout = Infinity, onDelay, fetch = globalThis.fetch.bind(globalThis), headers = {} },
  ) {
    this.#url = new URL(url);
    this.#fetch = fetch;
    this.#headers = as === undefined ? headers : { ...headers, authorization: authorization(this.#url, as) };
    this.#timeout = timeout;
    this.#onDelay = onDelay;
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
    // what is followed may become a GET, whose answer would look as if a change had been carried out
    /** @type {RequestInit} */
    const init = { method, headers: all, credentials: "same-origin", cache: "no-store", redirect: "manual" };
    if (json !== undefined) init.body = JSON.stringify(json);
    else if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    let answer;
    try {
      answer = await this.#fetch(url, init);
    } catch (error) {
      signal?.throwIfAborted();
      // what the network does is a TypeError; anything else does not go away
      if (!(error instanceof TypeError)) throw error;
      throw new UnreachableError(`Cannot reach ${this.#url.host}`, { cause: error });
    }
    this.hasAnswered = true;
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  /**
   * Does something within the time that an answer may take.
   *
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {(signal: AbortSignal) => Promise<T>} act
   * @param {number} [waitMs] How long the server is asked to wait with its answer.
   * @returns {Promise<T>}
   */
  async #inTime(signal, act, waitMs = 0) {
    const end = new AbortController(), stop = () => end.abort(signal?.reason);
    const timer = setTimeout(
      () => end.abort(new UnreachableError(`No answer from ${this.#url.host}`)),
      Math.min(this.#timeout, ANSWER_MS) + waitMs,
    );
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    try {
      return await act(end.signal);
    } catch (error) {
      throw end.signal.aborted ? end.signal.reason : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Sends a request once. Returns the answer's JSON; undefined if there is none.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & { key?: string, waitMs?: number }} [options] `key` names what is done: the same one again
   *   changes nothing more. `waitMs`: how long the server is asked to wait with its answer.
   * @returns {Promise<any>}
   */
  once(method, path, { key, headers, signal, waitMs, ...options } = {}) {
    const all = key === undefined ? { ...headers } : { ...headers, "idempotency-key": key };
    return this.#inTime(
      signal,
      async (signal) => await jsonOf(await this.send(method, path, { ...options, headers: all, signal })),
      waitMs,
    );
  }

  /**
   * Asks for something that is answered in JSON.
   *
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  get(path, options) {
    return this.once("GET", path, options);
  }

  /**
   * Has something done that may be done twice, or fail. Returns the answer's status.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<number>}
   */
  act(method, path, { signal, ...options } = {}) {
    return this.#inTime(signal, async (signal) => {
      const answer = await this.send(method, path, { ...options, signal });
      await answer.body?.cancel();
      return answer.status;
    });
  }

  /**
   * Has something changed, once: the request is repeated under the same key until there is an answer, also over a restart
   * of the server.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & RepeatOptions & { key?: string | undefined }} [options]
   * @returns {Promise<any>} The answer's JSON; undefined if there is none.
   * @throws {RequestError} The server refuses it for good.
   */
  change(method, path, { key = newKey(), onDelay, wait, ...options } = {}) {
    return this.repeat(() => this.once(method, path, { ...options, key }), {
      wait,
      onDelay,
      signal: options.signal,
    });
  }

  /**
   * Does something until there is an outcome.
   *
   * @template T
   * @param {() => Promise<T>} act
   * @param {RepeatOptions} [options]
   * @returns {Promise<T>}
   * @throws {RequestError} The server refuses it for good, or has done so for the time of `wait`.
   * @throws {UnreachableError} The server has not answered for the time of `timeout`.
   */
  async repeat(act, { wait = Infinity, onDelay = this.#onDelay, signal } = {}) {
    /** @type {number | undefined} */
    let silentSince, /** @type {number | undefined} */ refusedSince;
    for (let delayMs = FIRST_DELAY_MS;; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      const began = performance.now();
      try {
        return await act();
      } catch (error) {
        if (!isTemporary(error)) throw error;
        const isRefused = error instanceof RequestError, now = performance.now();
        silentSince = isRefused ? undefined : silentSince ?? began;
        if (isRefused) refusedSince ??= began;
        const left = isRefused
          ? wait - now + /** @type {number} */ (refusedSince)
          : this.#timeout - now + /** @type {number} */ (silentSince);
        if (left <= 0) throw isRefused ? error : this.#silent(error);
        onDelay?.(error);
        await delay(Math.min(isRefused ? error.retryAfterMs ?? delayMs : delayMs, left), signal);
      }
    }
  }

  /** @param {Error} cause */
  #silent(cause) {
    const text = `No answer from ${this.#url.host} within ${this.#timeout / 1000} s: is the server running?`;
    return new UnreachableError(text, { cause });
  }
}

/**
 * The header that logs in (http.md 4.2).
 *
 * @param {URL} url
 * @param {{ name?: string, password: string }} as
 */
function authorization(url, { name, password }) {
  if (!isPrivate(url)) {
    throw new TypeError(`Cannot log in at ${url.host} over plain HTTP, where others can read it: use https`);
  }
  if (name === undefined) return `Bearer ${password}`;
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/**
 * Whether a password may travel to a server: over TLS, or within this machine (http.md 4.2).
 *
 * @param {URL} url
 */
export function isPrivate({ protocol, hostname }) {
  return protocol === "https:" || hostname === "localhost" || hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname);
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
  // a browser does not say which one
  const isElsewhere = answer.type === "opaqueredirect" || answer.status >= 300 && answer.status < 400;
  if (isElsewhere) {
    message = `It is at another address: ${answer.headers.get("location") ?? "a browser finds it"}`;
  }
  try {
    const problem = JSON.parse(text);
    if (typeof problem.code === "string") code = problem.code;
    if (typeof problem.detail === "string") message = problem.detail;
  } catch {
    // a proxy's own page, or nothing
  }
  return new RequestError(answer.status, code, message, retryAfterMs);
}
