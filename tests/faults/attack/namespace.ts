/**
 * A network namespace of Linux: a network that only its own processes have. All of 10.0.0.0/8 is its own, so that whoever
 * attacks there can have any of these addresses.
 *
 * @module
 */

import { runCommand } from "../../program.ts";
import { report } from "../form.ts";
import { Program } from "./run.ts";

const BEGIN = 'ip link set lo up && ip route add local 10.0.0.0/8 dev lo && echo ready && exec "$0"';

/** With the user's own rights, and without them: as the administrator of a namespace of users. */
const WAYS = [
  { unshare: ["--net"], nsenter: ["--net"] },
  { unshare: ["--map-root-user", "--net"], nsenter: ["--user", "--preserve-credentials", "--net"] },
];

export class Namespace implements AsyncDisposable {
  /** The server's address there, which is none of this machine's own as the server sees it. */
  readonly address = "10.1.0.1";
  /** What runs a program in it. */
  readonly enter: readonly string[];
  /** It lives as long as this. */
  readonly #holder: Program;

  private constructor(holder: Program, enter: readonly string[]) {
    this.#holder = holder;
    this.enter = enter;
  }

  /** Undefined, with a line that says so, where the system allows none. */
  static async begin(): Promise<Namespace | undefined> {
    for (const { unshare, nsenter } of WAYS) {
      const command = ["unshare", ...unshare, "sh", "-c", BEGIN];
      const code = await runCommand([...command, "true"]).then(({ code }) => code, () => 127);
      if (code !== 0) continue;
      const holder = new Program([...command, "cat"]);
      await holder.next("ready");
      return new Namespace(holder, ["nsenter", "--target", `${holder.pid}`, ...nsenter, "--"]);
    }
    report("skipped: attacks from other addresses, which need a network namespace (unshare, nsenter, ip)");
  }

  async [Symbol.asyncDispose]() {
    await this.#holder[Symbol.asyncDispose]();
  }
}
