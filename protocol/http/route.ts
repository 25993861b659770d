/**
 * How a route is declared. The router, the OpenAPI document and the tests are made from the declarations, and what
 * handles a route is typed by its declaration.
 *
 * @module
 */

import type { ProblemCode } from "./problem.ts";
import type { QueryParameters } from "./query.ts";

export const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;
export type Method = typeof METHODS[number];

/** A JSON Schema (2020-12), as far as it is used here. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly (string | number | null)[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly additionalProperties?: boolean | Schema;
  readonly examples?: readonly unknown[];
}

/** A body, by its media types. */
export interface Content {
  readonly help: string;
  /** The schema of each media type; undefined for bytes and for text. */
  readonly types: Readonly<Record<string, Schema | undefined>>;
}

/** The body of a request. */
export interface RequestBody extends Content {
  readonly isRequired: boolean;
  /** Longest body that is read into memory, in bytes; undefined: the handler reads it piece by piece, and checks it. */
  readonly maxBytes?: number;
}

/** The types of a body that is a text, as it is or in an object. */
export const TEXT_TYPES = {
  "text/plain": undefined,
  "application/json": { type: "object", required: ["text"], properties: { text: { type: "string" } } },
} as const satisfies RequestBody["types"];

export interface RouteAnswer extends Partial<Content> {
  readonly help: string;
  /** Headers beside those of every answer, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A request and its answer, as the documentation shows it. A test replays the examples of all routes on one server, in an
 * order in which each finds what the ones before it have left.
 */
export interface RouteExample {
  /** What it shows, in a few words; no other example of the route has the same. */
  readonly title: string;
  /** The account that is logged in; by default nobody is. */
  readonly as?: string;
  /** The target: path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * The answer. Times, ports and what is random are others on another server: the test knows these by their form, and
   * sends what it was answered where a later example has the same.
   */
  readonly answer: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    /** Whether only a part of the body is shown: its beginning, or of JSON some elements of lists and members of objects. */
    readonly isPart?: boolean;
  };
}

export interface Route {
  readonly method: Method;
  /** `/mailbox/{mailbox}`: a name in braces is one segment, which is a parameter. */
  readonly path: string;
  /** One line. */
  readonly summary: string;
  /** What else there is to say, in Markdown. */
  readonly help?: string;
  /** What the page is shown instead, where a browser asks for `text/html`. */
  readonly isPage?: boolean;
  /**
   * Who may use it: `open` is everybody, also where nobody is let in without a log-in; `user` everybody there who has
   * logged in, as far as the service lets them; `admin` an administrator's account.
   */
  readonly access: "open" | "user" | "admin";
  /** What each parameter of the path is. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: QueryParameters;
  /** Headers of the request that it reads, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** By status. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  /** Refusals beside those that every route has ({@linkcode COMMON_PROBLEMS}). */
  readonly problems?: readonly ProblemCode[];
  readonly examples: readonly RouteExample[];
}

/** Routes by the names of their operations. */
export type Routes = Readonly<Record<string, Route>>;

/** Refusals that any route may answer. */
export const COMMON_PROBLEMS = [
  ...["malformed", "bad path", "bad query", "bad host", "banned", "wrong log-in", "no log-in", "in clear"],
  ...["timed out", "too fast", "too many wrong log-ins", "head too long", "failed", "stopping"],
] as const satisfies readonly ProblemCode[];

/** `"mailbox" | "id"` of `/mailbox/{mailbox}/{id}`. */
type ParameterNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;

/** The values of a path's parameters. */
export type PathValues<R extends Route> = { readonly [Name in ParameterNames<R["path"]>]: string };

/** The parameters of a route's query. */
export type QueryOf<R extends Route> = R extends { query: infer Q extends QueryParameters } ? Q
  : Record<never, never>;
