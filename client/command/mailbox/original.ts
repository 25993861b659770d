import { dim } from "@std/fmt/colors";
import type { OriginalMailbox } from "../../original_mailbox.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import type { SeenNames } from "./completion.ts";
import { type MailboxWire, messageLine } from "./wire.ts";

/** On the original wire: a message is shown when it is requested. */
export class OriginalMailboxWire implements MailboxWire {
  readonly #mailbox: OriginalMailbox;
  readonly #editor: LineEditor;
  readonly #names: SeenNames;
  readonly broken: Promise<never> = new Promise(() => {});

  /** @param names Gets the senders. */
  constructor(mailbox: OriginalMailbox, editor: LineEditor, names: SeenNames) {
    this.#mailbox = mailbox;
    this.#names = names;
    this.#editor = editor;
  }

  async receiveFor() {}

  async finish() {}

  async send(receiver: string, sender: string, text: string) {
    await this.#mailbox.send(receiver, sender, text);
    await this.#mailbox.flush();
  }

  async receive(id: string, what: "next" | "all") {
    for (let count = 0; what === "all" || count < 1; count++) {
      const message = await this.#mailbox.receive(id);
      if (message === undefined) {
        if (count === 0) await this.#editor.print(`${dim("no message")}\n`);
        return;
      }
      this.#names.add(message.sender);
      await this.#editor.print(messageLine(message));
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#mailbox.close();
  }
}
