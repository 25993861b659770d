/**
 * Users of a forum that give commands at random, and what the forum has to hold after their answers.
 *
 * Nobody knows in which order the server carried out commands that several users gave at the same time, and so which
 * message a number meant just then. But only their author changes messages, so after each command a user reads what
 * became of them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Forum, ForumEntry } from "../../../client/forum.ts";
import { RefusedError } from "../../../client/session/errors.ts";
import { Random } from "../../simulation/random.ts";

/** A message or a file of one user, and when its command was given and answered, in ticks. */
interface Post {
  title: string;
  text: string;
  asked: number;
  answered: number;
}

/** A user's thread until its removal: the user's posts in it, and when its command was given and answered. */
interface Reign {
  asked: number;
  answered: number;
  posts: Post[];
}

/** How an entry is compared: its text, or its file. */
const whatOf = (entry: ForumEntry): string => "file" in entry ? `file ${entry.file}` : entry.text;

/** Content of a file: it follows from the name. */
export function contentOf(file: string): Uint8Array<ArrayBuffer> {
  const random = new Random(file.length);
  const size = file.endsWith("4") ? 0 : random.between(1, 100_000);
  return new TextEncoder().encode(`${file} `.repeat(size / file.length + 1).slice(0, size));
}

export class ForumModel {
  /** Threads that stay, and titles of threads that come and go. */
  readonly steady: readonly string[];
  readonly passing: readonly string[];
  readonly users: ForumUser[] = [];
  /** Everything that anybody tried to post. */
  readonly known = new Set<string>();
  /** Commands that were answered, by kind and outcome. */
  readonly answered = new Map<string, number>();
  commands = 0;
  /** Commands that have no answer yet. */
  open = 0;
  /** Called after each answer. */
  onAnswer = () => {};
  #ticks = 0;

  /** @param hasFiles Whether files are uploaded and downloaded too. */
  constructor(steady: number, passing: number, readonly hasFiles = true) {
    this.steady = Array.from({ length: steady }, (_, i) => `steady-${i}`);
    this.passing = Array.from({ length: passing }, (_, i) => `passing-${i}`);
  }

  tick(): number {
    return this.#ticks++;
  }

  /** Carries a command out. Gives `ok`, or the reason for which it was refused. */
  async attempt(kind: string, command: () => Promise<unknown>): Promise<string> {
    let outcome = "ok";
    this.open++;
    try {
      await command();
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      outcome = error.reason;
    } finally {
      this.open--;
    }
    const name = `${kind} ${outcome}`;
    this.answered.set(name, (this.answered.get(name) ?? 0) + 1);
    this.commands++;
    this.onAnswer();
    return outcome;
  }

  /** Makes the threads that stay. */
  async found(founder: Forum) {
    for (const title of this.steady) await founder.create(title);
  }

  /** Checks that the forum holds what it has to, once no command is open. */
  async check(forum: Forum) {
    const reigning = this.passing.filter((title) => this.#reignOf(title) !== undefined);
    const titles = await Array.fromAsync(forum.threads());
    assertEquals(titles.slice(0, this.steady.length), this.steady);
    assertEquals(titles.slice(this.steady.length).toSorted(), reigning);
    for (const title of this.steady) await this.#checkSteady(forum, title);
    for (const title of reigning) await this.#checkPassing(forum, title);
  }

  #reignOf(title: string): { owner: ForumUser; reign: Reign } | undefined {
    const owners = this.users.filter(({ reigns }) => reigns.has(title));
    assert(owners.length <= 1, `${title} belongs to ${owners.map(({ name }) => name)}`);
    const [owner] = owners;
    return owner === undefined ? undefined : { owner, reign: owner.reigns.get(title)! };
  }

  async #read(forum: Forum, title: string): Promise<Map<string, string[]>> {
    const entries = await Array.fromAsync(forum.read(title));
    const numbers = entries.flatMap((entry) => "file" in entry ? [] : [entry.number]);
    assertEquals(numbers, numbers.map((_, i) => i + 1), `numbers in ${title}`);
    const there = Map.groupBy(entries, ({ user }) => user);
    return new Map([...there].map(([user, entries]) => [user, entries.map(whatOf)]));
  }

  async #checkSteady(forum: Forum, title: string) {
    const there = await this.#read(forum, title);
    for (const user of this.users) {
      const posts = user.posts.get(title) ?? [];
      assertEquals(there.get(user.name) ?? [], posts.map(({ text }) => text), `${user.name} in ${title}`);
      there.delete(user.name);
    }
    assertEquals([...there.keys()], [], `somebody else in ${title}`);
    await this.#checkOrder(forum, title);
  }

  /** A post that was answered before another was asked for is in front of it. */
  async #checkOrder(forum: Forum, title: string) {
    const posts = new Map(
      this.users.flatMap(({ posts }) => posts.get(title) ?? []).map((post) => [post.text, post]),
    );
    let latest = -1;
    for await (const entry of forum.read(title)) {
      const { asked, answered } = posts.get(whatOf(entry))!;
      assert(answered >= latest, `'${whatOf(entry)}' stands too late in ${title}`);
      latest = Math.max(latest, asked);
    }
  }

  async #checkPassing(forum: Forum, title: string) {
    const there = await this.#read(forum, title), { owner, reign } = this.#reignOf(title)!;
    assertEquals(there.get(owner.name) ?? [], reign.posts.map(({ text }) => text), `its owner's in ${title}`);
    for (const user of this.users) {
      if (user === owner) continue;
      const texts = there.get(user.name) ?? [], guests = user.guests.filter((post) => post.title === title);
      // one that was answered while an earlier thread of this title may have been there can be in either
      for (const { text, asked, answered } of guests) {
        if (asked > reign.answered) assert(texts.includes(text), `'${text}' is not in ${title}`);
        if (answered < reign.asked) assert(!texts.includes(text), `'${text}' came back in ${title}`);
      }
      const known = guests.map(({ text }) => text);
      assertEquals(texts, known.filter((text) => texts.includes(text)), `${user.name} in ${title}`);
    }
  }
}

export class ForumUser {
  readonly name: string;
  readonly #model: ForumModel;
  readonly #forum: Forum;
  readonly #random: Random;
  /** Directory of its files and downloads. */
  readonly #directory: string;
  /** Its posts in threads that stay; its own threads; and its posts in those of others. */
  readonly posts = new Map<string, Post[]>();
  readonly reigns = new Map<string, Reign>();
  readonly guests: Post[] = [];
  /** Numbers of its messages, and all files, of each thread when it last read it. */
  readonly #numbers = new Map<string, number[]>();
  readonly #files = new Map<string, string[]>();
  #count = 0;
  #uploads = 0;

  constructor(model: ForumModel, forum: Forum, name: string, seed: number, directory: string) {
    this.#model = model;
    this.#forum = forum;
    this.name = name;
    this.#random = new Random(seed);
    this.#directory = directory;
    model.users.push(this);
  }

  /** Gives one command after the other while `goesOn`. */
  async work(goesOn: () => boolean) {
    while (goesOn()) await this.#command();
  }

  async #command() {
    const steady = this.#one(this.#model.steady), passing = this.#one(this.#model.passing);
    const reigning = [...this.reigns.keys()];
    const own = reigning.length > 0 && this.#random.chance(0.3) ? this.#one(reigning) : steady;
    const kind = this.#random.between(0, this.#model.hasFiles ? 99 : 93);
    if (kind < 24) return await this.#post(own);
    if (kind < 30) return await this.#visit(passing);
    if (kind < 50) return await this.#delete(own);
    if (kind < 66) return await this.#edit(own);
    if (kind < 74) return await this.#look(own);
    if (kind < 80) return await this.#list();
    if (kind < 87) return await this.#create(this.#random.chance(0.9) ? passing : steady);
    if (kind < 94) {
      const chosen = reigning.length > 0 && this.#random.chance(0.5) ? this.#one(reigning) : passing;
      return await this.#remove(this.#random.chance(0.9) ? chosen : steady);
    }
    if (kind < 96) return await this.#upload(steady);
    return await this.#download(steady);
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#random.between(0, of.length - 1)]!;
  }

  /** Its posts in a thread that nobody else can remove. */
  #mine(title: string): Post[] {
    const reign = this.reigns.get(title);
    if (reign !== undefined) return reign.posts;
    let posts = this.posts.get(title);
    if (posts === undefined) this.posts.set(title, posts = []);
    return posts;
  }

  #ask(title: string, text: string): Post {
    this.#model.known.add(`${title} ${text}`);
    return { title, text, asked: this.#model.tick(), answered: Infinity };
  }

  #text(): string {
    const long = this.#random.chance(0.02) ? this.#random.between(1000, 5000) : this.#random.between(0, 60);
    return `${this.name} ${this.#count++} ${"✓".repeat(long)}`;
  }

  /** One or several at once: they are carried out in this order. */
  async #post(title: string) {
    const count = this.#random.chance(0.2) ? this.#random.between(2, 5) : 1;
    await Promise.all(Array.from({ length: count }, async () => {
      const post = this.#ask(title, this.#text());
      this.#mine(title).push(post);
      assertEquals(await this.#model.attempt("MSG", () => this.#forum.post(title, post.text)), "ok");
      post.answered = this.#model.tick();
    }));
  }

  async #visit(title: string) {
    if (this.reigns.has(title)) return await this.#post(title);
    const post = this.#ask(title, this.#text());
    const outcome = await this.#model.attempt("MSG", () => this.#forum.post(title, post.text));
    post.answered = this.#model.tick();
    if (outcome === "ok") this.guests.push(post);
    else assertEquals(outcome, "no thread");
  }

  /** A number that one of its messages had, or any. */
  #number(title: string): number {
    const numbers = this.#numbers.get(title) ?? [];
    return numbers.length > 0 && this.#random.chance(0.8)
      ? this.#one(numbers)
      : this.#random.between(0, 2 * numbers.length + 5);
  }

  /** Reads a thread. Gives its own posts. */
  async #read(title: string): Promise<string[]> {
    const entries: ForumEntry[] = [];
    const outcome = await this.#model.attempt("RDT", async () => {
      for await (const entry of this.#forum.read(title)) entries.push(entry);
    });
    assertEquals(outcome, "ok");
    const seen = new Set<string>();
    for (const entry of entries) {
      const what = whatOf(entry), id = `${title} ${what}`;
      assert(!seen.has(id), `'${what}' was read twice`);
      seen.add(id);
      assert(this.#model.known.has(id), `nobody has posted '${what}' to ${title}`);
      assertEquals(what.replace(/^file /, "").split(/[ -]/)[0], entry.user);
    }
    const mine = entries.filter(({ user }) => user === this.name);
    this.#numbers.set(title, mine.flatMap((entry) => "file" in entry ? [] : [entry.number]));
    this.#files.set(title, entries.flatMap((entry) => "file" in entry ? [entry.file] : []));
    return mine.map(whatOf);
  }

  async #look(title: string) {
    assertEquals(await this.#read(title), this.#mine(title).map(({ text }) => text));
  }

  async #delete(title: string) {
    const number = this.#number(title), mine = this.#mine(title);
    const outcome = await this.#model.attempt("DLT", () => this.#forum.delete(title, number));
    const texts = await this.#read(title);
    if (outcome === "ok") {
      // exactly one is gone, and no file
      const [gone] = mine.splice(firstDifference(mine, texts), 1);
      assert(gone !== undefined && !gone.text.startsWith("file "), `DLT ${title} ${number} deleted nothing`);
    } else assert(["another's", "no message"].includes(outcome), outcome);
    assertEquals(texts, mine.map(({ text }) => text));
  }

  async #edit(title: string) {
    const number = this.#number(title), mine = this.#mine(title), text = this.#text();
    this.#model.known.add(`${title} ${text}`);
    const outcome = await this.#model.attempt("EDT", () => this.#forum.edit(title, number, text));
    const texts = await this.#read(title);
    if (outcome === "ok") {
      const changed = mine[firstDifference(mine, texts)];
      assert(
        changed !== undefined && !changed.text.startsWith("file "),
        `EDT ${title} ${number} changed nothing`,
      );
      changed.text = text;
    } else assert(["another's", "no message"].includes(outcome), outcome);
    assertEquals(texts, mine.map(({ text }) => text));
  }

  async #list() {
    const titles: string[] = [];
    await this.#model.attempt("LST", async () => {
      for await (const title of this.#forum.threads()) titles.push(title);
    });
    assertEquals(new Set(titles).size, titles.length, "a title was listed twice");
    assertEquals(titles.slice(0, this.#model.steady.length), this.#model.steady);
    for (const title of this.reigns.keys()) assert(titles.includes(title), `${title} is not listed`);
  }

  async #create(title: string) {
    const asked = this.#model.tick();
    const outcome = await this.#model.attempt("CRT", () => this.#forum.create(title));
    const cannot = this.reigns.has(title) || this.#model.steady.includes(title);
    if (outcome === "ok") {
      assert(!cannot, `${title} was made twice`);
      this.#numbers.delete(title);
      this.reigns.set(title, { asked, answered: this.#model.tick(), posts: [] });
    } else assertEquals(outcome, "exists");
  }

  async #remove(title: string) {
    const outcome = await this.#model.attempt("RMV", () => this.#forum.remove(title));
    if (this.#model.steady.includes(title)) assertEquals(outcome, "another's");
    else if (this.reigns.has(title)) assertEquals(outcome, "ok");
    else assert(["another's", "no thread"].includes(outcome), `RMV ${title}: ${outcome}`);
    this.reigns.delete(title);
  }

  async #upload(title: string) {
    const isNew = this.#uploads < 5, file = `${this.name}-${isNew ? this.#uploads++ : 0}`;
    const path = `${this.#directory}/${file}`, mine = this.#mine(title);
    await Deno.writeFile(path, contentOf(file));
    const post = this.#ask(title, `file ${file}`);
    const outcome = await this.#model.attempt("UPD", () => this.#forum.upload(title, file, path));
    post.answered = this.#model.tick();
    const isThere = mine.some(({ text }) => text === post.text);
    assertEquals(outcome, isThere ? "file exists" : "ok");
    if (!isThere) mine.push(post);
  }

  async #download(title: string) {
    const files = this.#files.get(title) ?? [];
    const file = files.length > 0 && this.#random.chance(0.9) ? this.#one(files) : "none";
    const path = `${this.#directory}/download`;
    const outcome = await this.#model.attempt(
      "DWN",
      () => this.#forum.download(title, file, path, { force: true }),
    );
    assertEquals(outcome, file === "none" ? "no file" : "ok");
    if (outcome === "ok") assertEquals(await Deno.readFile(path), contentOf(file));
  }
}

/** The first post that was not read as it should be. */
function firstDifference(posts: readonly Post[], texts: readonly string[]): number {
  const at = posts.findIndex(({ text }, i) => text !== texts[i]);
  return at < 0 ? posts.length : at;
}
