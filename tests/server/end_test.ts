/** What is reported of a server that ends: store 6.6. */

import { assertEquals, assertMatch } from "@std/assert";
import { Engine } from "../../server/store/engine/engine.ts";
import { withAdministrator } from "./administrator.ts";

/** SQLite's code of a disk that fails. */
const SQLITE_IOERR_FSYNC = 1034;

Deno.test("a store that is lost with the last checkpoint is reported, also if the administrator stops the server", async () => {
  const { checkpoint } = Engine.prototype;
  await withAdministrator({}, async ({ server, log, control }) => {
    try {
      Engine.prototype.checkpoint = () => {
        throw Object.assign(new Error("disk I/O error"), { errcode: SQLITE_IOERR_FSYNC });
      };
      await control("stop");
      await server.stopping;
      assertEquals(await server.end(), false);
    } finally {
      Engine.prototype.checkpoint = checkpoint;
    }
    const lines = log.join("").split("\n").filter((line) => line.includes(" error "));
    assertEquals(lines.length, 1);
    assertMatch(lines[0]!, / error store - disk I\/O error$/);
  });
});
