/** Files by a client that was written from the specification alone: tests/protocol/seal_python/seal.py. */

import { assertEquals } from "@std/assert";
import { pythonWith, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

const SCRIPT = new URL("../../protocol/seal_python/seal.py", import.meta.url).pathname;

const python = await pythonWith("cryptography");

// transfer.md section 10
Deno.test(
  "python3-cryptography: a second implementation transfers sealed files, and what it does wrong is refused",
  { ignore: python === undefined },
  async () => {
    await using data = await temporaryDirectory();
    const cwd = data.path;
    await using server = await ServerProcess.start(["forum", "0", "--data", "data"], { cwd });
    await server.logged("the server's key is public1");
    const key = /server's key is (\S+)/.exec(server.err)![1]!;
    const command = [python!, SCRIPT, "files", "127.0.0.1", `${server.port}`, key];
    const env = { PYTHONIOENCODING: "utf-8", PYTHONDONTWRITEBYTECODE: "1" };
    const { code, out, err } = await runCommand(command, { env });
    assertEquals({ code, err, out: out.trimEnd().split("\n") }, {
      code: 0,
      err: "",
      out: [
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
      ],
    });
    const { out: status } = await wirepost(["admin", "status", "--data", "data"], { cwd });
    const value = (what: string) => new RegExp(`^${what} (\\d+)$`, "m").exec(status)?.[1] ?? "0";
    assertEquals(
      ["wrong record", "uploaded", "downloaded", "in the clear"].map((what) => value(`files ${what}`)),
      ["2", "1", "1", "0"],
    );
  },
);
