/**
 * `wirepost serve`. The server's code comes from `main.ts`; this file reads its options, prints its help, and ends it on a
 * signal.
 *
 * @module
 */

import { report, write, writeError } from "../../terminal/output.ts";
import { readOptionsFile, SYSTEM_FILE } from "./options_file.ts";
import { readyLines, readyObjects, type ReadyReport, readyTable } from "./ready_table.ts";
import { didYouMean } from "../nearest.ts";
import { Arguments, type Command, type Option, UsageError } from "../command.ts";

/** An option as the server declares it. */
interface ServeOption {
  readonly kind: "flag" | "text" | "texts" | "word" | "count" | "size" | "duration";
  readonly value?: string;
  readonly help: string;
  /** What the help says after the default. */
  readonly note?: string;
  /** Its value if it is not given. */
  readonly default: unknown;
  /** Bounds of a number, inclusive. */
  readonly min?: number;
  readonly max?: number;
  readonly words?: readonly string[];
  /** Throws an error if a text can't be used. */
  readonly check?: (text: string) => void;
}

/** A server that runs. */
interface RunningServer<Options> {
  /** Resolves when an administrator stops it; rejects when it can't go on. */
  readonly stopping: Promise<void>;
  /** Takes over what may change while it runs; what `read` throws is logged, and changes nothing. */
  reload(read: () => Promise<Options>): Promise<void>;
  /** Ends it, and returns whether all that it accepted is finished. `failure` is why it can't go on. */
  end(failure?: Error): Promise<boolean>;
}

/** Where a server writes to. */
interface ServerOutput {
  ready(report: ReadyReport): Promise<void>;
  /** Whether a person sees that: then it does not stand in the log. */
  isReadyShown: boolean;
  log(bytes: Uint8Array): Promise<void>;
  /** Takes the lines of an original's console, which otherwise stand in the log. */
  console?(bytes: Uint8Array): Promise<void>;
}

/** Services whose originals wrote to their console: one of them alone writes just that to standard output. */
const CONSOLE_SERVICES: readonly string[] = ["mailbox", "room", "forum"];

/** The server's code. `Values` has a value for each option. */
interface ServerCode<Values, Options> {
  readonly OPTIONS: { readonly [Name in keyof Values]: ServeOption };
  /** The options that `--classroom` stands for. */
  readonly CLASSROOM: readonly string[];
  /** Options that a running server does not take over. */
  readonly AT_START: readonly string[];
  /** Pairs of options that exclude each other. */
  readonly EXCLUSIVE: readonly (readonly [string, string])[];
  readonly SERVICE_PORTS: Readonly<Record<string, number>>;
  /**
   * @param ports Of the services that were named.
   * @throws {Error} A value can't be used.
   */
  serveOptions(values: Values, ports: Readonly<Record<string, number>>): Options;
  serve(options: Options, output: ServerOutput): Promise<RunningServer<Options>>;
}

/** The command, with the server's code that it runs. */
export function serveCommand<Values, Options>(code: ServerCode<Values, Options>): Command {
  return {
    name: "serve",
    summary: "Run the server",
    usage: ["[SERVICE [PORT]]… [OPTION…]"],
    words: {
      heading: "Services, and their ports; if none is named, all of them run:",
      list: [
        {
          name: "mailbox",
          help: "keeps messages until their receivers ask for them (UDP 21001), and answers HTTP (TCP 21001)",
        },
        { name: "channels", help: "passes messages on in channels, in frames of 200 bytes (TCP 55555)" },
        { name: "room", help: "passes lines on to all others who are connected (TCP 6000)" },
        {
          name: "forum",
          help: "keeps threads of messages and files, for users with accounts (UDP and TCP 10005)",
        },
      ],
    },
    about: [
      "On a terminal it shows where the services are, and how to try them. Otherwise it prints a line for each address.\n" +
      "Port 0 takes a free port. It logs to standard error. If mailbox, room or forum is named alone, standard output has\n" +
      "just what the original's console showed, and standard error the rest.",
      `Options may also stand in a file, one a line as on the command line: ${SYSTEM_FILE} if it is there, or the one that\n` +
      "--config names. The command line counts more. SIGHUP has a running server read it and the certificate again; it logs\n" +
      "what has changed, and what needs a restart.",
      "Clients drop an answer that comes from another address than the one they asked. If this machine has several on\n" +
      "one network, name those that are used with --host, not 0.0.0.0.",
      "Without --memory, everything that was acknowledged is on disk. Ends on SIGINT, SIGTERM and 'wirepost admin stop'.",
    ],
    options: {
      ...Object.fromEntries(
        Object.entries<ServeOption>(code.OPTIONS).map(([name, option]) => [name, withDefault(option)]),
      ),
      config: { value: "FILE", help: `Read more options from this file (${SYSTEM_FILE}, if it is there)` },
    },
    examples: [
      "wirepost serve",
      "wirepost serve channels 55555",
      "wirepost serve --classroom --host 0.0.0.0",
      "wirepost serve mailbox 21001 --host 0.0.0.0 --data /var/lib/wirepost",
    ],
    run: (args) => run(args, code),
  };
}

async function run<Values, Options>(args: Arguments, code: ServerCode<Values, Options>): Promise<number> {
  const { words, dataCode } = args, command = serveCommand(code);
  const { ports, hasFile, options } = await readOptions(args, code);
  // before a ready line: a signal that comes after it has to end the server cleanly
  const signalled = Promise.withResolvers<void>();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, signalled.resolve);
  const started = Promise.withResolvers<RunningServer<Options>>();
  const reload = async () => {
    const server = await started.promise;
    await server.reload(async () =>
      (await readOptions(new Arguments(command, words, dataCode), code, true)).options
    );
  };
  // a terminal that closes ends a server that has nothing to read again
  const isReloadable = Deno.build.os !== "windows" &&
    (hasFile || args.flag("tls-cert") || !Deno.stdin.isTerminal());
  if (isReloadable) Deno.addSignalListener("SIGHUP", reload);
  const server = await code.serve(options, outputFor(args, Object.keys(ports)));
  started.resolve(server);
  const failure = await Promise.race([signalled.promise, server.stopping])
    .then(() => undefined, (error: Error) => error);
  for (const signal of signals) Deno.removeSignalListener(signal, signalled.resolve);
  if (isReloadable) Deno.removeSignalListener("SIGHUP", reload);
  return await server.end(failure) ? 0 : 1;
}

/**
 * What the command line and the options file come to, which is read here.
 *
 * @param isAgain Whether a server runs with them already: then nothing is printed about them.
 * @throws {UsageError} They can't be used.
 */
async function readOptions<Values, Options>(
  args: Arguments,
  code: ServerCode<Values, Options>,
  isAgain = false,
): Promise<{ ports: Record<string, number>; hasFile: boolean; options: Options }> {
  const ports = servicePorts(args.positionals, code.SERVICE_PORTS);
  const check = (line: Arguments) => {
    for (const [name, option] of Object.entries<ServeOption>(code.OPTIONS)) valueOf(line, name, option);
  };
  const hasFile = await readOptionsFile(args, serveCommand(code), code.EXCLUSIVE, check);
  for (const [one, other] of code.EXCLUSIVE) args.exclude(one, other);
  const preset = args.flag("classroom") ? classroomOf(args, code) : undefined;
  const values = Object.fromEntries(
    Object.entries<ServeOption>(code.OPTIONS).map(([name, option]) => {
      const isPreset = preset !== undefined && !args.flag(name) && preset.flag(name);
      return [name, valueOf(isPreset ? preset : args, name, option)];
    }),
  ) as Values;
  if (!isAgain) await reportOptions(args, preset, code);
  try {
    return { ports, hasFile, options: code.serveOptions(values, ports) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Prints what a start should know of its options. */
async function reportOptions<Values, Options>(
  args: Arguments,
  preset: Arguments | undefined,
  code: ServerCode<Values, Options>,
) {
  if (preset !== undefined) await reportPreset(args, preset, code);
  if (args.flag("memory") || preset?.flag("memory")) return;
  const notice = await args.dataCode.earlierDirectoryNotice(args.text("data"));
  if (notice !== undefined) await report("serve", notice);
}

/** The options that `--classroom` stands for, without those that an option that is given excludes. */
function classroomOf<Values, Options>(args: Arguments, code: ServerCode<Values, Options>): Arguments {
  const excluded = code.EXCLUSIVE.flatMap(([one, other]) => [
    ...args.flag(one) ? [`--${other}`] : [],
    ...args.flag(other) ? [`--${one}`] : [],
  ]);
  const words = code.CLASSROOM.filter((word) => !excluded.includes(word));
  return new Arguments(serveCommand(code), words, args.dataCode);
}

/** Says which options `--classroom` sets here. */
async function reportPreset<Values, Options>(
  args: Arguments,
  preset: Arguments,
  code: ServerCode<Values, Options>,
) {
  const set = Object.keys(code.OPTIONS).filter((name) => preset.flag(name) && !args.flag(name));
  const words = set.flatMap((name) => preset.texts(name).map((text) => `--${name}${text && ` ${text}`}`));
  await report("serve", `--classroom is ${words.join(" ")}`);
}

/** Where the server writes to: an original's console has standard output for itself. */
function outputFor(args: Arguments, named: readonly string[]): ServerOutput {
  const hasConsole = named.length === 1 && CONSOLE_SERVICES.includes(named[0]!);
  const isTerminal = (hasConsole ? Deno.stderr : Deno.stdout).isTerminal(),
    print = hasConsole ? writeError : write;
  const describe = isTerminal
    ? (report: ReadyReport) => readyTable(report, args)
    : hasConsole && args.text("log") === "json"
    ? readyObjects
    : readyLines;
  return {
    ready: (report) => print(describe(report)),
    isReadyShown: isTerminal && Deno.stderr.isTerminal(),
    log: writeError,
    ...hasConsole ? { console: write } : {},
  };
}

/** An option for the help, which ends with the default. */
function withDefault({ kind, value, help, note = "", default: fallback }: ServeOption): Option {
  const shown = kind === "size"
    ? sizeText(fallback as number | undefined)
    : kind === "duration"
    ? `${fallback as number / 1000}s`
    : fallback;
  return {
    ...value === undefined ? {} : { value },
    ...kind === "texts" ? { many: true } : {},
    help: typeof shown === "string" || typeof shown === "number" ? `${help} (${shown}${note})` : help,
  };
}

/** `256MiB`; a number of bytes if it is no whole number of these units. */
function sizeText(bytes: number | undefined): string | undefined {
  if (bytes === undefined || bytes < 1024 ** 2) return bytes?.toString();
  const [unit, name] = bytes % 1024 ** 3 === 0 ? [1024 ** 3, "GiB"] as const : [1024 ** 2, "MiB"] as const;
  return bytes % unit === 0 ? `${bytes / unit}${name}` : `${bytes}`;
}

function valueOf(args: Arguments, name: string, option: ServeOption): unknown {
  const { kind, words = [], min = 1, max = Infinity, default: fallback } = option;
  switch (kind) {
    case "flag":
      return args.flag(name);
    case "text":
      return args.text(name);
    case "texts":
      return checked(args.texts(name), option);
    case "word":
      return args.word(name, words, fallback as string);
    case "count":
      return args.integer(name, min, option.max) ?? fallback;
    case "duration":
      return args.duration(name) ?? fallback;
    case "size": {
      // with an upper bound the message names both
      const bytes = args.size(name, max === Infinity ? min : 1);
      if (bytes === undefined || bytes >= min && bytes <= max) return bytes ?? fallback;
      const expected = min > 1 ? `${sizeText(min)} to ${sizeText(max)}` : `at most ${sizeText(max)}`;
      throw new UsageError(`Cannot use --${name} ${bytes}: expected ${expected}`);
    }
  }
}

/** @throws {UsageError} One of the texts can't be used. */
function checked(texts: readonly string[], { check }: ServeOption): readonly string[] {
  try {
    for (const text of texts) check?.(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return texts;
}

/** The ports of `[SERVICE [PORT]]…`. */
function servicePorts(words: readonly string[], standard: Readonly<Record<string, number>>) {
  const names = Object.keys(standard);
  const ports: Record<string, number> = {};
  for (let i = 0; i < words.length; i++) {
    const name = words[i]!, next = words[i + 1];
    if (/^\d+$/.test(name)) {
      const meant = names.find((service) => `${standard[service]}` === name);
      const hint = meant === undefined
        ? "a port comes after its service, as in 'wirepost serve mailbox 0'"
        : `did you mean 'wirepost serve ${meant} ${name}'?`;
      throw new UsageError(`Unexpected argument '${name}': ${hint}`);
    }
    if (!names.includes(name)) {
      const hint = didYouMean(name, names) ||
        `: expected ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
      throw new UsageError(`Unknown service '${name}'${hint}`);
    }
    if (ports[name] !== undefined) throw new UsageError(`Service '${name}' is given more than once`);
    ports[name] = standard[name]!;
    if (next === undefined || names.includes(next)) continue;
    if (!/^\d{1,5}$/.test(next) || Number(next) > 65535) {
      throw new UsageError(`Cannot read port '${next}': expected a number from 0 to 65535`);
    }
    ports[name] = Number(next);
    i++;
  }
  return ports;
}
