/**
 * Servers that serve many inputs, one after the other: to start one takes as long as a hundred inputs. What is thrown where
 * nobody catches it is a fault of the input during which it was thrown.
 *
 * @module
 */

import { corpusLine } from "../engine/corpus.ts";
import { type Bytes, Fault } from "../engine/target.ts";

/** Inputs that one server serves. */
const MAX_INPUTS = 100;

/** A server, its clients and its clock. */
export interface World {
  /** Whether it is to serve no further input. */
  readonly isSpent: boolean;
  /** Runs an input. */
  run(input: Bytes): Promise<void>;
  close(): Promise<void>;
}

/** What was thrown and not caught, also in a promise, since it was asked for last. */
const uncaught: Error[] = [];
let isListening = false;

/** From now on what nobody catches is kept for {@linkcode throwUncaught}. */
export function listen() {
  if (isListening) return;
  isListening = true;
  const add = (event: Event, error: unknown) => {
    event.preventDefault();
    uncaught.push(error instanceof Error ? error : new Error(`${error}`));
  };
  addEventListener("error", (event) => add(event, event.error));
  addEventListener("unhandledrejection", (event) => add(event, event.reason));
}

/** @throws What nobody has caught. */
export function throwUncaught() {
  const [error] = uncaught.splice(0);
  if (error !== undefined) throw error;
}

export class Lives {
  readonly #start: () => Promise<World>;
  #world: World | undefined;
  #inputs: Bytes[] = [];

  constructor(start: () => Promise<World>) {
    this.#start = start;
  }

  /** Runs an input; if it fails, in a server of its own too, so that it can be repeated. */
  async run(input: Bytes): Promise<void> {
    listen();
    const before = this.#inputs;
    try {
      await this.#attempt(input);
    } catch (error) {
      await this.end();
      if (before.length === 0) throw error;
      await this.#attempt(input);
      await this.end();
      const lines = [...before, input].map(corpusLine).join("\n");
      const fault = new Fault(`${(error as Error).message}\nonly after the inputs before it:\n${lines}`);
      fault.stack = (error as Error).stack ?? "";
      throw fault;
    }
  }

  async #attempt(input: Bytes): Promise<void> {
    this.#world ??= await this.#start();
    this.#inputs.push(input);
    await this.#world.run(input);
    throwUncaught();
    if (this.#world.isSpent || this.#inputs.length >= MAX_INPUTS) await this.end();
  }

  /** Stops the server. */
  async end(): Promise<void> {
    const world = this.#world;
    this.#world = undefined;
    this.#inputs = [];
    await world?.close();
    throwUncaught();
  }
}
