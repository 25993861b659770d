/**
 * One request, as its handler sees it, and its answer.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { type AnswerForm, mediaType } from "../../../protocol/http/accept.ts";
import { Refusal } from "../../../protocol/http/problem.ts";
import type { QueryValues } from "../../../protocol/http/query.ts";
import type { PathValues, QueryOf, Route, Routes } from "../../../protocol/http/route.ts";
import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import { decodeUtf8 } from "../../../protocol/syntax/utf8.ts";
import type { RequestOrigin } from "./access/logins.ts";
import type { HttpConnection } from "./connection.ts";
import { WholeRequest } from "./whole_request.ts";

/** Who asks. Its address is that of the client itself, also behind a proxy that is trusted. */
export interface HttpClient extends RequestOrigin {
  /** The account that is logged in, or `""`. */
  readonly account: string;
}

/** Headers of every answer (http.md 5.5). */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
};

/**
 * What became of an answer: the client's system has taken all of it, or some of it before it was gone, or nothing.
 */
export type Delivery = "sent" | "part" | "unsent";

/** An answer that is sent whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Called once, when that is known. */
  onDelivery?(delivery: Delivery): void;
}

/** What a handler returns: an answer, or that it has sent one by {@linkcode HttpExchange.open}. */
export type Handled = HttpAnswer | "opened";

export type Handler<R extends Route> = (exchange: HttpExchange<R>) => Handled | Promise<Handled>;

/** A handler for each route: one that lacks does not compile. */
export type Handlers<Table extends Routes> = { readonly [Name in keyof Table]: Handler<Table[Name]> };

/** The client is gone: nobody is answered. */
export class ClientGone extends Error {
  override name = "ClientGone";
}

export class HttpExchange<R extends Route = Route> {
  readonly route: R;
  /** Parameters of the path, decoded. */
  readonly path: PathValues<R>;
  readonly query: QueryValues<QueryOf<R>>;
  /** What the client would rather read. */
  readonly form: AnswerForm;
  readonly client: HttpClient;
  readonly connection: HttpConnection;
  /** The request of node:http, for a body that is read piece by piece. */
  readonly incoming: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(
    values: {
      route: R;
      path: PathValues<R>;
      query: QueryValues<QueryOf<R>>;
      form: AnswerForm;
      client: HttpClient;
      connection: HttpConnection;
    },
    incoming: IncomingMessage,
    response: ServerResponse,
  ) {
    this.route = values.route;
    this.path = values.path;
    this.query = values.query;
    this.form = values.form;
    this.client = values.client;
    this.connection = values.connection;
    this.incoming = incoming;
    this.#response = response;
  }

  /** A header of the request; undefined if it is not there. */
  header(name: string): string | undefined {
    const value = this.incoming.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }

  /** The media type of the body, without parameters; undefined if the request names none. */
  get type(): string | undefined {
    return mediaType(this.incoming.headers["content-type"]);
  }

  /** Whether the client is gone, or has been answered. */
  get isOver(): boolean {
    return this.#response.destroyed || this.#response.writableEnded || this.connection.destroyed;
  }

  /** Calls back once when the client is gone, or the answer is whole. */
  onOver(callback: () => void) {
    this.#response.once("close", callback);
    this.connection.awaitEnd();
  }

  /**
   * The whole body.
   *
   * @throws {Refusal} `too long`, or it did not come in time.
   * @throws {ClientGone}
   */
  bytes(): Promise<Uint8Array> {
    const max = this.route.body?.maxBytes ?? 0, incoming: IncomingMessage | WholeRequest = this.incoming;
    if (incoming instanceof WholeRequest) return Promise.resolve(incoming.body);
    return new Promise((resolve, reject) => {
      const pieces: Uint8Array[] = [];
      let length = 0;
      incoming.on("data", (piece: Uint8Array) => {
        length += piece.length;
        if (length > max) {
          incoming.removeAllListeners("data");
          return reject(new Refusal("too long", `the body is longer than ${max} bytes`));
        }
        pieces.push(piece);
      });
      incoming.once("end", () => resolve(pieces.length === 1 ? pieces[0]! : concatBytes(...pieces)));
      const gone = () => incoming.complete || reject(new ClientGone());
      incoming.once("error", gone);
      incoming.once("close", gone);
    });
  }

  /**
   * The body as text.
   *
   * @throws {Refusal} `bad body`: it is not UTF-8; or as {@linkcode bytes}.
   */
  async text(): Promise<string> {
    const text = decodeUtf8(await this.bytes());
    if (text === undefined) throw new Refusal("bad body", "the body is not UTF-8");
    return text;
  }

  /**
   * The body as the members of a JSON object.
   *
   * @throws {Refusal} `bad body`: it is none; or as {@linkcode bytes}.
   */
  async object(): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.text();
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Refusal("bad body", "the body is not JSON");
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    throw new Refusal("bad body", "the body is not a JSON object");
  }

  /** Begins an answer that is sent in pieces. Returns what they are written to. */
  open(status: number, headers: HttpAnswer["headers"] = {}): ServerResponse {
    const all = { ...COMMON_HEADERS, ...headers } as Record<string, string | string[]>;
    this.connection.awaitEnd();
    this.#response.writeHead(status, all);
    this.#response.flushHeaders();
    return this.#response;
  }

  /**
   * Begins an answer that ends with the connection, which it takes over from node:http. Returns what writes some of its
   * bytes, and returns how many; undefined if the client is gone.
   */
  async stream(
    headers: HttpAnswer["headers"],
  ): Promise<((bytes: Uint8Array) => Promise<number>) | undefined> {
    const response = this.#response;
    // behind the answers to requests before this one
    if (response.socket === null && !this.isOver) {
      await new Promise<unknown>((resolve) => response.once("socket", resolve).once("close", resolve));
    }
    if (this.isOver) return undefined;
    response.useChunkedEncodingByDefault = false;
    this.open(200, headers);
    return await this.connection.takeOver();
  }
}

/** An answer of one value as JSON. */
export function json(value: unknown, status = 200): HttpAnswer {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: `${JSON.stringify(value)}\n`,
  };
}

/** An answer as text. */
export function text(body: string, status = 200): HttpAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}
