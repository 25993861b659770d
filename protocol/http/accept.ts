/**
 * Which media type an answer has. http.md 1.7.
 *
 * @module
 */

/** What an answer may be. */
export type AnswerForm = "text" | "json" | "html";

const FORMS: ReadonlyMap<string, AnswerForm> = new Map([
  ["text/html", "html"],
  ["application/json", "json"],
  ["text/plain", "text"],
  ["text/*", "text"],
  ["*/*", "text"],
]);

/** The form that an `Accept` header prefers; text if it names none of them. */
export function preferredForm(accept: string | undefined): AnswerForm {
  if (accept === undefined || accept === "*/*") return "text";
  let best: AnswerForm = "text", bestQuality = 0;
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const form = FORMS.get(type);
    const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    // of two that are preferred alike, the first
    if (form !== undefined && quality > bestQuality) [best, bestQuality] = [form, quality];
  }
  return best;
}

/** The media type of a `Content-Type` header, without its parameters. */
export function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase();
}
