/**
 * Finds the route of a request's method and path. http.md 1.6, 2.1.
 *
 * @module
 */

import { Refusal } from "./problem.ts";
import { type Method, METHODS, type Route, type Routes } from "./route.ts";

/** A route that was found, and the values of its path's parameters. */
export interface RouteMatch<Name extends string = string> {
  readonly name: Name;
  readonly route: Route;
  readonly path: Readonly<Record<string, string>>;
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  readonly methods: Map<string, { name: string; route: Route; parameters: readonly string[] }>;
}

function newNode(): Node {
  return { literals: new Map(), parameter: undefined, methods: new Map() };
}

export class Router<Table extends Routes> {
  readonly #root = newNode();

  constructor(routes: Table) {
    for (const [name, route] of Object.entries(routes)) {
      let node = this.#root;
      const parameters: string[] = [];
      for (const segment of segmentsOf(route.path)) {
        if (segment.startsWith("{")) {
          parameters.push(segment.slice(1, -1));
          node = node.parameter ??= newNode();
        } else {
          let next = node.literals.get(segment);
          if (next === undefined) node.literals.set(segment, next = newNode());
          node = next;
        }
      }
      if (node.methods.has(route.method)) throw new Error(`Two routes are ${route.method} ${route.path}`);
      node.methods.set(route.method, { name, route, parameters });
    }
  }

  /**
   * The route of a request. `HEAD` is answered as `GET` is.
   *
   * @param path The part of the target before `?`.
   * @throws {Refusal} `bad path`, `not found` or `wrong method`.
   */
  find(method: string, path: string): RouteMatch<keyof Table & string> {
    const values: string[] = [];
    let node: Node | undefined = this.#root;
    for (const segment of segmentsOf(path)) {
      const literal: Node | undefined = node.literals.get(segment);
      if (literal === undefined && node.parameter !== undefined) values.push(decodeName(segment));
      node = literal ?? node.parameter;
      if (node === undefined) throw new Refusal("not found");
    }
    if (node.methods.size === 0) throw new Refusal("not found");
    const found = node.methods.get(method === "HEAD" ? "GET" : method);
    if (found === undefined) {
      const allowed = METHODS.filter((method: Method) => node.methods.has(method));
      const allow = (node.methods.has("GET") ? ["GET", "HEAD", ...allowed.slice(1)] : allowed).join(", ");
      throw new Refusal("wrong method", `the path has no ${method}: it has ${allow}`, { headers: { allow } });
    }
    const entries = found.parameters.map((name, i) => [name, values[i]!]);
    return {
      name: found.name as keyof Table & string,
      route: found.route,
      path: Object.fromEntries(entries),
    };
  }
}

function segmentsOf(path: string): string[] {
  if (!path.startsWith("/")) throw new Refusal("bad path", "the path does not begin with /");
  if (path === "/") return [];
  const segments = path.slice(1).split("/");
  for (const segment of segments) {
    // a client or a proxy that follows RFC 3986 removes these, and asks for something else
    if ((segment.startsWith(".") || segment.startsWith("%")) && /^(?:\.|%2e){1,2}$/i.test(segment)) {
      throw new Refusal("bad path", "'.' and '..' can't be names in a path: clients and proxies remove them");
    }
  }
  return segments;
}

/** @throws {Refusal} The segment is no name. */
function decodeName(segment: string): string {
  let name: string;
  try {
    name = segment.includes("%") ? decodeURIComponent(segment) : segment;
  } catch {
    throw new Refusal("bad path", `'${segment}' in the path is not percent-encoded UTF-8`);
  }
  if (name === "") throw new Refusal("bad path", "a name in the path is empty");
  return name;
}
