/** Time in which sockets are read after a timer has run out. */
const READ_MS = 2;

/** A timer that is later than this was held up, and the sockets with it; and how often it waits for them because of that. */
const LATE_MS = 5, MAX_READS = 10;

/**
 * Calls back once, after `ms` milliseconds, when sockets were read too: a program that computes for a while holds up timers
 * and sockets, and Deno runs timers first. What has arrived meanwhile would count as missing and be sent once more, and
 * the answers to that would find the socket's buffer full.
 *
 * @returns Cancels it.
 */
export function setSocketTimer(ms: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = (reads: number) => {
    const dueAt = performance.now() + READ_MS;
    timer = setTimeout(() => {
      if (reads < MAX_READS && performance.now() - dueAt > LATE_MS) read(reads + 1);
      else callback();
    }, READ_MS);
  };
  timer = setTimeout(read, ms, 1);
  return () => clearTimeout(timer);
}
