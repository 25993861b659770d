/**
 * Requests of HTTP and their answers in words. No header, query or body of them is shown: they may hold secrets, and texts
 * are for those who ask for them. Nor is a lease's ID, which may be all that is needed to acknowledge it.
 *
 * @module
 */

import { PROBLEMS, type Refusal, STATUS_TEXTS } from "../http/problem.ts";
import type { Described } from "../watch.ts";

/** A request: its method and path. */
export function describeHttpRequest(method: string, path: string): Described {
  return { what: `${method} ${path.replace(/^\/lease\/[^/]*/, "/lease/…")}`, names: namesIn(path) };
}

/** What a request with this path is answered. */
export function describeHttpAnswer(status: number, path: string, refusal?: Refusal): Described {
  const what = `${status} ${STATUS_TEXTS[status] ?? ""}`.trim(), names = namesIn(path);
  if (refusal === undefined) return { what, names };
  return { what, names, refused: refusal.code, why: refusal.message, rule: PROBLEMS[refusal.code].rule };
}

/** The segments behind the first one, decoded as far as they can be. */
function namesIn(path: string): string[] {
  return path.split("/").slice(2).map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
}
