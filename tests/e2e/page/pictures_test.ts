/**
 * Pictures of the page of a real server, as README has them: `WIREPOST_SCREENSHOTS=DIRECTORY` has them made. Each view is
 * shown empty, as people use it, and with the longest names and texts. What is shown has the same times and addresses each
 * time; only the operator's plots are of what was measured.
 */

import { assertEquals } from "@std/assert";
import { LACKS_BROWSER, type Page, TestBrowser } from "../../client/page/browser.ts";
import { LONG_NAME, LONG_TEXT } from "../../client/page/fixtures.ts";
import { DAY_MS, HOST, HOUR_MS, MINUTE_MS, ShownServer } from "./shown_server.ts";

const SCREENSHOTS = Deno.env.get("WIREPOST_SCREENSHOTS");

const ROOT = new URL("../../../", import.meta.url);

/** Each view, and what it shows when all of it is there: of a server that has nothing, and of one that has something. */
const VIEWS = {
  channel: { path: "/channel/room", empty: "Nothing was said", full: "hello from a plain socket" },
  mailbox: { path: "/mailbox/ana", empty: "Nothing waits", full: "Dead letters 1" },
  threads: { path: "/thread", empty: "There is no thread", full: "sockets-howto" },
  thread: { path: "/thread/thread0", empty: "", full: "That helps." },
  server: { path: "/admin/status", empty: "Nothing waits", full: "exit 3" },
};

const SIZES = [[1280, 800], [390, 844]] as const;
const COLOR_SCHEMES = ["light", "dark"] as const;

/** What a server has: nothing, what people use it for, and what is as long as it may be. */
type Content = "empty" | "full" | "long";

/** Ports as they are where nothing else was said. */
const PORTS = { mailbox: 21001, http: 21001, channels: 55555, room: 6000, forum: 10005 };

/** How long the operator looks on, in seconds: each gives the plots one more point. */
const LOOK_S = 60;

function nameOf(view: string, width: number, colorScheme: string, content: Content) {
  return `${view}-${width}-${colorScheme}${content === "full" ? "" : `-${content}`}.png`;
}

/** What happens, and how long before the pictures, the first of it first: the clock of a store does not go back. */
function* happenings(shown: ShownServer): Generator<[agoMs: number, act: () => Promise<unknown>]> {
  const post = (author: string, text: string) => shown.ask("POST /thread/thread0", text, author);
  for (const title of ["thread0", "sockets-howto", "frames", "exam-2026"]) {
    yield [3 * DAY_MS, () => shown.ask("POST /thread", title, "yoda")];
  }
  yield [3 * DAY_MS, () => post("yoda", "Files you keep here, hmm? Read `transfer.md` you must.")];
  yield [2 * DAY_MS, () => shown.put("alice", "How are you, dear Ana?")];
  yield [2 * DAY_MS, () => shown.bury("exit 3")];
  yield [2 * DAY_MS, () => shown.put("alice", "5 Ω, or more? ✓")];
  for (const name of ["lab", "homework"]) yield [2 * DAY_MS, () => shown.ask(`PUT /channel/${name}`)];
  const said: [agoMs: number, sender: string, text: string][] = [
    [25 * HOUR_MS + 3 * MINUTE_MS, "alice", "Is the lab open this afternoon?"],
    [25 * HOUR_MS, "bob", "Until six. The router in the corner drops every tenth datagram, on purpose."],
    [25 * HOUR_MS - MINUTE_MS, "alice", "Thanks. That is just what I need to test with."],
  ];
  for (const [ago, sender, text] of said) yield [ago, () => shown.say(sender, text)];
  const answer =
    "I did: `UPD,4,0,11,-,thread0 hello.txt` is answered by a ticket, and the content goes over TCP.";
  yield [DAY_MS, () => post("ana", answer)];
  const trace = "12:00:01 IP 127.0.0.1\n".repeat(190_000);
  yield [DAY_MS, () => shown.ask("PUT /thread/thread0/file/trace.txt", trace, "ana")];
  const today: typeof said = [
    [64 * MINUTE_MS, "alice", "Does the frame have to be padded with spaces?"],
    [63 * MINUTE_MS, "bob", "Yes, to 200 bytes. `text.encode().ljust(200)` does it."],
    [63 * MINUTE_MS, "bob", "The server strips them again: http://127.0.0.1/channels.md has it in 1.2"],
    [61 * MINUTE_MS, "alice", "5 Ω, or more? ✓"],
  ];
  for (const [ago, sender, text] of today) yield [ago, () => shown.say(sender, text)];
  yield [HOUR_MS, () => shown.put("build", "job 4711: render the frames 1 to 200")];
  yield [HOUR_MS, () => shown.put("yoda", "Remind me tomorrow.", "&delay=1d")];
  yield [30 * MINUTE_MS, () => shown.say("bob", "The router is back.", "lab")];
  const cut = 'Ω needs two bytes, so do not cut a frame within it: `"Ω".encode()` has 2.';
  yield [20 * MINUTE_MS, () => shown.say("bob", cut)];
  yield [12 * MINUTE_MS, () => shown.say("nc", "ana: hello from a plain socket")];
  yield [2 * MINUTE_MS, () => shown.put("cron", "backup failed, 1 error ✗")];
  yield [2 * MINUTE_MS, () => shown.put("cron", "backup done, 0 errors")];
  yield [MINUTE_MS, () => post("luke", "Thanks! That helps.")];
  for (const member of ["alice", "bob", "nc"]) yield [0, () => shown.enter(member)];
}

async function fill(shown: ShownServer) {
  const end = shown.now + 4 * DAY_MS;
  for (const [agoMs, act] of happenings(shown)) {
    await shown.setTime(end - agoMs);
    await act();
  }
}

/** The longest name and texts; a line of a channel has less than a message of a mailbox. */
async function fillLong(shown: ShownServer) {
  await shown.say(LONG_NAME, "A name of 64 bytes.");
  await shown.say("bob", LONG_TEXT.slice(0, 4000));
  await shown.put(LONG_NAME, LONG_TEXT);
  await shown.ask("POST /thread/thread0", LONG_TEXT, "luke");
  await shown.ask("POST /thread", LONG_NAME, "luke");
  await shown.ask(`PUT /channel/${LONG_NAME}`);
}

/** What is done within one second, more and less of it. */
async function work(shown: ShownServer, second: number) {
  const jobs = Math.round(6 + 4 * Math.sin(second / 4) + second % 3);
  for (let i = 0; i < jobs; i++) {
    await shown.put("cron", "a job", "", "jobs");
    if (i > 0 || second % 3 === 0) await shown.ask("POST /mailbox/jobs/receive");
  }
}

/** Has a page see the ports of every server. Its requests are not intercepted: a browser holds a 401 back then. */
const USUAL_PORTS = `{
  const { fetch } = window;
  window.fetch = async (url, init) => {
    const answer = await fetch(url, init);
    if (new URL(url, location.href).pathname !== "/") return answer;
    return Response.json({ ...await answer.json(), services: ${JSON.stringify(PORTS)} });
  };
}`;

/** A window of ana's, at the server's time. */
async function openWindow(
  shown: ShownServer,
  browser: TestBrowser,
  [width, height]: typeof SIZES[number],
  colorScheme: typeof COLOR_SCHEMES[number],
): Promise<Page> {
  const options = { viewport: { width, height }, colorScheme, timezoneId: "UTC", locale: "en-GB" };
  const page = await browser.open("about:blank", "ana", options);
  await page.context().addInitScript(USUAL_PORTS);
  await page.clock.install({ time: shown.now });
  return page;
}

async function take(page: Page, file: string) {
  // what moves has come to its end
  await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))");
  await page.screenshot({ path: `${SCREENSHOTS}/${file}`, animations: "disabled", caret: "hide" });
}

/** Lets the operator's page look on, while the server works. */
async function lookOn(page: Page, shown: ShownServer, seconds: number) {
  for (let second = 0; second < seconds; second++) {
    const asked = page.waitForResponse(/admin\/status/);
    await work(shown, second);
    await page.clock.runFor(1000);
    await asked;
  }
}

async function takeAll(shown: ShownServer, browser: TestBrowser, content: Content) {
  for (const size of SIZES) {
    for (const colorScheme of COLOR_SCHEMES) {
      const page = await openWindow(shown, browser, size, colorScheme);
      const nameHere = (view: string) => nameOf(view, size[0], colorScheme, content);
      await page.goto(`http://${HOST}:21001/thread`);
      await page.getByRole("dialog").waitFor();
      if (content === "full") await take(page, nameHere("login"));
      assertEquals(await page.evaluate(shown.logIn), 204);
      for (const [view, { path, empty, full }] of Object.entries(VIEWS)) {
        const shows = content === "empty" ? empty : full;
        if (shows === "") continue;
        await page.goto(`http://${HOST}:21001${path}`);
        await page.getByText(shows).first().waitFor();
        await page.locator(".state .dot:not(.away)").waitFor();
        if (view === "server") await lookOn(page, shown, content === "full" ? LOOK_S : 2);
        await take(page, nameHere(view));
      }
      await page.context().close();
    }
  }
}

Deno.test("each picture in README is one of those that are made", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const shown = [...readme.matchAll(/\.github\/images\/([\w-]+\.png)/g)].map(([, name]) => name!);
  const kept = [...Deno.readDirSync(new URL(".github/images", ROOT))].map(({ name }) => name);
  assertEquals(kept.sort(), [...new Set(shown)].sort());
  const made = [...Object.keys(VIEWS), "login"].flatMap((view) =>
    SIZES.flatMap(([width]) => COLOR_SCHEMES.map((scheme) => nameOf(view, width, scheme, "full")))
  );
  assertEquals(kept.filter((name) => !made.includes(name)), []);
});

Deno.test("pictures of each view of a real server, for README", {
  ignore: LACKS_BROWSER || SCREENSHOTS === undefined,
}, async () => {
  await using shown = await ShownServer.start();
  await using browser = await TestBrowser.start([
    `--host-resolver-rules=MAP ${HOST}:21001 127.0.0.1:${shown.port}`,
  ]);
  browser.expected.push(/401/);
  await takeAll(shown, browser, "empty");
  await fill(shown);
  await takeAll(shown, browser, "full");
  await fillLong(shown);
  await takeAll(shown, browser, "long");
});
