/**
 * Logs the page in and out, by its script and by a form. http.md 4.4 to 4.6.
 *
 * @module
 */

import { Refusal } from "../../../protocol/http/problem.ts";
import { FORM_TYPE, type LOGIN_ROUTES } from "../../../protocol/http/routes/login.ts";
import type { HttpLogins } from "./access/logins.ts";
import type { Handlers, HttpAnswer, HttpExchange } from "./exchange.ts";

type LogInExchange = HttpExchange<typeof LOGIN_ROUTES["logIn"]>;

export function loginHandlers(logins: HttpLogins): Handlers<typeof LOGIN_ROUTES> {
  return {
    async logIn(exchange) {
      if (exchange.type === FORM_TYPE && exchange.form === "html") return await takeForm(logins, exchange);
      const { name, password } = await exchange.object();
      if (typeof name !== "string" || typeof password !== "string") {
        throw new Refusal("bad body", "expected the texts name and password");
      }
      return { status: 204, headers: { "set-cookie": await logins.logIn(name, password, exchange.client) } };
    },
    logOut: ({ client }) => ({ status: 204, headers: { "set-cookie": logins.logOut(client) } }),
  };
}

/** Who sends a form sees no problem details: the page to go on with says what is wrong. */
async function takeForm(logins: HttpLogins, exchange: LogInExchange): Promise<HttpAnswer> {
  const { client } = exchange, form = new URLSearchParams(await exchange.text());
  const next = form.get("next") ?? "", location = isPath(next) ? next : "/";
  if (form.has("out")) return seeOther(location, logins.logOut(client));
  try {
    const cookie = await logins.logIn(form.get("name") ?? "", form.get("password") ?? "", client);
    return seeOther(location, cookie);
  } catch (error) {
    if (error instanceof Refusal) return seeOther(`${location}#${error.code.replaceAll(" ", "-")}`);
    throw error;
  }
}

/** Whether it leads nowhere but here: `//host` and `/\\host` are other servers to a browser. */
function isPath(text: string): boolean {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(text);
}

function seeOther(location: string, cookie?: string): HttpAnswer {
  return { status: 303, headers: { location, ...cookie === undefined ? {} : { "set-cookie": cookie } } };
}
