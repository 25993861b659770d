import { assert } from "@std/assert";
import { connectForum } from "../../../client/forum.ts";
import { withServer } from "../serve.ts";

Deno.test("commands to the forum can't fill the log", () =>
  withServer({ ports: { forum: 0 } }, async (server, log) => {
    const { port } = server.addresses[0]!;
    const [serverKey = ""] = /public1\w+/.exec(log.join(""))!;
    const as = { name: "yoda", password: "word", make: true };
    await using forum = await connectForum({ port, serverKey, as });
    await Promise.all(Array.from({ length: 500 }, (_, i) => forum.create(`thread${i}`)));
    const lines = log.join("").split("\n").filter((line) => line.includes("hread")).length;
    assert(lines >= 25 && lines < 400, `${lines} lines of 500 commands`);
  }));
