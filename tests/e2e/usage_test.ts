/** The command line: what it tells of itself, and what it says to a wrong one. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { parley } from "../program.ts";

const COMMANDS = [
  ...["serve", "send", "receive", "mailbox", "chat", "room", "forum"],
  ...["account", "known-servers", "admin", "bench"],
];

Deno.test("parley --version prints the version of deno.json", async () => {
  assertEquals(await parley(["--version"]), { code: 0, out: `parley ${config.version}\n`, err: "" });
});

Deno.test("parley --help names every command, and parley alone is wrong usage", async () => {
  const help = await parley(["--help"]);
  assertEquals([help.code, help.err], [0, ""]);
  for (const command of COMMANDS) assertStringIncludes(help.out, `\n  ${command} `);
  assertEquals(await parley([]), { ...help, code: 2 });
});

for (const command of COMMANDS) {
  Deno.test(`parley ${command} --help shows its usage, every option and an example`, async () => {
    const help = await parley([command, "--help"]);
    assertEquals([help.code, help.err], [0, ""]);
    assertMatch(help.out, new RegExp(`^Usage: parley ${command} `));
    assertMatch(help.out, new RegExp(`\nExamples?:\n  .*parley ${command}`));
    // the options of the summary are all in the list, and no line is wider than a terminal of today
    for (const [option] of help.out.matchAll(/--[a-z-]+/g)) {
      assertStringIncludes(help.out, `\n  ${option}`);
    }
    for (const line of help.out.split("\n")) assertEquals(line.length <= 120, true, line);
    assertEquals(await parley([command, "x", "-h"]), help);
  });
}

/** Wrong command lines, and the one line that says why. */
const WRONG: Readonly<Record<string, string>> = {
  "sing": "parley: Unknown command 'sing'",
  "constructor": "parley: Unknown command 'constructor'",
  "--sing": "parley: Unknown option '--sing'",
  "send bob hi --from al --server-key k": "parley send: --server-key needs --as NAME",
  "receive bob --password-file p": "parley receive: --password-file needs --as NAME",
  "receive --as al --server-key k":
    "parley receive: Cannot read --server-key 'k': expected 'public1' and 56 of a-z 2-7",
  "forum h 1 --user al --server-key k LST":
    "parley forum: Cannot read --server-key 'k': expected 'public1' and 56 of a-z 2-7",
  "known-servers": "parley known-servers: Missing list or remove",
  "known-servers remove": "parley known-servers: Missing HOST:PORT",
  "known-servers remove h": "parley known-servers: Cannot read 'h': expected HOST:PORT",
  "known-servers list x": "parley known-servers: Unexpected argument 'x'",
  "account confirm": "parley account: Missing NAME",
  "serve --memory --new-seal-key": "parley serve: --new-seal-key and --memory exclude each other",
  "account list --password-file p": "parley account: list and --password-file exclude each other",
  "account add al --server-key k": "parley account: --server-key is for add and set-password with --server",
  "serve --sing": "parley serve: Unknown option '--sing'",
  "serve --host": "parley serve: Option --host needs a value",
  "serve --data": "parley serve: Option --data needs a value",
  "serve mailbox x": "parley serve: Cannot read port 'x': expected a number from 0 to 65535",
  "serve mailbox 65536": "parley serve: Cannot read port '65536': expected a number from 0 to 65535",
  "serve mailbox 0 1":
    "parley serve: Unexpected argument '1': a port stands behind its service, as in 'parley serve mailbox 0'",
  "serve 55555": "parley serve: Unexpected argument '55555': did you mean 'parley serve channels 55555'?",
  "serve --log on": "parley serve: Cannot read --log 'on': expected text or json",
  "serve --log-level loud":
    "parley serve: Cannot read --log-level 'loud': expected error or warn or info or debug",
  "serve --memory --new": "parley serve: --memory and --new exclude each other",
  "serve sing": "parley serve: Unknown service 'sing': expected mailbox, channels, room or forum",
  "serve room 0 sing": "parley serve: Unknown service 'sing': expected mailbox, channels, room or forum",
  "serve room channels room": "parley serve: Service 'room' is given more than once",
  "serve channels 65536": "parley serve: Cannot read port '65536': expected a number from 0 to 65535",
  "serve --max-line 64KiB --max-pending 512KiB":
    "parley serve: Cannot use --max-line 65536: expected at most 1/16 of --max-pending",
  "serve --max-pending-all 512KiB":
    "parley serve: Cannot use --max-pending-all 524288: expected at least --max-pending",
  "serve --max-pending 1": "parley serve: Cannot read --max-pending '1': expected a size from 256 kiB",
  "serve --stall 3": "parley serve: Cannot read --stall '3': expected a duration such as 30s",
  "serve --memory --data d": "parley serve: --memory and --data exclude each other",
  "serve --when-full x": "parley serve: Cannot read --when-full 'x': expected refuse or drop-oldest",
  "serve --timestamps x": "parley serve: Cannot read --timestamps 'x': expected on or off",
  "serve --mailbox-messages 0": "parley serve: Cannot read --mailbox-messages '0': expected a number from 1",
  "serve --max-bytes x": "parley serve: Cannot read --max-bytes 'x': expected a size such as 64KiB",
  "serve --file-size 5GiB": "parley serve: Cannot use --file-size 5368709120: expected at most 4GiB",
  "serve --max-threads 0": "parley serve: Cannot read --max-threads '0': expected a number from 1 to 1000000",
  "serve --max-datagram 1": "parley serve: Cannot use --max-datagram 1: expected 256 to 65507",
  "serve --original-from x": "parley serve: Cannot read network 'x': expected ADDRESS/BITS",
  "serve --original-from 10.0.0.0/33":
    "parley serve: Cannot read network '10.0.0.0/33': expected ADDRESS/BITS",
  "send": "parley send: Missing TO: the ID of the receiver",
  "send bob x": "parley send: Missing --from ME: the ID of the sender",
  "send bob x --from": "parley send: Option --from needs a value",
  "send bob x --from=": "parley send: Option --from needs a value",
  "send bob x --from a,b": "parley send: Cannot use 'a,b' as an ID",
  "send bob x --from admin": "parley send: Cannot send as 'admin': the name is the administrator's",
  "send --shared x --from a": "parley send: --shared and --from exclude each other",
  "send bob -x --from a": "parley send: Unknown option '-x': text that begins with '-' comes after '--'",
  "receive": "parley receive: Missing ME: the ID of the receiver",
  "receive bob carol": "parley receive: Unexpected argument 'carol'",
  "receive a,b": "parley receive: Cannot use 'a,b' as an ID",
  "receive bob --count 0": "parley receive: Cannot read --count '0': expected a number from 1",
  "receive bob --count 1e3": "parley receive: Cannot read --count '1e3': expected a number from 1",
  "receive bob --all --count 2": "parley receive: --all and --count exclude each other",
  "receive bob --wait 3": "parley receive: Cannot read --wait '3': expected a duration such as 30s",
  "receive bob --server x": "parley receive: Cannot read --server 'x': expected HOST:PORT",
  "receive bob --server h:65536": "parley receive: Cannot read --server 'h:65536': expected HOST:PORT",
  "mailbox x": "parley mailbox: Unexpected argument 'x'",
  "mailbox --as a,b": "parley mailbox: Cannot use 'a,b' as an ID",
  "chat": "parley chat: Missing NAME: what the others will call you",
  "chat Alice": "parley chat: Missing HOST: the name or address of the server",
  "chat Alice 127.0.0.1": "parley chat: Missing PORT: the port of the server",
  "chat Alice 127.0.0.1 55555 x": "parley chat: Unexpected argument 'x'",
  "chat Alice 127.0.0.1 0": "parley chat: Cannot read port '0': expected a number from 1 to 65535",
  "room": "parley room: Missing HOST: the name or address of the server",
  "room 127.0.0.1 65536": "parley room: Cannot read port '65536': expected a number from 1 to 65535",
  "room 127.0.0.1 6000 --linger 3": "parley room: Cannot read --linger '3': expected a duration such as 30s",
  "forum": "parley forum: Missing HOST: the name or address of the server",
  "forum 127.0.0.1 10005 LST": "parley forum: Missing --user NAME: who gives the command",
  "forum 127.0.0.1 10005 --user a/b":
    "parley forum: Cannot use 'a/b' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-",
  "account": "parley account: Missing add, set-password, list, confirm, remove or import",
  "account sing": "parley account: Unknown command 'sing'",
  "account add": "parley account: Missing NAME",
  "account add a/b": "parley account: Cannot use 'a/b' as a name",
  "admin": "parley admin: Missing COMMAND",
  "admin count a,b": "parley admin: Cannot use 'a,b': it has a comma",
  "bench": "parley bench: Missing what to measure: mailbox",
  "bench mailbox --count x": "parley bench: Cannot read --count 'x': expected a number from 1 to 10000000",
  "bench mailbox --size 7": "parley bench: Cannot read --size '7': expected a number from 8 to 65000",
  "bench mailbox --basic --sessions 2": "parley bench: --basic and --sessions exclude each other",
};

Deno.test("a wrong command line is answered with what is wrong, where the help is, and exit code 2", async () => {
  for (const [line, error] of Object.entries(WRONG)) {
    const known = error.slice(0, error.indexOf(":"));
    assertEquals(
      [line, await parley(line.split(" "))],
      [line, { code: 2, out: "", err: `${error}\n'${known} --help' tells how it is used\n` }],
    );
  }
});

Deno.test("errors are in colour on a terminal alone", async () => {
  for (const env of [{}, { NO_COLOR: "1" }, { FORCE_COLOR: "1" }]) {
    const { err } = await parley(["sing"], { env });
    assertEquals(err.includes("\x1b"), false, err);
  }
});
