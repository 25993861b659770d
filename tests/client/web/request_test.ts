import { assertEquals, assertRejects } from "@std/assert";
import { RequestError, Requests, UnreachableError } from "../../../client/web/request.js";

/** Answers of a server, one after the other; an error is a connection that breaks. */
function script(...answers: (Response | Error)[]) {
  const sent: string[] = [];
  const requests = new Requests({
    url: "http://server",
    fetch: ((url, init) => {
      const headers = new Headers(init?.headers);
      sent.push(
        `${init?.method} ${new URL(url as URL).pathname}${new URL(url as URL).search} ${
          headers.get("idempotency-key")
        }`,
      );
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    }) as typeof fetch,
  });
  return { requests, sent };
}

const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  Response.json({ type: "about:blank", status, code, detail: `it is ${code}` }, { status, headers });

Deno.test("a change is repeated under its key until the server has carried it out", async () => {
  const { requests, sent } = script(
    new TypeError("connection refused"),
    problem(503, "stopping", { "retry-after": "0" }),
    problem(507, "storage", { "retry-after": "0" }),
    Response.json({ id: 17 }, { status: 201 }),
  );
  const delays: string[] = [];
  const answer = await requests.change("POST", "/mailbox/bob", {
    key: "k1",
    query: { sender: "alice", ttl: undefined },
    body: "hello",
    onDelay: (error) => delays.push(error.message),
  });
  assertEquals(answer, { id: 17 });
  assertEquals(sent, Array(4).fill("POST /mailbox/bob?sender=alice k1"));
  assertEquals(delays, ["Cannot reach server", "it is stopping", "it is storage"]);
});

Deno.test("what is refused for good is not repeated, and says why by the server's code", async () => {
  const { requests, sent } = script(problem(413, "too long"));
  const error = await assertRejects(
    () => requests.change("POST", "/mailbox/bob", { key: "k" }),
    RequestError,
  );
  assertEquals([error.status, error.code, error.message], [413, "too long", "it is too long"]);
  assertEquals(sent.length, 1);
});

Deno.test("an answer that is no problem of the server's is an error all the same", async () => {
  const { requests } = script(
    new Response("<h1>Bad gateway</h1>", { status: 400 }),
    new TypeError("no route"),
  );
  const error = await assertRejects(() => requests.get("/"), RequestError);
  assertEquals([error.code, error.message], ["failed", "The server answered 400"]);
  await assertRejects(() => requests.get("/"), UnreachableError, "Cannot reach server");
});

Deno.test("a change that is given up while it waits ends", async () => {
  const end = new AbortController();
  const { requests } = script(new TypeError("no route"));
  const onDelay = () => end.abort(new Error("given up"));
  await assertRejects(() => requests.change("POST", "/", { signal: end.signal, onDelay }), Error, "given up");
});
