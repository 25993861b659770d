import { UsageError } from "./command.ts";
import { didYouMean } from "./nearest.ts";

/** What `wirepost help TOPIC` explains, beside the commands. The text of each is in a file of its name in `topics/`. */
export const TOPICS = {
  delivery: "What becomes of a message: when it is safe, when it comes again, and when it is a dead letter",
  network: "How other machines reach a server",
  security: "Accounts, the seal, and what is not protected",
  limits: "How much a server keeps, and what happens beyond that",
  classroom: "A server for a class: start it, watch it, calm it, begin anew",
  service: "A server that runs all the time: options, systemd, reload, upgrade",
  files: "Where everything lies on the disk, and how to copy it",
  cookbook: "What people do with it, command by command",
  scripting: "Exit codes, JSON, a command for each message",
  wires: "The four wires, for programs with nothing but a socket",
} as const;

/**
 * The text of a topic.
 *
 * @param hintAt What to say of a name that is neither, if it is known otherwise.
 * @throws {UsageError} There is no such topic, and no such command.
 */
export async function topicText(
  topic: string,
  commands: readonly string[],
  hintAt: () => Promise<string | undefined> = () => Promise.resolve(undefined),
): Promise<string> {
  const topics = Object.keys(TOPICS);
  if (!topics.includes(topic)) {
    const hint = await hintAt() ?? (didYouMean(topic, [...commands, ...topics]) ||
      `: the topics are ${topics.join(", ")}`);
    throw new UsageError(`No command and no topic is called '${topic}'${hint}`);
  }
  return await Deno.readTextFile(new URL(`topics/${topic}.txt`, import.meta.url));
}
