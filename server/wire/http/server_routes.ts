/**
 * What the routes about the server itself answer. http.md section 7.
 *
 * @module
 */

import { openApiDocument } from "../../../protocol/http/openapi.ts";
import { Refusal } from "../../../protocol/http/problem.ts";
import type { Routes } from "../../../protocol/http/route.ts";
import type { SERVER_ROUTES } from "../../../protocol/http/routes/server.ts";
import type { Accounts } from "../../service/account/accounts.ts";
import { type Handlers, json, text } from "./exchange.ts";

export interface ServerRoutesOptions {
  version: string;
  /** The table that the document is made of. */
  routes: Routes;
  /** The ports of the services that run, by their names. */
  services: Readonly<Record<string, number>>;
  accounts: Pick<Accounts, "auth" | "role">;
  /** Whether the store does what it is asked; it takes no longer than a sync. */
  isStoreWorking(): Promise<boolean>;
}

export function serverHandlers(options: ServerRoutesOptions): Handlers<typeof SERVER_ROUTES> {
  const { version, routes, services, accounts } = options, isLoginRequired = accounts.auth === "required";
  const document = JSON.stringify(openApiDocument(routes, version));
  return {
    server({ form, client: { account, isPrivate } }) {
      const you = {
        account: account || null,
        role: account === "" ? null : accounts.role(account),
        isPrivate,
      };
      if (form === "json") return json({ name: "wirepost", version, services, isLoginRequired, you });
      const lines = Object.entries(services).map(([name, port]) => `${name} ${port}\n`);
      return text(`wirepost ${version}\n${lines.join("")}${isLoginRequired ? "a log-in is required\n" : ""}`);
    },
    health: () => text("ok\n"),
    async ready() {
      if (await options.isStoreWorking()) return text("ready\n");
      throw new Refusal("storage");
    },
    openapi: () => ({ status: 200, headers: { "content-type": "application/json" }, body: document }),
  };
}
