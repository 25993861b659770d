/**
 * The table of routes: all that the server answers over HTTP. `protocol/http.md` says what each does.
 *
 * @module
 */

import { CHANNEL_ROUTES } from "./routes/channel.ts";
import { LOGIN_ROUTES } from "./routes/login.ts";
import { MAILBOX_ROUTES } from "./routes/mailbox.ts";
import { SERVER_ROUTES } from "./routes/server.ts";

export const ROUTES = {
  ...SERVER_ROUTES,
  ...CHANNEL_ROUTES,
  ...LOGIN_ROUTES,
  ...MAILBOX_ROUTES,
};

export type RouteName = keyof typeof ROUTES;
