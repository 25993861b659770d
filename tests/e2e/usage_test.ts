/** The command line: what it tells of itself, and what it says to a wrong one. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../client/command/command.ts";
import { runCommandLine } from "../../client/command/program.ts";
import * as dataCode from "../../server/data/directory.ts";
import { COMMANDS } from "../../main.ts";
import config from "../../deno.json" with { type: "json" };
import { FROM_SOURCE, lacks, runCommand, ServerProcess, temporaryDirectory, wirepost } from "../program.ts";
import { Terminal } from "./terminal.ts";

Deno.test("wirepost --version and -v print the version of deno.json", async () => {
  const version = { code: 0, out: `wirepost ${config.version}\n`, err: "" };
  assertEquals(await runCommand([...FROM_SOURCE, "--version"]), version);
  assertEquals(await wirepost(["-v"]), version);
});

Deno.test("help is the overview, the help of a command or a topic", async () => {
  const help = await wirepost(["help"]);
  assertEquals([help.code, help.err], [0, ""]);
  assertMatch(help.out, /^Usage: wirepost COMMAND/);
  assertEquals(await wirepost(["-h"]), help);
  const send = await wirepost(["send", "x", "-h"]);
  assertEquals([send.code, send.err], [0, ""]);
  assertMatch(send.out, /^Usage: wirepost send /);
  assertEquals(await wirepost(["help", "send"]), send);
  const topic = await wirepost(["help", "delivery"]);
  assertEquals([topic.code, topic.err], [0, ""]);
  assertMatch(topic.out, /^DELIVERY: /);
});

Deno.test("wirepost alone says whether a server runs here, where and what it holds, and then the help", async () => {
  await using directory = await temporaryDirectory();
  const cwd = directory.path, options = { cwd };
  const help = (await wirepost(["help"])).out;
  const services = ["mailbox", "0", "room", "0"];
  let address: string;
  {
    await using server = await ServerProcess.start(services, options);
    const room = await server.ready("room");
    assertEquals((await wirepost(["send", "bob", "hi", "--as", "al"], options)).code, 0);
    assertEquals(await wirepost([], options), {
      code: 0,
      out: `A server runs here: mailbox 127.0.0.1:${server.port}, room :${room}, http :${server.port}.\n` +
        `It holds 1 message, 0 channels, 0 accounts, in parley-data.\n\n${help}`,
      err: "",
    });
    // without the secret, what everybody may know
    await Deno.remove(`${cwd}/parley-data/secret`);
    assertStringIncludes(
      (await wirepost([], options)).out,
      "\nIt holds 1 message, in parley-data.\n\nUsage:",
    );
    ({ address } = server);
    await server.end("SIGKILL");
  }
  // what it wrote about itself is left; nobody listens there
  const { code, out } = await wirepost([], options);
  assertEquals([code, out], [0, `No server runs here: 'wirepost serve' starts one.\n\n${help}`]);
  // no command waits for it in vain; somebody else's server may be at the usual address
  for (const line of ["peek bob --timeout 50ms", "admin count --timeout 50ms", "forum LST --as al"]) {
    assertEquals((await wirepost(line.split(" "), options)).err.includes(address), false, line);
  }
});

const PROGRAM = { version: config.version, commands: COMMANDS, dataCode };

/** Wrong command lines, and the one line that says why. */
const WRONG: Readonly<Record<string, string>> = {
  "sing": "wirepost: Unknown command 'sing'",
  "stop": "wirepost: Unknown command 'stop': did you mean 'wirepost admin stop'?",
  "version": "wirepost: Unknown command 'version': did you mean '--version'?",
  "help stop": "wirepost: No command and no topic is called 'stop': did you mean 'wirepost admin stop'?",
  "list":
    "wirepost: Unknown command 'list': did you mean 'wirepost admin list', 'wirepost account list' or 'wirepost known-servers list'?",
  "sned bob hi": "wirepost: Unknown command 'sned': did you mean 'send'?",
  "help sned": "wirepost: No command and no topic is called 'sned': did you mean 'send'?",
  "help delivry": "wirepost: No command and no topic is called 'delivry': did you mean 'delivery'?",
  "help qwerty":
    "wirepost: No command and no topic is called 'qwerty': the topics are delivery, network, security, limits, classroom, " +
    "service, files, cookbook, scripting, wires",
  "help send receive": "wirepost: Unexpected argument 'receive'",
  "--versoin": "wirepost: Unknown option '--versoin': did you mean '--version'?",
  "receive bob --jsn": "wirepost receive: Unknown option '--jsn': did you mean '--json'?",
  "receive bob --fallow=1": "wirepost receive: Unknown option '--fallow=1': did you mean '--follow'?",
  "serve chanels": "wirepost serve: Unknown service 'chanels': did you mean 'channels'?",
  "admin requeu 1": "wirepost admin: Unknown command 'requeu': did you mean 'requeue'?",
  "account lsit": "wirepost account: Unknown command 'lsit': did you mean 'list'?",
  "known-servers ls": "wirepost known-servers: Unknown command 'ls'",
  "constructor": "wirepost: Unknown command 'constructor'",
  "--sing": "wirepost: Unknown option '--sing'",
  "send bob hi --from al --server-key k": "wirepost send: --server-key needs --as NAME",
  "receive bob --password-file p": "wirepost receive: --password-file needs --as NAME",
  "receive --as al --server-key k":
    "wirepost receive: Cannot read --server-key 'k': expected 'public1' and 56 of a-z 2-7",
  "forum h 1 --user al --server-key k LST":
    "wirepost forum: Cannot read --server-key 'k': expected 'public1' and 56 of a-z 2-7",
  "known-servers": "wirepost known-servers: Missing list or remove",
  "known-servers remove": "wirepost known-servers: Missing HOST[:PORT]",
  "known-servers remove h:": "wirepost known-servers: Cannot read 'h:': expected HOST or HOST:PORT",
  "known-servers list x": "wirepost known-servers: Unexpected argument 'x'",
  "account confirm": "wirepost account: Missing NAME",
  "serve --memory --new-seal-key": "wirepost serve: --new-seal-key and --memory exclude each other",
  "account list --password-file p": "wirepost account: Cannot use --password-file with 'list'",
  "account add al --server-key k": "wirepost account: --server-key is for add and set-password with --server",
  "serve --sing": "wirepost serve: Unknown option '--sing'",
  "serve --host": "wirepost serve: Option --host needs a value",
  "serve --data": "wirepost serve: Option --data needs a value",
  "serve mailbox x": "wirepost serve: Cannot read port 'x': expected a number from 0 to 65535",
  "serve mailbox 65536": "wirepost serve: Cannot read port '65536': expected a number from 0 to 65535",
  "serve mailbox 0 1":
    "wirepost serve: Unexpected argument '1': a port comes after its service, as in 'wirepost serve mailbox 0'",
  "serve 55555": "wirepost serve: Unexpected argument '55555': did you mean 'wirepost serve channels 55555'?",
  "serve --log on": "wirepost serve: Cannot read --log 'on': expected text or json or journal",
  "serve --log-level loud":
    "wirepost serve: Cannot read --log-level 'loud': expected error or warn or info or debug",
  "serve --memory --new": "wirepost serve: --memory and --new exclude each other",
  "serve sing": "wirepost serve: Unknown service 'sing': expected mailbox, channels, room or forum",
  "serve room 0 sing": "wirepost serve: Unknown service 'sing': expected mailbox, channels, room or forum",
  "serve room channels room": "wirepost serve: Service 'room' is given more than once",
  "serve channels 65536": "wirepost serve: Cannot read port '65536': expected a number from 0 to 65535",
  "serve --max-line 64KiB --max-pending 512KiB":
    "wirepost serve: Cannot use --max-line 65536: expected at most 1/16 of --max-pending",
  "serve --max-pending-all 512KiB":
    "wirepost serve: Cannot use --max-pending-all 524288: expected at least --max-pending",
  "serve --max-pending 1": "wirepost serve: Cannot read --max-pending '1': expected a size from 256 KiB",
  "serve --stall 3": "wirepost serve: Cannot read --stall '3': expected a duration such as 30s",
  "serve --memory --data d": "wirepost serve: --memory and --data exclude each other",
  "serve --when-full x": "wirepost serve: Cannot read --when-full 'x': expected refuse or drop-oldest",
  "serve --timestamps x": "wirepost serve: Cannot read --timestamps 'x': expected on or off",
  "serve --mailbox-messages 0":
    "wirepost serve: Cannot read --mailbox-messages '0': expected a number from 1",
  "serve --max-bytes x": "wirepost serve: Cannot read --max-bytes 'x': expected a size such as 64KiB",
  "serve --file-size 5GiB": "wirepost serve: Cannot use --file-size 5368709120: expected at most 4GiB",
  "serve --max-threads 0":
    "wirepost serve: Cannot read --max-threads '0': expected a number from 1 to 1000000",
  "serve --max-datagram 1": "wirepost serve: Cannot use --max-datagram 1: expected 256 to 65507",
  "serve --original-from x": "wirepost serve: Cannot read network 'x': expected ADDRESS/BITS",
  "serve --original-from 10.0.0.0/33":
    "wirepost serve: Cannot read network '10.0.0.0/33': expected ADDRESS/BITS",
  "send": "wirepost send: Missing TO: the ID of the receiver",
  "send bob x": "wirepost send: Missing --as NAME: who you are; or set WIREPOST_AS",
  "send bob x --from": "wirepost send: Option --from needs a value",
  "send bob x --from=": "wirepost send: Option --from needs a value",
  "send bob x --from a,b":
    "wirepost send: Cannot use 'a,b' as an ID: expected 1 to 64 bytes with no comma, no control character, no space at an end",
  "send bob x --from admin": "wirepost send: Cannot send as 'admin': the name is the administrator's",
  "send --shared x --from a": "wirepost send: --shared and --from exclude each other",
  "send bob -x --from a": "wirepost send: Unknown option '-x': text that begins with '-' comes after '--'",
  "receive": "wirepost receive: Missing --as NAME: who you are; or set WIREPOST_AS",
  "receive bob carol": "wirepost receive: Unexpected argument 'carol'",
  "receive a,b":
    "wirepost receive: Cannot use 'a,b' as an ID: expected 1 to 64 bytes with no comma, no control character, no space at an end",
  "receive bob --count 0": "wirepost receive: Cannot read --count '0': expected a number from 1",
  "receive bob --count 1e3": "wirepost receive: Cannot read --count '1e3': expected a number from 1",
  "receive bob --all --count 2": "wirepost receive: --all and --count exclude each other",
  "receive bob --wait 3": "wirepost receive: Cannot read --wait '3': expected a duration such as 30s",
  "receive bob --server x:": "wirepost receive: Cannot read --server 'x:': expected HOST or HOST:PORT",
  "receive bob --server h:65536":
    "wirepost receive: Cannot read --server 'h:65536': expected HOST or HOST:PORT",
  "receive --as bob --basic --server-key k":
    "wirepost receive: Cannot log in as 'bob' on the original wire: leave out --basic",
  "mailbox x": "wirepost mailbox: Unexpected argument 'x'",
  "mailbox --as a,b":
    "wirepost mailbox: Cannot use 'a,b' as an ID: expected 1 to 64 bytes with no comma, no control character, no space at an end",
  "chat": "wirepost chat: Missing --as NAME: who you are; or set WIREPOST_AS",
  "chat lounge": "wirepost chat: Missing --as NAME: who you are; or set WIREPOST_AS",
  "chat a\tb --as Alice":
    "wirepost chat: Cannot use 'a\tb' as a channel: expected 1 to 64 bytes, no white space, no control character",
  "chat Alice 127.0.0.1 55555 --as Bob": "wirepost chat: --as and NAME HOST PORT exclude each other",
  "chat Alice 127.0.0.1 55555 --server h": "wirepost chat: --server and HOST PORT exclude each other",
  "chat Alice 127.0.0.1": "wirepost chat: Missing PORT: the port of the server",
  "chat Alice 127.0.0.1 55555 x": "wirepost chat: Unexpected argument 'x'",
  "chat Alice 127.0.0.1 0": "wirepost chat: Cannot read port '0': expected a number from 1 to 65535",
  "room 127.0.0.1": "wirepost room: Missing PORT: the port of the server",
  "room 127.0.0.1 6000 --password-file f": "wirepost room: --password-file needs --as NAME",
  "room 127.0.0.1 65536": "wirepost room: Cannot read port '65536': expected a number from 1 to 65535",
  "room 127.0.0.1 6000 --linger 3":
    "wirepost room: Cannot read --linger '3': expected a duration such as 30s",
  "forum": "wirepost forum: Missing --as NAME: who you are; or set WIREPOST_AS",
  "forum LST": "wirepost forum: Missing --as NAME: who you are; or set WIREPOST_AS",
  "forum 127.0.0.1 10005 LST": "wirepost forum: Missing --as NAME: who you are; or set WIREPOST_AS",
  "forum RDT --as al": "wirepost forum: Incorrect syntax for RDT",
  "forum LST --as al --user bo": "wirepost forum: --as and --user exclude each other",
  "forum 127.0.0.1 10005 --new": "wirepost forum: --new needs --as NAME",
  "forum 127.0.0.1 10005 --user a/b":
    "wirepost forum: Cannot use 'a/b' as a name: expected 1 to 64 of A-Z a-z 0-9 !@#$%.?,_-",
  "account": "wirepost account: Missing add, set-password, list, confirm, role, token, remove or import",
  "account sing": "wirepost account: Unknown command 'sing'",
  "account add": "wirepost account: Missing NAME",
  "account add a/b": "wirepost account: Cannot use 'a/b' as a name",
  "admin": "wirepost admin: Missing COMMAND",
  "admin count a,b": "wirepost admin: Cannot use 'a,b': it has a comma",
  "bench": "wirepost bench: Missing what to measure: mailbox",
  "bench mailbox --count x": "wirepost bench: Cannot read --count 'x': expected a number from 1 to 10000000",
  "bench mailbox --size 7": "wirepost bench: Cannot read --size '7': expected a number from 8 to 65000",
  "bench mailbox --basic --sessions 2": "wirepost bench: --basic and --sessions exclude each other",
};

Deno.test("a wrong command line is answered with what is wrong, where the help is, and exit code 2", async () => {
  for (const [line, error] of Object.entries(WRONG)) {
    const known = error.slice(0, error.indexOf(":")), args = line.split(" ");
    assertEquals(known, Object.hasOwn(COMMANDS, args[0]!) ? `wirepost ${args[0]}` : "wirepost");
    // in this process: it is refused before anything is done
    const { message } = await assertRejects(() => runCommandLine(PROGRAM, args), UsageError);
    assertEquals([line, `${known}: ${message}`], [line, error]);
  }
  for (const line of ["sing", "receive bob --count 0"]) {
    const error = WRONG[line]!, known = error.slice(0, error.indexOf(":"));
    const answer = { code: 2, out: "", err: `${error}\nSee '${known} --help'\n` };
    assertEquals(await wirepost(line.split(" ")), answer);
  }
});

Deno.test("a process of its own has the same exit codes and streams", async () => {
  for (
    const line of [["sing"], ["serve", "sing"], ["send", "--help"], ["admin", "status", "--data", "/nowhere"]]
  ) {
    assertEquals(await runCommand([...FROM_SOURCE, ...line]), await wirepost(line));
  }
});

Deno.test("errors are in colour on a terminal alone, and not with NO_COLOR", async () => {
  for (const env of [{}, { NO_COLOR: "1" }, { FORCE_COLOR: "1" }]) {
    const { err } = await runCommand([...FROM_SOURCE, "sing"], { env });
    assertEquals(err.includes("\x1b"), false, err);
  }
  if (await lacks("tmux")) return;
  const command = FROM_SOURCE.map((word) => `'${word}'`).join(" ");
  await using terminal = await Terminal.open(
    `unset NO_COLOR; ${command} sing; NO_COLOR=1 ${command} dance; read wait`,
  );
  await terminal.shows("Unknown command 'dance'");
  assertStringIncludes(terminal.written, "\x1b[31mwirepost:\x1b[39m Unknown command 'sing'");
  assertMatch(terminal.written, /(?<!m)wirepost: Unknown command 'dance'/);
});
