/**
 * What a running server takes over of options that are read again: limits, rates, whom it answers, what it logs, and its
 * certificate. What it has opened, and whom it has let in, stays as it was (`AT_START`).
 *
 * Invariant: either all of it is taken over, or nothing: options or a certificate that can't be used change nothing.
 *
 * @module
 */

import { maxTaken } from "../../protocol/mailbox.ts";
import { AT_START, type OptionName } from "../options/options.ts";
import { type ServeOptions, serveOptions } from "../options/serve_options.ts";
import type { ForumService } from "../forum_service.ts";
import type { HttpService } from "../http_service.ts";
import type { HubService } from "../hub_service.ts";
import type { MailboxService } from "../mailbox_service.ts";
import { configurationOf } from "../store/journaled/open.ts";
import type { Shared } from "./shared.ts";
import { logCertificate } from "./tls.ts";

/** Services that take over options. */
export interface Reloadable {
  mailbox?: Pick<MailboxService, "configure">;
  hub?: Pick<HubService, "configure">;
  forum?: Pick<ForumService, "configure">;
  http?: Pick<HttpService, "configure">;
}

/** Options of which the server has parts of its own, since others share the defaults. */
export function ownOptions(options: ServeOptions): ServeOptions {
  return update({}, options);
}

export class Reloading {
  readonly #shared: Shared;
  readonly #services: Reloadable;
  #running: Promise<void> = Promise.resolve();

  constructor(shared: Shared, services: Reloadable) {
    this.#shared = shared;
    this.#services = services;
  }

  /** As `Server.reload`; one at a time. */
  reload(read: () => Promise<ServeOptions>): Promise<void> {
    return this.#running = this.#running.then(() => this.#reload(read));
  }

  async #reload(read: () => Promise<ServeOptions>) {
    const { log, certificate } = this.#shared;
    try {
      await this.#takeOver(await read());
    } catch (error) {
      const kept = certificate === undefined ? "the options" : "the options and the certificate";
      return log.error({ service: "server", what: `${(error as Error).message}; ${kept} stay as they were` });
    }
    if (certificate !== undefined) logCertificate(certificate, log);
  }

  async #takeOver(next: ServeOptions) {
    const { options, certificate } = this.#shared, before = options.values;
    const changed = (Object.keys(before) as OptionName[]).filter((name) =>
      !isSame(before[name], next.values[name])
    );
    const later = changed.filter((name) => this.#needsRestart(name, next));
    const kept = Object.fromEntries(later.map((name) => [name, before[name]]));
    const wanted = changed.length === 0 ? options : serveOptions({ ...next.values, ...kept }, options.given);
    // what may fail comes first
    const takeCertificate = await certificate?.read(wanted.tls);
    if (wanted !== options) {
      await this.#configureStore(wanted);
      update(options, wanted);
      this.#configure(changed);
    }
    takeCertificate?.();
    this.#report(changed, later);
  }

  /** Logs which options hold from now on, and which need a restart. */
  #report(changed: readonly OptionName[], later: readonly OptionName[]) {
    const { log } = this.#shared;
    if (changed.length === 0) {
      return log.info({ service: "server", what: "options were read again, and are as they were" });
    }
    const taken = changed.filter((name) => !later.includes(name));
    const names = (options: readonly OptionName[]) => options.map((name) => `--${name}`).join(", ");
    if (taken.length > 0) {
      log.info({ service: "server", what: `options that hold from now on: ${names(taken)}` });
    }
    if (later.length > 0) {
      log.warn({ service: "server", what: `options that need a restart: ${names(later)}` });
    }
  }

  /** Without a certificate no port was made for TLS. */
  #needsRestart(name: OptionName, next: ServeOptions): boolean {
    const isCertificate = name === "tls-cert" || name === "tls-key";
    return AT_START.includes(name) ||
      isCertificate && (this.#shared.options.tls === undefined || next.tls === undefined);
  }

  /** The limits of the store are in its records. One that an administrator has set stays, unless its option changes. */
  async #configureStore(wanted: ServeOptions) {
    const { options, store } = this.#shared;
    const { limits, forumLimits: { threads } } = wanted;
    if (isSame(limits, options.limits) && isSame(threads, options.forumLimits.threads)) return;
    const mailboxMessages = limits.mailboxMessages === options.limits.mailboxMessages
      ? (await store.ask({ kind: "fullest" })).mailbox.messagesMax
      : limits.mailboxMessages;
    const configuration = configurationOf({
      limits: { ...limits, mailboxMessages },
      forumLimits: threads,
      takeBytesMax: maxTaken(options.maxDatagramBytes),
    });
    await store.ask({ kind: "configure", ...configuration });
  }

  /** Services that have a part of the options by reference have it already. */
  #configure(changed: readonly OptionName[]) {
    const { options, log, accounts, creations } = this.#shared;
    const { mailbox, hub, forum, http } = this.#services;
    if (changed.includes("log-level")) log.level = options.logLevel;
    accounts.open = options.openAccounts;
    creations.configure(options.creationsPerSecond);
    mailbox?.configure(options);
    hub?.configure();
    forum?.configure(options);
    http?.configure(options);
  }
}

/** Whether both mean the same. An undefined field is one that is not there. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Gives an object the fields of another; objects within it stay the same ones. */
function update<T extends object>(target: object, source: T): T {
  const fields = target as Record<string, unknown>;
  for (const [name, value] of Object.entries(source)) {
    const isPart = typeof value === "object" && value !== null &&
      Object.getPrototypeOf(value) === Object.prototype;
    fields[name] = isPart ? update(fields[name] ?? {}, value) : value;
  }
  return target as T;
}
