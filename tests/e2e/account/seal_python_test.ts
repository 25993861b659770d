/** A client of the seal that was written from its specification alone. */

import { assert, assertEquals } from "@std/assert";
import { ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";
import { python, talk } from "./second_client.ts";

// seal.md
Deno.test(
  "python3-cryptography: a second implementation logs in, puts and receives, and what it does wrong is refused",
  { ignore: python === undefined },
  async () => {
    await using data = await temporaryDirectory();
    const cwd = data.path;
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    assertEquals(await talk(server, "talk"), [
      "a hello without a cookie: challenge",
      "the server's key: as it was logged",
      "the same hello: the same answer",
      "make: made",
      "make again: exists",
      "log-in: logged in",
      "put: 1 ok,1",
      "messages: 1",
      "messages after a replay and changed bytes: 1",
      "a replay from another address: challenge",
      "received: 5 Ω, or more? ✓ (18 bytes)",
      "acknowledged: 2",
      "messages: 0",
      "log-in with a wrong password: final e=invalid-proof",
      "log-in bound to another handshake: final e=channel-bindings-dont-match",
      "log-in of a name without an account: none",
      "log-in to the session of another account: denied",
      "a key of zeros: unknown",
      "bye: bye",
      "the keys of the same hello, after bye: others",
      "log-in after that: logged in",
      "here: here",
      "bye: bye",
    ]);
    const { out: status } = await wirepost(["admin", "status", "--server", server.address], { cwd });
    const refused = (what: string) =>
      Number(new RegExp(`^refused sealed ${what} (\\d+)$`, "m").exec(status)?.[1] ?? 0);
    assertEquals(refused("bad key"), 1);
    // the copy of the put, and more if the client had to repeat it
    assert(refused("twice") >= 1, status);
    // each changed datagram whose header could still be read, and the put under the keys of another handshake
    assert(refused("wrong") >= 6, status);
    // a put before the log-in
    assert(refused("out of place") >= 1, status);
  },
);
