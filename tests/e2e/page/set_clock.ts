/**
 * Loaded into a server before its program: its clocks show what a file says, so that what it keeps has the same times
 * each time. `SET_CLOCK` is the file, with the milliseconds since 1970.
 *
 * @module
 */

const file = Deno.env.get("SET_CLOCK")!, setTime = () => Number(Deno.readTextFileSync(file));
const { now } = performance, start = setTime();
let set = start, setAt = now.call(performance), last = 0;

Date.now = setTime;
// what takes its times from both sees the same, however long the machine takes from one setting to the next
performance.now = () => {
  const time = setTime(), real = now.call(performance);
  if (time !== set) [set, setAt] = [time, real];
  return last = Math.max(last, time - start + real - setAt);
};
