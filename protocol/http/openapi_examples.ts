/**
 * The examples of a route as its operation in the OpenAPI document has them: each part of a request, and its answer, stands
 * with the others of its kind, under the example's name. http.md 7.4.
 *
 * @module
 */

import { preferredForm } from "./accept.ts";
import { parseQuery, type QueryParameter } from "./query.ts";
import type { Content, Route, RouteExample } from "./route.ts";
import { FORM_TYPE } from "./routes/login.ts";

/** Values by the names of their examples; without any, the member is missing. */
export interface Examples {
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;
}

/** The part of each example that `valueOf` gives; it gives undefined for one that has none. */
function examplesOf(
  examples: readonly RouteExample[],
  valueOf: (example: RouteExample) => unknown,
): Examples {
  const entries = examples.flatMap((example) => {
    const value = valueOf(example), { title } = example;
    return value === undefined ? [] : [[nameOf(title), { summary: title, value }] as const];
  });
  return entries.length === 0 ? {} : { examples: Object.fromEntries(entries) };
}

/** `Put a message`: `put-a-message`, for a name is a word. */
function nameOf(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
}

/** Of a parameter of the path. */
export function pathExamples({ path, examples }: Route, name: string): Examples {
  const at = path.split("/").indexOf(`{${name}}`);
  return examplesOf(examples, ({ target }) => decodeURIComponent(target.split("?", 1)[0]!.split("/")[at]!));
}

/** Of a parameter of the query, as it is written there. */
export function queryExamples({ query = {}, examples }: Route, name: string): Examples {
  const isMeant = (part: string) => part.split("=", 1)[0] === name;
  return examplesOf(examples, ({ target }) => {
    const parts = (target.split("?")[1] ?? "").split("&").filter(isMeant), parameter = query[name]!;
    return parts.length === 0 ? undefined : written(name, parameter, parts);
  });
}

function written(name: string, parameter: QueryParameter, parts: readonly string[]): unknown {
  const kind = parameter.kind === "duration" ? "text" : parameter.kind;
  return parseQuery(parts.join("&"), { [name]: { ...parameter, kind } })[name];
}

/** Of a header of the request. */
export function headerExamples({ examples }: Route, name: string): Examples {
  return examplesOf(examples, ({ headers = {} }) => headers[name.toLowerCase()]);
}

/** Of the request's body in one of its media types. */
export function bodyExamples({ body, examples }: Route, type: string): Examples {
  const first = typesOf(body)[0];
  return examplesOf(examples, ({ headers = {}, body: value }) => {
    const given = headers["content-type"], known = given === undefined || !typesOf(body).includes(given);
    return value !== undefined && type === (known ? first : given) ? valueAs(type, value) : undefined;
  });
}

/** Of an answer's body in one of its media types. */
export function answerExamples({ answers, examples }: Route, status: number, type: string): Examples {
  const types = typesOf(answers[status]);
  return examplesOf(examples, ({ headers = {}, answer }) => {
    if (answer.status !== status || answer.body === undefined) return undefined;
    const isJson = preferredForm(headers["accept"]) === "json" && types.includes("application/json");
    return type === (isJson ? "application/json" : types[0]) ? valueAs(type, answer.body) : undefined;
  });
}

/** Of a header of an answer. */
export function answerHeaderExamples({ examples }: Route, status: number, name: string): Examples {
  return examplesOf(
    examples.filter(({ answer }) => answer.status === status),
    ({ answer: { headers = {} } }) => headers[name.toLowerCase()],
  );
}

function typesOf(content: Partial<Content> | undefined): string[] {
  return Object.keys(content?.types ?? {});
}

function valueAs(type: string, body: string): unknown {
  if (type === FORM_TYPE) return Object.fromEntries(new URLSearchParams(body));
  return type === "application/json" ? JSON.parse(body) : body;
}
