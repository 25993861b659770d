/** What `wirepost serve` is given if no option is named. */

import { OPTIONS, type OptionValues } from "../server/options/options.ts";
import { type ServeOptions, serveOptions } from "../server/options/serve_options.ts";

/** The options if none is given. */
export const DEFAULT_OPTIONS: Readonly<ServeOptions> = serveOptions(
  Object.fromEntries(Object.entries(OPTIONS).map(([name, option]) => [name, option.default])) as OptionValues,
  {},
);
