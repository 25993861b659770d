/**
 * Logs the page in and out. http.md 4.4, 4.5.
 *
 * @module
 */

import { Refusal } from "../../../protocol/http/problem.ts";
import type { LOGIN_ROUTES } from "../../../protocol/http/routes/login.ts";
import type { HttpLogins } from "./access/logins.ts";
import type { Handlers } from "./exchange.ts";

export function loginHandlers(logins: HttpLogins): Handlers<typeof LOGIN_ROUTES> {
  return {
    async logIn(exchange) {
      const { name, password } = await exchange.object();
      if (typeof name !== "string" || typeof password !== "string") {
        throw new Refusal("bad body", "expected the texts name and password");
      }
      return { status: 204, headers: { "set-cookie": await logins.logIn(name, password, exchange.client) } };
    },
    logOut: ({ client }) => ({ status: 204, headers: { "set-cookie": logins.logOut(client) } }),
  };
}
