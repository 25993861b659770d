/**
 * Decodes the bytes that a terminal sends into keys.
 *
 * @module
 */

/** Control characters, by code. A TAB that is pasted is text; the others do nothing. */
const CONTROLS = {
  0x01: "home",
  0x02: "left",
  0x03: "interrupt",
  0x04: "end-of-input",
  0x05: "end",
  0x06: "right",
  0x07: "cancel",
  0x08: "backspace",
  0x09: "tab",
  0x0a: "enter",
  0x0b: "kill-to-end",
  0x0c: "clear",
  0x0d: "enter",
  0x0e: "down",
  0x10: "up",
  0x12: "search",
  0x15: "kill-to-start",
  0x17: "kill-space-word",
  0x19: "yank",
  0x1a: "suspend",
  0x7f: "backspace",
} as const;

/** Characters behind ESC: Alt and a key. */
const ALTS = {
  "b": "word-left",
  "f": "word-right",
  "d": "kill-word-right",
  "\x08": "kill-word-left",
  "\x7f": "kill-word-left",
} as const;

/** Control sequences: parameters and final byte, as xterm, the Linux console, rxvt and tmux send them. */
const SEQUENCES = {
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
} as const;

type Values<T> = T[keyof T];

export type KeyName =
  | Values<typeof CONTROLS>
  | Values<typeof ALTS>
  | Values<typeof SEQUENCES>
  | "escape";

/** What was typed or pasted, or the name of a key that is no text. */
export type Key = { text: string } | { key: KeyName };

const PASTE_BEGINS = "200~", PASTE_ENDS = "201~";
/** Longest sequence that is recognized; a longer one is skipped. */
const MAX_SEQUENCE = 16;

/**
 * Decodes bytes, wherever a read cuts them. An unknown sequence does nothing. A control character inside a sequence ends
 * it and counts, so that Ctrl-C is never lost. ESC alone waits for the next character: only a clock can show that none
 * follows, which is the caller's ({@linkcode KeyDecoder.endEscape}).
 *
 * Pasted text, which the terminal marks, is text to its end: its line ends are `enter`, its TABs stay, and other control
 * characters are dropped, so that pasted text gives no commands.
 */
export class KeyDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #state: "text" | "escape" | "sequence" | "ss3" = "text";
  #sequence = "";
  #isPasting = false;
  /** Whether the last character was CR, so that an LF behind it is the same line end. */
  #isAfterCr = false;

  /** The keys in these bytes. Adjacent characters are one text. */
  decode(bytes: Uint8Array): Key[] {
    const keys: Key[] = [];
    let text = "";
    const flush = () => {
      if (text !== "") keys.push({ text });
      text = "";
    };
    for (const char of this.#decoder.decode(bytes, { stream: true })) {
      if (this.#state === "text" && (isText(char) || char === "\t" && this.#isPasting)) {
        this.#isAfterCr = false;
        text += char;
        continue;
      }
      const key = this.#decode(char);
      if (key === undefined) continue;
      flush();
      keys.push({ key });
    }
    flush();
    return keys;
  }

  /** Whether the last byte was an ESC, which may be a key of its own or the beginning of another. */
  get isEscaping(): boolean {
    return this.#state === "escape" && !this.#isPasting;
  }

  /** Takes the ESC as a key of its own, because nothing has followed it in time. */
  endEscape(): Key[] {
    if (!this.isEscaping) return [];
    this.#state = "text";
    return [{ key: "escape" }];
  }

  #decode(char: string): KeyName | undefined {
    const code = char.charCodeAt(0), afterCr = this.#isAfterCr;
    this.#isAfterCr = false;
    if (code === 0x1b) {
      this.#state = "escape";
      return;
    }
    if (this.#state === "escape") {
      this.#state = char === "[" ? "sequence" : char === "O" ? "ss3" : "text";
      this.#sequence = "";
      if (this.#state !== "text") return;
      return this.#isPasting ? undefined : lookUp(ALTS, char) ?? this.#control(code, afterCr);
    }
    if (code < 0x20 || code === 0x7f) {
      this.#state = "text";
      return this.#control(code, afterCr);
    }
    if (this.#state === "ss3") {
      this.#state = "text";
      return this.#sequenceKey(char);
    }
    if (this.#state === "sequence") {
      if (this.#sequence.length <= MAX_SEQUENCE) this.#sequence += char;
      // parameters and intermediates are 0x20 to 0x3f
      if (code >= 0x40) {
        this.#state = "text";
        return this.#sequenceKey(this.#sequence);
      }
    }
  }

  #control(code: number, afterCr: boolean): KeyName | undefined {
    this.#isAfterCr = code === 0x0d;
    if (code === 0x0a && afterCr) return;
    const key = lookUp(CONTROLS, code);
    return this.#isPasting && key !== "enter" ? undefined : key;
  }

  #sequenceKey(sequence: string): KeyName | undefined {
    if (sequence === PASTE_BEGINS) this.#isPasting = true;
    else if (sequence === PASTE_ENDS) this.#isPasting = false;
    else if (!this.#isPasting) return lookUp(SEQUENCES, sequence);
  }
}

function lookUp(keys: Readonly<Record<string, KeyName>>, name: string | number): KeyName | undefined {
  return Object.hasOwn(keys, name) ? keys[name] : undefined;
}

/** Whether a character goes into the line. C1 characters, which some terminals obey, do not. */
function isText(char: string): boolean {
  const code = char.charCodeAt(0);
  return code >= 0x20 && code < 0x7f || code >= 0xa0;
}
