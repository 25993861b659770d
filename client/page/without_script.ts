/**
 * The forum for browsers without JavaScript: the same threads, as HTML that the server writes into the page. All that
 * people wrote is escaped.
 *
 * @module
 */

/** What a thread's entry has here, of the JSON of `GET /thread/T`. */
interface Entry {
  readonly kind: string;
  readonly id: number;
  readonly author: string;
  readonly time: string;
  readonly text?: string;
  readonly name?: string;
  readonly size?: number;
}

/** Text that is HTML. */
class Markup {
  constructor(readonly html: string) {}
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML in which everything that is put in is text, unless it is made by this function too. */
function html(
  parts: TemplateStringsArray,
  ...values: (string | number | Markup | readonly Markup[])[]
): Markup {
  const text = (value: typeof values[number]): string => {
    if (value instanceof Markup) return value.html;
    if (typeof value === "object") return value.map(({ html }) => html).join("");
    return `${value}`.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
  };
  return new Markup(parts.map((part, i) => i === 0 ? part : text(values[i - 1]!) + part).join(""));
}

/** The list of threads, of the JSON of `GET /thread`. */
export function threadsContent({ threads }: { threads: readonly { title: string }[] }): string {
  const rows = threads.map(({ title }) =>
    html`<li><a href="/thread/${encodeURIComponent(title)}"><b>${title}</b></a></li>`
  );
  const none = html`<p>There is no thread yet.</p>`;
  return html`
    <main
      class="sheet"><h1>Threads</h1>${rows.length === 0
        ? none
        : html`<ul class="threads">${rows}</ul>`}<noscript><form method="post" action="/login"><input type="hidden" name="next" value="/thread"><button class="quiet" name="out" value="1">Log out</button></form></noscript></main>
  `
    .html;
}

/** What a log-in may be refused with, by its code (http.md section 3): the fragment to which the form leads then. */
const REFUSALS: Readonly<Record<string, string>> = {
  "wrong-log-in": "The name or the password is wrong.",
  "too-many-wrong-log-ins": "There were too many wrong passwords: try again in a minute.",
  "in-clear": "A password can't be sent from here: this connection is not encrypted.",
  "banned": "This name is banned.",
};

/** A form to log in, beside the page as it is before its script has run: it is shown only where JavaScript is off. */
export function loginContent(path: string): string {
  const refusals = Object.entries(REFUSALS).map(([id, text]) =>
    html`<p class="refusal" id="${id}" role="alert">${text}</p>`
  );
  return html`<noscript><main class="noscript"><h1>Log in</h1><p>The forum is for those who have an account.</p>
    ${refusals}<form class="login" method="post" action="/login"><label>Name <input name="name" required
      autocomplete="username"></label><label>Password or token <input name="password" type="password" required
      autocomplete="current-password"></label><input type="hidden" name="next" value="${path}"><button
      class="do">Log in</button></form></main></noscript>`.html;
}

/** A thread, of the JSON of `GET /thread/T`. */
export function threadContent({ title, entries }: { title: string; entries: readonly Entry[] }): string {
  const none = html`<p>This thread is empty.</p>`;
  return html`<main class="sheet"><p><a href="/thread">All threads</a></p><h1>${title}</h1>${
    entries.length === 0 ? none : html`<ol>${entries.map((entry) => entryContent(title, entry))}</ol>`
  }</main>`.html;
}

function entryContent(
  title: string,
  { kind, id, author, time, text = "", name = "", size = 0 }: Entry,
): Markup {
  const path = `/thread/${encodeURIComponent(title)}/file/${encodeURIComponent(name)}`;
  const what = kind === "file"
    ? html`<p class="file"><a href="${path}" download>${name}</a> ${size} bytes</p>`
    : html`<p class="text" dir="auto">${text}</p>`;
  return html`
    <li class="letter"
      id="m${id}"><header><b>${author}</b> <a class="when" href="#m${id}">${time.slice(0, 16).replace(
        "T",
        " ",
      )} UTC</a></header>${what}</li>
  `;
}
