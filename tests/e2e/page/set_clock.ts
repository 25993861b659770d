/**
 * Loaded into a server before its program: its clocks show what a file says, so that what it keeps has the same times
 * each time. `SET_CLOCK` is the file, with the milliseconds since 1970.
 *
 * @module
 */

const file = Deno.env.get("SET_CLOCK")!, setTime = () => Number(Deno.readTextFileSync(file));
const { now } = performance, start = setTime();

Date.now = setTime;
// what takes its times from both sees the same
performance.now = () => now.call(performance) + setTime() - start;
