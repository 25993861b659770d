/**
 * What a request is refused for: codes, their statuses, and the body that says so (RFC 9457). http.md section 3.
 *
 * @module
 */

/** A refusal's status, and its rule in `http.md` or in the document of the wire that refuses the same. */
interface Problem {
  readonly status: number;
  readonly rule: string;
  /** What is wrong, where the refusal itself says no more. */
  readonly detail: string;
}

/** Every refusal, by its code. Codes that other wires have mean the same there. */
export const PROBLEMS = {
  "malformed": { status: 400, rule: "http.md 1.4", detail: "the bytes are no request of HTTP/1.1" },
  "bad path": { status: 400, rule: "http.md 1.6", detail: "the path can't be read" },
  "bad query": { status: 400, rule: "http.md 1.8", detail: "a query parameter is wrong" },
  "bad header": { status: 400, rule: "http.md 1.9", detail: "a header is wrong" },
  "bad ID": { status: 400, rule: "mailbox.md section 1", detail: "a name can't be used" },
  "bad body": { status: 400, rule: "http.md 1.10", detail: "the body can't be read" },
  "not printable": {
    status: 400,
    rule: "mailbox.md section 1",
    detail: "the text has a control character other than TAB",
  },
  "wrong log-in": { status: 401, rule: "http.md 4.3", detail: "the name or the password is wrong" },
  "no log-in": { status: 401, rule: "accounts.md 2.8", detail: "nobody is let in without a log-in" },
  "not logged in": {
    status: 401,
    rule: "channels.md 9.5",
    detail: "the name is that of an account: log in as it",
  },
  "in clear": {
    status: 403,
    rule: "http.md 4.2",
    detail: "a password travels over TLS or on this machine only",
  },
  "bad host": {
    status: 403,
    rule: "http.md 5.1",
    detail: "the Host header names neither an IP address, localhost nor a --web-host",
  },
  "cross-site": { status: 403, rule: "http.md 5.2", detail: "it comes from a page of another site" },
  "no administrator": { status: 403, rule: "http.md 4.6", detail: "it is for administrators" },
  "banned": {
    status: 403,
    rule: "admin.md 7.4",
    detail: "an administrator has banned the address or the name",
  },
  "account": {
    status: 401,
    rule: "accounts.md 2.4",
    detail: "the mailbox belongs to an account: only its own log-in may use it",
  },
  "sender has an account": {
    status: 401,
    rule: "accounts.md 2.5",
    detail: "the sender has an account: only its own log-in may send under this name",
  },
  "not your mailbox": {
    status: 403,
    rule: "accounts.md 2.4",
    detail: "the mailbox belongs to another account",
  },
  "not your name": { status: 403, rule: "accounts.md 2.5", detail: "an account sends under its own name" },
  "not confirmed": {
    status: 403,
    rule: "accounts.md 2.6",
    detail: "the account does not cover the mailbox of its name: the administrator has to confirm it",
  },
  "muted": {
    status: 403,
    rule: "admin.md 7.9",
    detail: "an administrator has muted the address or the name: nobody gets what it sends",
  },
  "not done": { status: 409, rule: "http.md 12.2", detail: "what an administrator asked for can't be done" },
  "not found": { status: 404, rule: "http.md 2.1", detail: "there is nothing at this path" },
  "not served": { status: 404, rule: "http.md 2.2", detail: "the service does not run on this server" },
  "not yours": { status: 403, rule: "forum.md section 2", detail: "it belongs to another user" },
  "no thread": { status: 404, rule: "http.md 10.2", detail: "there is no such thread" },
  "no message": { status: 404, rule: "http.md 10.2", detail: "the thread has no such message" },
  "no file": { status: 404, rule: "http.md 10.2", detail: "the thread has no such file" },
  "no channel": { status: 404, rule: "http.md 9.2", detail: "there is no such channel: PUT makes it" },
  "wrong method": { status: 405, rule: "http.md 2.1", detail: "the path has no such method" },
  "timed out": { status: 408, rule: "http.md 6.2", detail: "the request took too long to arrive" },
  "lease lost": {
    status: 409,
    rule: "http.md 8.6",
    detail: "the lease has ended, and the message may be somebody else's",
  },
  "too many channels": {
    status: 409,
    rule: "channels.md section 6",
    detail: "there are as many channels as there may be",
  },
  "thread exists": { status: 409, rule: "http.md 10.2", detail: "there is a thread of this title" },
  "file exists": { status: 409, rule: "http.md 10.6", detail: "the thread has a file of this name" },
  "wrong offset": {
    status: 409,
    rule: "http.md 10.7",
    detail: "the part does not begin where what has arrived ends",
  },
  "too long": { status: 413, rule: "http.md 6.1", detail: "the body is too long" },
  "wrong type": { status: 415, rule: "http.md 1.10", detail: "the body is of a type that is not read here" },
  "bad range": { status: 416, rule: "http.md 10.5", detail: "the file has no such part" },
  "wrong digest": {
    status: 422,
    rule: "http.md 10.8",
    detail: "what arrived is not what was sent: the upload begins anew",
  },
  "other body": {
    status: 422,
    rule: "http.md 8.3",
    detail: "the Idempotency-Key came before with another request",
  },
  "busy": { status: 429, rule: "session.md section 10", detail: "too many leases or requests run" },
  "keys full": { status: 429, rule: "store 12.3", detail: "too many Idempotency-Keys are remembered" },
  "too fast": {
    status: 429,
    rule: "http.md 6.4",
    detail: "the address sends more requests a second than it may",
  },
  "files busy": { status: 429, rule: "transfer.md 7.1", detail: "too many files are transferred" },
  "too many wrong log-ins": { status: 429, rule: "seal.md 6.1", detail: "there were too many wrong log-ins" },
  "head too long": { status: 431, rule: "http.md 6.1", detail: "the headers are too long" },
  "failed": { status: 500, rule: "http.md 3.4", detail: "an error of the server; its log says more" },
  "stopping": { status: 503, rule: "http.md 6.5", detail: "the server stops" },
  "overload": { status: 503, rule: "mailbox.md section 7", detail: "too much waits for the disk" },
  "forum full": { status: 507, rule: "forum.md section 6", detail: "the forum has reached a limit" },
  "full": {
    status: 507,
    rule: "mailbox.md section 7",
    detail: "the mailbox, or all mailboxes, are full",
  },
  "full share": { status: 507, rule: "mailbox.md 5.1", detail: "its owner's share of a limit is used up" },
  "storage": { status: 507, rule: "mailbox.md 4.3", detail: "the server cannot write to disk" },
} as const satisfies Record<string, Problem>;

/** Why a request is refused. */
export type ProblemCode = keyof typeof PROBLEMS;

/** The media type of {@linkcode encodeProblem}. */
export const PROBLEM_TYPE = "application/problem+json";

/** Texts of the statuses that are answered. */
export const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** A refusal; thrown by what handles a request, and answered at one place. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly code: ProblemCode;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail What is wrong; the code's own text by default. */
  constructor(
    code: ProblemCode,
    detail: string = PROBLEMS[code].detail,
    { retryAfter, headers = {} }: { retryAfter?: number; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.code = code;
    this.retryAfter = retryAfter;
    this.headers = headers;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The body of a refusal's answer, of the type {@linkcode PROBLEM_TYPE} (http.md 3.1). */
export function encodeProblem({ code, message }: Refusal): string {
  const { status, rule } = PROBLEMS[code], title = STATUS_TEXTS[status];
  return `${JSON.stringify({ type: "about:blank", title, status, code, detail: message, rule })}\n`;
}
