/** The library's forum over HTTP, with a real server. */

import { assertEquals, assertRejects } from "@std/assert";
import { connectForum, RequestError } from "../../../client/web/forum.js";
import { PASSWORD, withProtected } from "../../server/protected.ts";

const as = { name: "alice", password: PASSWORD };

// http.md 10.9
Deno.test("what is changed in a thread is changed once, although answers are lost on the way", () =>
  withProtected(async ({ port }) => {
    const keys: (string | null)[] = [], delays: string[] = [];
    const broken = async (url: URL | RequestInfo, init?: RequestInit) => {
      const answer = await fetch(url, init);
      if (init?.method === "GET") return answer;
      const key = new Headers(init?.headers).get("idempotency-key");
      keys.push(key);
      // the first answer of each is lost
      if (keys.filter((one) => one === key).length > 1) return answer;
      await answer.body?.cancel();
      throw new TypeError("connection reset");
    };
    const forum = connectForum({
      url: `http://127.0.0.1:${port("http")}`,
      as,
      fetch: broken,
      onDelay: ({ message }) => delays.push(message),
    });
    await forum.create("plans");
    await forum.post("plans", "one");
    await forum.post("plans", "one");
    await forum.post("plans", "three");
    const [, second] = await forum.read("plans");
    if (second?.kind !== "message") throw new Error("there is no second message");
    await forum.edit("plans", second, "two");
    const entries = await forum.read("plans"), last = entries.at(-1);
    assertEquals(entries.map((entry) => "text" in entry && `${entry.version} ${entry.text}`), [
      "0 one",
      "1 two",
      "0 three",
    ]);
    if (last?.kind !== "message") throw new Error("there is no last message");
    await forum.delete("plans", last);
    assertEquals((await forum.read("plans")).length, 2);
    await forum.remove("plans");
    assertEquals(await forum.threads(), []);
    assertEquals([keys.length, new Set(keys).size, delays.length], [14, 7, 7]);
    // each is a change of its own: the same thread can be made again, and not twice
    await forum.create("plans");
    const error = await assertRejects(() => forum.create("plans"), RequestError);
    assertEquals(error.code, "thread exists");
  }));
