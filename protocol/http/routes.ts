/**
 * The table of routes: all that the server answers over HTTP. `protocol/http.md` says what each does.
 *
 * @module
 */

import { ADMIN_ROUTES } from "./routes/admin.ts";
import { CHANNEL_ROUTES } from "./routes/channel.ts";
import { FILE_ROUTES } from "./routes/file.ts";
import { LOGIN_ROUTES } from "./routes/login.ts";
import { MAILBOX_ROUTES } from "./routes/mailbox.ts";
import { METRICS_ROUTES } from "./routes/metrics.ts";
import { SERVER_ROUTES } from "./routes/server.ts";
import { THREAD_ROUTES } from "./routes/thread.ts";

export const ROUTES = {
  ...SERVER_ROUTES,
  ...CHANNEL_ROUTES,
  ...THREAD_ROUTES,
  ...FILE_ROUTES,
  ...METRICS_ROUTES,
  ...LOGIN_ROUTES,
  ...MAILBOX_ROUTES,
  ...ADMIN_ROUTES,
};

export type RouteName = keyof typeof ROUTES;
