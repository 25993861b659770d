/** Files by a client that was written from the specification alone. */

import { assertEquals } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { python, talk } from "./second_client.ts";

// transfer.md section 10
Deno.test(
  "python3-cryptography: a second implementation transfers sealed files, and what it does wrong is refused",
  { ignore: python === undefined },
  async () => {
    await using data = await temporaryDirectory();
    const cwd = data.path;
    await using server = await ServerProcess.start(["forum", "0", "--data", "data"], { cwd });
    assertEquals(await talk(server, "files"), [
      "log-in of yoda: logged in",
      "the server's key: as it was logged",
      "info: files sealed",
      "offered: P1 from 0",
      "a changed record: (b'', False)",
      "offered after it: 200000",
      "stored: True",
      "behind it: (b'', True)",
      "download: P1 from 100",
      "content: (True, True, True, 520000)",
      "the same ticket again: P1 no ticket unknown, used or too old",
      "log-in of luke: logged in",
      "a ticket of yoda under keys of luke: (b'', False)",
      "the same in the clear: P1 no ticket unknown, used or too old",
    ]);
    const { out: status } = await wirepost(["admin", "status", "--data", "data"], { cwd });
    const value = (what: string) => new RegExp(`^${what} (\\d+)$`, "m").exec(status)?.[1] ?? "0";
    assertEquals(
      ["wrong record", "uploaded", "downloaded", "in the clear"].map((what) => value(`files ${what}`)),
      ["2", "1", "1", "0"],
    );
  },
);
