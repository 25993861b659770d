/**
 * Keys out of the bytes that a terminal sends.
 *
 * @module
 */

/** What was typed or pasted, or the name of a key that is no text. */
export type Key = { text: string } | { key: KeyName };

export type KeyName =
  | "enter"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "word-left"
  | "word-right"
  | "home"
  | "end"
  | "up"
  | "down"
  | "kill-to-start"
  | "kill-to-end"
  | "kill-space-word"
  | "kill-word-left"
  | "kill-word-right"
  | "yank"
  | "clear"
  | "end-of-input"
  | "interrupt"
  | "suspend";

/** Control characters, by code. TAB is text; those that are not here do nothing. */
const CONTROLS: Readonly<Record<number, KeyName>> = {
  0x01: "home",
  0x02: "left",
  0x03: "interrupt",
  0x04: "end-of-input",
  0x05: "end",
  0x06: "right",
  0x08: "backspace",
  0x0a: "enter",
  0x0b: "kill-to-end",
  0x0c: "clear",
  0x0d: "enter",
  0x0e: "down",
  0x10: "up",
  0x15: "kill-to-start",
  0x17: "kill-space-word",
  0x19: "yank",
  0x1a: "suspend",
  0x7f: "backspace",
};

/** A character behind ESC: Alt and a key. */
const ALTS: Readonly<Record<string, KeyName>> = {
  "b": "word-left",
  "f": "word-right",
  "d": "kill-word-right",
  "\x08": "kill-word-left",
  "\x7f": "kill-word-left",
};

/** Control sequences: parameters and final byte, as xterm, the Linux console, rxvt and tmux send them. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "A": "up",
  "B": "down",
  "C": "right",
  "D": "left",
  "H": "home",
  "F": "end",
  "1~": "home",
  "7~": "home",
  "4~": "end",
  "8~": "end",
  "3~": "delete",
  "1;5C": "word-right",
  "1;5D": "word-left",
  "1;3C": "word-right",
  "1;3D": "word-left",
  "3;5~": "kill-word-right",
  "3;3~": "kill-word-right",
};

const PASTE_BEGINS = "200~", PASTE_ENDS = "201~";
/** Longest sequence that can mean anything; more of it is read to its end and means nothing. */
const MAX_SEQUENCE = 16;

/**
 * Takes the bytes apart, wherever a read cuts them. A sequence that nobody knows does nothing, and a control character
 * in the middle of one ends it and is obeyed, so that Ctrl-C is never swallowed. ESC alone waits for what follows: to
 * tell the two apart would need a clock.
 *
 * What a terminal marks as pasted is text to its end: its line ends are `enter`, its TABs stay, and other control
 * characters are left out, so that a pasted text orders nothing.
 */
export class KeyDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #state: "text" | "escape" | "sequence" | "ss3" = "text";
  #sequence = "";
  #pasting = false;
  /** Whether the last character was CR, so that an LF behind it is the same line end. */
  #cr = false;

  /** The keys in these bytes. Text that stands together comes as one. */
  decode(bytes: Uint8Array): Key[] {
    const keys: Key[] = [];
    let text = "";
    const flush = () => {
      if (text !== "") keys.push({ text });
      text = "";
    };
    for (const char of this.#decoder.decode(bytes, { stream: true })) {
      if (this.#state === "text" && isText(char)) {
        this.#cr = false;
        text += char;
        continue;
      }
      const key = this.#take(char);
      if (key === undefined) continue;
      flush();
      keys.push({ key });
    }
    flush();
    return keys;
  }

  #take(char: string): KeyName | undefined {
    const code = char.charCodeAt(0), afterCr = this.#cr;
    this.#cr = false;
    if (code === 0x1b) {
      this.#state = "escape";
      return;
    }
    if (this.#state === "escape") {
      this.#state = char === "[" ? "sequence" : char === "O" ? "ss3" : "text";
      this.#sequence = "";
      if (this.#state !== "text") return;
      return this.#pasting
        ? undefined
        : Object.hasOwn(ALTS, char)
        ? ALTS[char]
        : this.#control(code, afterCr);
    }
    if (code < 0x20 || code === 0x7f) {
      this.#state = "text";
      return this.#control(code, afterCr);
    }
    if (this.#state === "ss3") {
      this.#state = "text";
      return this.#named(char);
    }
    if (this.#state === "sequence") {
      if (this.#sequence.length <= MAX_SEQUENCE) this.#sequence += char;
      // parameters and intermediates are 0x20 to 0x3f
      if (code >= 0x40) {
        this.#state = "text";
        return this.#named(this.#sequence);
      }
    }
  }

  #control(code: number, afterCr: boolean): KeyName | undefined {
    this.#cr = code === 0x0d;
    if (code === 0x0a && afterCr) return;
    const key = CONTROLS[code];
    return this.#pasting && key !== "enter" ? undefined : key;
  }

  #named(sequence: string): KeyName | undefined {
    if (sequence === PASTE_BEGINS) this.#pasting = true;
    else if (sequence === PASTE_ENDS) this.#pasting = false;
    else if (!this.#pasting && Object.hasOwn(SEQUENCES, sequence)) return SEQUENCES[sequence];
  }
}

/** Whether a character goes into the line. C1 characters, which some terminals obey, don't. */
function isText(char: string): boolean {
  const code = char.charCodeAt(0);
  return code === 0x09 || code >= 0x20 && code < 0x7f || code >= 0xa0;
}
