/**
 * Makes the OpenAPI 3.1 document of the table of routes. http.md 7.4.
 *
 * @module
 */

import {
  answerExamples,
  answerHeaderExamples,
  bodyExamples,
  type Examples,
  headerExamples,
  pathExamples,
  queryExamples,
} from "./openapi_examples.ts";
import { PROBLEM_TYPE, type ProblemCode, PROBLEMS, STATUS_TEXTS } from "./problem.ts";
import type { QueryParameter } from "./query.ts";
import {
  COMMON_PROBLEMS,
  type Content,
  type Route,
  type RouteAnswer,
  type Routes,
  type Schema,
} from "./route.ts";

const PROBLEM_SCHEMA: Schema = {
  type: "object",
  required: ["type", "title", "status", "code", "detail", "rule"],
  properties: {
    type: { type: "string" },
    title: { type: "string", description: "The status in words" },
    status: { type: "integer" },
    code: { type: "string", description: "Why it is refused", enum: Object.keys(PROBLEMS) },
    detail: { type: "string", description: "What exactly is wrong" },
    rule: { type: "string", description: "The rule of the specification" },
  },
};

const SCHEMA_OF_KIND: Readonly<Record<QueryParameter["kind"], Schema>> = {
  text: { type: "string" },
  texts: { type: "array", items: { type: "string" } },
  count: { type: "integer" },
  duration: { type: "string", description: "A number with ms, s, m, h or d", examples: ["30s"] },
  flag: { type: "boolean" },
};

/** @param version Of the program. */
export function openApiDocument(routes: Routes, version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(routes)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(name, route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Wirepost",
      version,
      summary: "Keeps messages and passes them on",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{}, { basic: [] }, { bearer: [] }],
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: {
        basic: { type: "http", scheme: "basic", description: "Name and password of an account" },
        bearer: { type: "http", scheme: "bearer", description: "A token of an account" },
      },
    },
  };
}

function operation(name: string, route: Route) {
  const { summary, help, body, access } = route;
  return {
    operationId: name,
    summary,
    ...help === undefined ? {} : { description: help },
    ...access === "admin" ? { security: [{ basic: [] }, { bearer: [] }] } : {},
    parameters: parametersOf(route),
    ...body === undefined ? {} : {
      requestBody: {
        description: body.help,
        required: body.isRequired,
        content: contentOf(body, (type) => bodyExamples(route, type)),
      },
    },
    responses: { ...answersOf(route), ...problemsOf(route) },
  };
}

function parametersOf(route: Route) {
  const { path, parameters = {}, query = {}, headers = {} } = route;
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      description: parameters[name!] ?? "",
      schema: { type: "string" },
      ...pathExamples(route, name!),
    })),
    ...Object.entries(query).map(([name, { kind, help, min, max }]) => ({
      name,
      in: "query",
      description: help,
      schema: {
        ...SCHEMA_OF_KIND[kind],
        ...kind === "count" && min !== undefined ? { minimum: min } : {},
        ...kind === "count" && max !== undefined ? { maximum: max } : {},
      },
      ...queryExamples(route, name),
    })),
    ...Object.entries(headers).map(([name, help]) => ({
      name,
      in: "header",
      description: help,
      schema: { type: "string" },
      ...headerExamples(route, name),
    })),
  ];
}

function contentOf({ types }: Pick<Content, "types">, examplesOf: (type: string) => Examples) {
  return Object.fromEntries(
    Object.entries(types).map((
      [type, schema],
    ) => [type, { schema: schema ?? { type: "string" }, ...examplesOf(type) }]),
  );
}

function answersOf(route: Route) {
  return Object.fromEntries(
    Object.entries(route.answers).map(([key, answer]) => [key, answerOf(route, Number(key), answer)]),
  );
}

function answerOf(route: Route, status: number, { help, types, headers }: RouteAnswer) {
  const shown = Object.entries(headers ?? {}).map(([name, help]) => {
    const header = { description: help, schema: { type: "string" } };
    return [name, { ...header, ...answerHeaderExamples(route, status, name) }];
  });
  return {
    description: help,
    ...headers === undefined ? {} : { headers: Object.fromEntries(shown) },
    ...types === undefined
      ? {}
      : { content: contentOf({ types }, (type) => answerExamples(route, status, type)) },
  };
}

/** The refusals of each status. */
function problemsOf({ problems = [] }: Route) {
  const codes = new Set<ProblemCode>([...COMMON_PROBLEMS, ...problems]);
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => [status, {
      description: `${STATUS_TEXTS[status]}: ${codes.join(", ")}`,
      content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
    }]),
  );
}
