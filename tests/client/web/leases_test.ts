import { assertEquals } from "@std/assert";
import { Leases } from "../../../client/web/received_message.js";

Deno.test("where one lease's extension has no answer, those that wait behind it have their turn", async () => {
  const answered = new Set<string>(), end = new AbortController(), done = Promise.withResolvers<void>();
  let unanswered = 0;
  const requests = {
    act(_: string, path: string, { signal }: { signal: AbortSignal }) {
      return new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        if (path !== "/lease/1/extend") {
          setTimeout(() => {
            if (!signal.aborted) answered.add(path);
            if (answered.size === 2) done.resolve();
            resolve();
          });
        } else if (++unanswered === 9) done.resolve();
      });
    },
  };
  const leases = new Leases(requests as never, end.signal);
  for (const lease of ["1", "2", "3"]) {
    const content = { id: 1, sender: "ana", time: "2026-01-31T12:00:00Z", attempt: 1, text: "", lease };
    leases.add(content, 300, performance.now());
  }
  await done.promise;
  leases.close();
  assertEquals([...answered], ["/lease/2/extend", "/lease/3/extend"]);
});
