import { dim } from "@std/fmt/colors";
import type { BasicMailbox } from "../basic_mailbox.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Correspondence, messageLine } from "./correspondence.ts";

/** On the original wire: a message comes when it is asked for. */
export class BasicCorrespondence implements Correspondence {
  readonly #mailbox: BasicMailbox;
  readonly #screen: Screen;
  readonly broken: Promise<never> = new Promise(() => {});

  constructor(mailbox: BasicMailbox, screen: Screen) {
    this.#mailbox = mailbox;
    this.#screen = screen;
  }

  async become() {}

  async send(to: string, from: string, text: string) {
    await this.#mailbox.send(to, from, text);
    await this.#mailbox.flush();
  }

  async receive(id: string, what: "next" | "all") {
    for (let count = 0; what === "all" || count < 1; count++) {
      const mail = await this.#mailbox.receive(id);
      if (mail === undefined) {
        if (count === 0) await this.#screen.print(`${dim("no message")}\n`);
        return;
      }
      await this.#screen.print(messageLine(mail.time, mail.sender, mail.message));
    }
  }

  async finish() {}

  async [Symbol.asyncDispose]() {
    await this.#mailbox.close();
  }
}
