/** The removal of contents that no file has any more, at the end of a server. */

import { assertEquals } from "@std/assert";
import { ContentRemoval } from "../../../server/data/open_files.ts";

/** What a removal asks for, and what answers it by hand. */
function removalByHand() {
  const events: string[] = [],
    deleted = Promise.withResolvers<boolean>(),
    stored = Promise.withResolvers<[]>();
  const files = {
    remove(content: string) {
      events.push(`remove ${content}`);
      return deleted.promise;
    },
  };
  const store = {
    ask({ gone }: { gone: readonly string[] }) {
      events.push(`forget ${gone.join(" ")}`);
      return stored.promise;
    },
  };
  const hold = { isOn: false, onEnd: (callback: () => void) => void (hold.end = callback), end: () => {} };
  const removal = new ContentRemoval(files as never, store as never, hold);
  return { events, deleted, stored, hold, removal };
}

Deno.test("the end of a server waits until the store has forgotten what is removed", async () => {
  const { events, deleted, stored, removal } = removalByHand();
  removal.remove(["aa"]);
  const closed = removal.close().then(() => events.push("closed"));
  deleted.resolve(true);
  await Promise.resolve();
  stored.resolve([]);
  await closed;
  assertEquals(events, ["remove aa", "forget aa", "closed"]);
});

Deno.test("a removal that fails does not keep the server from its end", async () => {
  const { deleted, removal } = removalByHand();
  removal.remove(["aa"]);
  deleted.reject(new Error("Input/output error"));
  await removal.close();
});

Deno.test("after its end nothing is removed, also when a hold ends", async () => {
  const { events, hold, removal } = removalByHand();
  hold.isOn = true;
  removal.remove(["aa"]);
  await removal.close();
  hold.isOn = false;
  hold.end();
  removal.remove(["bb"]);
  assertEquals(events, []);
});
